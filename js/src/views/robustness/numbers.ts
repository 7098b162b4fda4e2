/** What the robustness view shows: margins, distances found and certified, accuracy under FGSM by radius. */

import { evenly, takeRows } from "../../core/arrays";
import {
  deepfool,
  fgsm,
  fgsmSigns,
  lineDistance,
  logitMargins,
  nearestOther,
  pgdDistance,
  robustAccuracy,
  type Search,
} from "../../core/attacks";
import { type Certificate, certificate } from "../../core/certificates";
import { said } from "../../core/criteria";
import { InputGradient } from "../../core/gradient";
import type { Dataset } from "../../core/session";
import type { Shown } from "../../core/shown";
import { argmax, softmaxRow } from "../../core/softmax";

export const MOST_ATTACKED = 240; // samples; as clsviz/widgets/robustness.py
export const RADII = 41; // points of the curves; likewise
const REACH = 0.75; // of the samples' root mean square distance from their mean: where radii end; likewise
const OVERSHOOT = 0.02; // of DeepFool; a linear network's boundary is met exactly
const LINE = { scans: 50, halvings: 40 }; // likewise
const PGD = { scans: 8, halvings: 12, steps: 20 }; // likewise
const FAR = 2; // times the largest radius asked about: so far PGD looks; likewise

/** How distances are found. */
export type By = "deepfool" | "line" | "pgd";
export const METHODS: Record<By, string> = {
  deepfool: "DeepFool",
  pgd: "PGD",
  line: "towards a sample",
};

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
export const thinned = (places: Int32Array): Int32Array => evenly(places, MOST_ATTACKED);

/** One sample under attack. */
interface Attacked {
  distance: number; // inf: no boundary was found
  certified: number; // nothing nearer is called otherwise
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
  certified: number;
}

/** Accuracy of samples against radius, or at one. */
export interface Accuracy<T> {
  found: T; // right, and no boundary found within the radius: not less is the truth
  certified: T; // right, and certainly none: not more is the truth
  fgsm: T; // right after a step of that length
}

/** Attacks on one network by one method; samples are attacked once and kept. */
export class Attacks {
  readonly linear: boolean;
  readonly exact: boolean; // whether the distances are
  readonly radii: Float64Array;
  readonly proof: Certificate;
  private readonly net: InputGradient;
  private readonly kept = new Map<number, Attacked>();
  private going: { sample: number; search: Search } | null = null;
  private pool: { rows: Float32Array[]; calls: Int32Array } | null = null;

