/** What the robustness view shows: margins, distances found by DeepFool, accuracy under FGSM by radius. */

import { takeRows } from "../../core/arrays";
import { deepfool, fgsm, fgsmSigns, logitMargins, robustAccuracy } from "../../core/attacks";
import { InputGradient } from "../../core/gradient";
import type { Dataset } from "../../core/session";
import type { Shown } from "../../core/shown";
import { argmax, softmaxRow } from "../../core/softmax";

export const MOST_ATTACKED = 240; // samples; as clsviz/widgets/robustness.py
export const RADII = 41; // points of the curves; likewise
const REACH = 0.75; // of the samples' root mean square distance from their mean: where radii end; likewise
const OVERSHOOT = 0.02; // of DeepFool; a linear network's boundary is met exactly

/** The largest radius asked about: a share of how far samples are from their mean, to two digits. */
export function radiusLimit(data: Dataset): number {
  const { X, d, validation: rows } = data;
  const mean = new Float64Array(d);
  for (const row of rows) for (let j = 0; j < d; j++) mean[j]! += X[row * d + j]! / rows.length;
  let square = 0;
  for (const row of rows)
    for (let j = 0; j < d; j++) square += (X[row * d + j]! - mean[j]!) ** 2 / rows.length;
  return Number((REACH * Math.sqrt(square)).toPrecision(2)) || 1;
}

/** Radii (RADII,) from 0 to the limit. */
export const radiiTo = (limit: number): Float64Array =>
  Float64Array.from({ length: RADII }, (_, i) => (limit * i) / (RADII - 1));

/** The rows that are attacked: all, or evenly chosen ones of them. */
export function thinned(places: Int32Array): Int32Array {
  if (places.length <= MOST_ATTACKED) return places;
  return Int32Array.from(
    { length: MOST_ATTACKED },
    (_, i) => places[Math.floor((i * places.length) / MOST_ATTACKED)]!,
  );
}

/** One sample under attack. */
interface Attacked {
  distance: number; // inf: no boundary was found
  signs: Int8Array;
  right: Uint8Array; // (RADII,) whether FGSM of this length leaves it right
}

/** What a copy of the marked sample is, and what the network says of both. */
export interface Pair {
  sample: number;
  label: number;
  values: readonly [Float32Array, Float64Array];
  calls: readonly [number, number]; // classes
  probs: readonly [number, number]; // of these, at the temperature
  distance: number;
}

/** Attacks on one network; samples are attacked once and kept. */
export class Attacks {
  readonly exact: boolean;
  readonly radii: Float64Array;
  private readonly net: InputGradient;
  private readonly kept = new Map<number, Attacked>();

  constructor(
    private readonly data: Dataset,
    at: Shown,
    limit: number,
  ) {
    this.net = new InputGradient(at.network!, at.theta!);
    this.exact = at.network!.kind === "linear";
    this.radii = radiiTo(limit);
  }

  /** FGSM's step in each feature, so that its whole length is the radius. */
  step(radius: number): number {
    return radius / Math.sqrt(this.net.d);
  }

  /** Attacks samples until `until` (performance.now()); returns those that it has answers for. */
  attack(samples: ArrayLike<number>, until: number): number[] {
    const done: number[] = [];
    // in strides, so that those known first stand for all
    const stride = Math.max(1, Math.round(Math.sqrt(samples.length)));
    for (let first = 0; first < stride; first++)
      for (let i = first; i < samples.length; i += stride) {
        const sample = samples[i]!;
        if (!this.kept.has(sample) && performance.now() >= until) continue;
        this.of(sample);
        done.push(i);
      }
    return done.sort((a, b) => a - b);
  }

  distance(sample: number): number {
    return this.of(sample).distance;
  }

  /** Accuracy of samples against radius: by their distances, and under FGSM. */
  curves(
    samples: ArrayLike<number>,
    correct: ArrayLike<number>,
  ): { found: Float64Array; fgsm: Float64Array } {
    const attacked = Array.from(samples, (sample) => this.of(sample));
    const fgsm = this.radii.map((_, r) => attacked.reduce((n, a) => n + a.right[r]!, 0) / attacked.length);
    return {
      found: robustAccuracy(
        attacked.map((a) => a.distance),
        correct,
        this.radii,
      ),
      fgsm,
    };
  }

  /** Accuracy of samples under FGSM at one radius. */
  fgsmAccuracy(samples: ArrayLike<number>, radius: number): number {
    let right = 0;
    for (let i = 0; i < samples.length; i++)
      right += Number(this.stays(samples[i]!, this.of(samples[i]!).signs, radius));
    return right / samples.length;
  }

  pair(sample: number, radius: number, temperature: number): Pair {
    const x = this.x(sample);
    const moved = fgsm(x, this.of(sample).signs, this.step(radius));
    const said = [x, moved].map((values) => {
      const z = this.net.logits(values);
      const call = argmax(z);
      return [call, softmaxRow(z, 0, this.net.k, temperature)[call]!] as const;
    }) as [readonly [number, number], readonly [number, number]];
    return {
      sample,
      label: this.data.y[sample]!,
      values: [x, moved],
      calls: [said[0][0], said[1][0]],
      probs: [said[0][1], said[1][1]],
      distance: this.distance(sample),
    };
  }

  private of(sample: number): Attacked {
    const known = this.kept.get(sample);
    if (known) return known;
    const x = this.x(sample);
    const { distance, success } = deepfool(this.net, x, { overshoot: this.exact ? 0 : OVERSHOOT });
    const signs = fgsmSigns(this.net, x, this.data.y[sample]!);
    const right = Uint8Array.from(this.radii, (radius) => Number(this.stays(sample, signs, radius)));
    const fresh = { distance: success ? distance : Number.POSITIVE_INFINITY, signs, right };
    this.kept.set(sample, fresh);
    return fresh;
  }

  private stays(sample: number, signs: Int8Array, radius: number): boolean {
    const moved = fgsm(this.x(sample), signs, this.step(radius));
    return argmax(this.net.logits(moved)) === this.data.y[sample]!;
  }

  private x(sample: number): Float32Array {
    return this.data.X.subarray(sample * this.data.d, (sample + 1) * this.data.d);
  }
}

const attacks = new WeakMap<Shown, Attacks>();

/** The attacks on the network shown; null where the browser cannot run it. */
export function attacksOn(data: Dataset, at: Shown): Attacks | null {
  if (!at.network || !at.theta || data.d === 0) return null;
  const known = attacks.get(at) ?? new Attacks(data, at, radiusLimit(data));
  attacks.set(at, known);
  return known;
}

export interface Margins {
  places: Int32Array; // (n,) rows of `Shown` that have a margin
  samples: Int32Array; // (n,) of the dataset
  correct: Uint8Array; // (n,)
  margins: Float64Array; // (n,) nats at the temperature, or distances, negative where wrong
}

/** Rows of the class looked at; null: of all. */
export function placesOf(at: Shown, target: number | null): Int32Array {
  const all = Int32Array.from(at.rows.keys());
  return target === null ? all : all.filter((i) => at.labels[i] === target);
}

const corrects = new WeakMap<Shown, Uint8Array>();

export function correctOf(at: Shown, k: number): Uint8Array {
  const known =
    corrects.get(at) ??
    Uint8Array.from(at.labels, (label, i) => Number(argmax(at.logits, i * k, k) === label));
  corrects.set(at, known);
  return known;
}

export function logitMarginsOf(at: Shown, places: Int32Array, k: number, temperature: number): Margins {
  const labels = Int32Array.from(places, (i) => at.labels[i]!);
  return {
    ...rowsOf(at, places, k),
    margins: logitMargins(takeRows(at.logits, k, places), labels, k, temperature),
  };
}

export function distancesOf(at: Shown, places: Int32Array, k: number, found: Attacks): Margins {
  const rows = rowsOf(at, places, k);
  const margins = Float64Array.from(
    rows.samples,
    (sample, i) => (rows.correct[i] ? 1 : -1) * found.distance(sample),
  );
  return { ...rows, margins };
}

function rowsOf(at: Shown, places: Int32Array, k: number): Omit<Margins, "margins"> {
  const correct = correctOf(at, k);
  return {
    places,
    samples: Int32Array.from(places, (i) => at.rows[i]!),
    correct: Uint8Array.from(places, (i) => correct[i]!),
  };
}