  constructor(
    private readonly data: Dataset,
    private readonly at: Shown,
    private readonly limit: number,
    readonly by: By,
  ) {
    this.net = new InputGradient(at.network!, at.theta!);
    this.proof = certificate(at.network!, at.theta!);
    this.linear = this.proof.by === "linear";
    this.exact = this.linear && by === "deepfool";
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
        const known = this.kept.has(sample) || (performance.now() < until && this.pursue(sample, until));
        if (known) done.push(i);
      }
    return done.sort((a, b) => a - b);
  }

  distance(sample: number): number {
    return this.of(sample).distance;
  }

  certified(sample: number): number {
    return this.of(sample).certified;
  }

  curves(samples: ArrayLike<number>, correct: ArrayLike<number>): Accuracy<Float64Array> {
    const attacked = Array.from(samples, (sample) => this.of(sample));
    return {
      ...this.within(attacked, correct, this.radii),
      fgsm: this.radii.map((_, r) => attacked.reduce((n, a) => n + a.right[r]!, 0) / attacked.length),
    };
  }

  accuracy(samples: ArrayLike<number>, correct: ArrayLike<number>, radius: number): Accuracy<number> {
    const attacked = Array.from(samples, (sample) => this.of(sample));
    const { found, certified } = this.within(attacked, correct, [radius]);
    const right = attacked.reduce((n, { signs }, i) => n + Number(this.stays(samples[i]!, signs, radius)), 0);
    return { found: found[0]!, certified: certified[0]!, fgsm: right / attacked.length };
  }

  private within(attacked: readonly Attacked[], correct: ArrayLike<number>, radii: ArrayLike<number>) {
    const curve = (of: "distance" | "certified") =>
      robustAccuracy(
        attacked.map((a) => a[of]),
        correct,
        radii,
      );
    return { found: curve("distance"), certified: curve("certified") };
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
      certified: this.certified(sample),
    };
  }

  private of(sample: number): Attacked {
    if (!this.kept.has(sample)) this.pursue(sample, Number.POSITIVE_INFINITY);
    return this.kept.get(sample)!;
  }

  /** Goes on with the search for a sample's distance; returns whether it has ended. */
  private pursue(sample: number, until: number): boolean {
    if (this.going?.sample !== sample) this.going = { sample, search: this.search(sample) };
    let next = this.going.search.next();
    while (!next.done && performance.now() < until) next = this.going.search.next();
    if (!next.done) return false;
    this.going = null;
    const x = this.x(sample);
    const signs = fgsmSigns(this.net, x, this.data.y[sample]!);
    this.kept.set(sample, {
      distance: next.value,
      certified: this.proof.radius(this.net.logits(x)),
      signs,
      right: Uint8Array.from(this.radii, (radius) => Number(this.stays(sample, signs, radius))),
    });
    return true;
  }

  private *search(sample: number): Search {
    const x = this.x(sample);
    if (this.by === "pgd") return yield* pgdDistance(this.net, x, FAR * this.limit, PGD);
    if (this.by === "line") {
      const { rows, calls } = this.others();
      const other = nearestOther(x, argmax(this.net.logits(x)), rows, calls);
      return other < 0 ? Number.POSITIVE_INFINITY : yield* lineDistance(this.net, x, rows[other]!, LINE);
    }
    const { distance, success } = deepfool(this.net, x, { overshoot: this.exact ? 0 : OVERSHOOT });
    return success ? distance : Number.POSITIVE_INFINITY;
  }

  /** The validation samples and what they are called. */
  private others() {
    const { at, net } = this;
    this.pool ??= {
      rows: Array.from(at.rows, (sample) => this.x(sample)),
      calls: Int32Array.from(at.rows, (_, i) => argmax(at.logits, i * net.k, net.k)),
    };
    return this.pool;
  }

  private stays(sample: number, signs: Int8Array, radius: number): boolean {
    const moved = fgsm(this.x(sample), signs, this.step(radius));
    return argmax(this.net.logits(moved)) === this.data.y[sample]!;
  }

  private x(sample: number): Float32Array {
    return this.data.X.subarray(sample * this.data.d, (sample + 1) * this.data.d);
  }
}

const attacks = new WeakMap<Shown, Partial<Record<By, Attacks>>>();

/** The attacks on the network shown; null where the browser cannot run it. */
export function attacksOn(data: Dataset, at: Shown, by: By): Attacks | null {
  if (!at.network || !at.theta || data.d === 0) return null;
  const known = attacks.get(at) ?? {};
  attacks.set(at, known);
  known[by] ??= new Attacks(data, at, radiusLimit(data), by);
  return known[by];
}

/** What margins are: nats of the logits, probabilities, or distances in input space. */
export type Kind = "logit" | "probability" | "distance";

export interface Margins {
  places: Int32Array; // (n,) rows of `Shown` that have a margin
  samples: Int32Array; // (n,) of the dataset
  correct: Uint8Array; // (n,)
  margins: Float64Array; // (n,) negative where wrong
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

/** Of the probabilities, as "margin below" of the lab's selection has it. */
export function probabilityMarginsOf(at: Shown, places: Int32Array, k: number, temperature: number): Margins {
  const rows = rowsOf(at, places, k);
  const labels = Int32Array.from(places, (i) => at.labels[i]!);
  return {
    ...rows,
    margins: said(rows.samples, takeRows(at.logits, k, places), labels, k, temperature).margin,
  };
}

/** How many samples of each class there are, and how many of them have a margin below the threshold: (k, 2). */
export function belowByClass(
  at: Shown,
  { places, margins }: Margins,
  threshold: number,
  k: number,
): Uint32Array {
  const counts = new Uint32Array(2 * k);
  places.forEach((i, n) => {
    const label = at.labels[i]!;
    counts[2 * label]!++;
    if (margins[n]! < threshold) counts[2 * label + 1]!++;
  });
  return counts;
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
