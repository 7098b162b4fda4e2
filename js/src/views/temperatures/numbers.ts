/** What the temperature view shows: a temperature for each sample, and what they are worth. */

import type { HeatAnswer, HeatQuestion } from "../../core/heatanswer";
import { ballTemperatures, scoresAt } from "../../core/sampletemperature";
import type { Session } from "../../core/session";
import type { Shown } from "../../core/shown";
import { fitTemperature } from "../../core/temperature";
import { BINS, type Bins } from "../loss/histogram";
import { MOST_SAMPLES, type Part, type Samples, samplesOf } from "../loss/samples";

export const LIMITS = [0.05, 20] as const; // of a temperature, as the shared slider's
const OF_MODELS = [0.001, 20] as const; // where a model divides cosines
const AXIS = [Math.log10(0.01), Math.log10(20)] as const; // learnt ones may be colder
/** Where temperatures come from. */
export const SOURCES = {
  ball: "closed form (DRO)",
  tempnet: "TempNet, learnt",
  correctness: "correctness-aware, learnt",
  model: "the model's own",
};
export type By = keyof typeof SOURCES;

export const HOTTEST = 0.05; // share of the samples that the button selects

/** How the network takes a sample: as its label, otherwise, or the label is wrong. */
export const GROUPS = ["right", "wrong", "mislabelled"] as const;

export interface Worth {
  nll: number;
  ece: number;
}

export interface Temperatures {
  samples: Samples; // its groups are those of GROUPS
  temperature: Float64Array;
  order: Int32Array; // numbers of the rows, hottest first; ties in their order
  own: Worth; // with these temperatures
  fitted: number; // one for all, of least NLL on the validation samples
  one: Worth; // with it
  trained: Worth; // at 1
  wrongHotter: number; // share of pairs of a wrong and a right sample; NaN without one of them
}

const kept = new WeakMap<object, Map<string, Temperatures>>();
const fits = new WeakMap<Shown, number>();
const MOST = 6;

/** Of least distance `rho` from uniform, in closed form. */
export function ballShown(session: Session, at: Shown, part: Part, rho: number): Temperatures {
  const { k } = session.dataset!;
  const [low, high] = LIMITS;
  return known(at, `${part} ${rho}`, () => {
    const samples = samplesOf(session, at, part);
    return measured(at, k, samples, ballTemperatures(samples.logits, k, { rho, low, high }));
  });
}

/** What only the kernel can say: temperatures that a network learns, or that the model gives itself. */
export const questionFor = (at: Shown, by: By, part: Part): HeatQuestion | null =>
  by === "ball" ? null : { by, step: at.snapshot.step, member: at.member, part, most: MOST_SAMPLES };

/** Of the kernel's answer; null: it is about other samples. */
export function learntShown(
  session: Session,
  at: Shown,
  part: Part,
  answer: HeatAnswer,
): Temperatures | null {
  const { k } = session.dataset!;
  const samples = samplesOf(session, at, part);
  const { temperature, divided } = answer;
  if (temperature.length !== samples.rows.length) return null;
  return known(answer, "", () => {
    if (divided.length !== at.labels.length) return measured(at, k, samples, temperature);
    const times = (z: Float32Array, by: Float64Array) => z.map((v, i) => v * by[Math.floor(i / k)]!);
    const whole = { ...at, logits: times(at.logits, divided) };
    const undone = { ...samples, logits: times(samples.logits, temperature) };
    return measured(whole, k, undone, temperature, OF_MODELS);
  });
}

function known(at: object, key: string, make: () => Temperatures): Temperatures {
  const all = kept.get(at) ?? new Map<string, Temperatures>();
  kept.set(at, all);
  const found = all.get(key) ?? make();
  all.delete(key);
  all.set(key, found);
  if (all.size > MOST) all.delete(all.keys().next().value!);
  return found;
}

function measured(
  at: Shown,
  k: number,
  samples: Samples,
  temperature: Float64Array,
  bounds: readonly [number, number] = LIMITS,
): Temperatures {
  const fitted = fits.get(at) ?? fitTemperature(at.logits, at.labels, k, { bounds }).temperature;
  fits.set(at, fitted);
  const worth = (t: (row: number) => number) => scoresAt(samples.logits, samples.labels, k, t);
  return {
    samples,
    temperature,
    order: Int32Array.from(samples.rows.keys()).sort((a, b) => temperature[b]! - temperature[a]! || a - b),
    own: worth((row) => temperature[row]!),
    fitted,
    one: worth(() => fitted),
    trained: worth(() => 1),
    wrongHotter: pairShare(ofGroup(temperature, samples.groups, 1), ofGroup(temperature, samples.groups, 0)),
  };
}

export const ofGroup = (values: Float64Array, groups: Uint8Array, group: number): Float64Array =>
  values.filter((_, i) => groups[i] === group);

/** P(high > low) + P(high = low) / 2. */
function pairShare(high: Float64Array, low: Float64Array): number {
  const sorted = low.slice().sort();
  let sum = 0;
  let [below, level] = [0, 0];
  for (const v of high.slice().sort()) {
    while (below < sorted.length && sorted[below]! < v) below++;
    level = Math.max(level, below);
    while (level < sorted.length && sorted[level] === v) level++;
    sum += below + (level - below) / 2;
  }
  return sum / (high.length * low.length);
}

/** Bins of the logarithm of the temperatures, the groups apart. */
export function heatBins(temperature: Float64Array, groups: Uint8Array): Bins {
  const [low, high] = AXIS;
  const out: Bins = {
    bin: new Int16Array(temperature.length),
    counts: new Uint32Array(3 * BINS),
    log: true,
    low,
    high,
  };
  temperature.forEach((t, i) => {
    const place = Math.floor(((Math.log10(t) - low) / (high - low)) * BINS);
    const b = Math.min(BINS - 1, Math.max(0, place));
    out.bin[i] = b;
    out.counts[3 * b + groups[i]!]!++;
  });
  return out;
}

/** The hottest share of the samples, at least one, as sample indices in ascending order. */
export function hottest({ samples, order }: Temperatures, share = HOTTEST): Int32Array {
  const count = Math.max(1, Math.ceil(share * order.length - 1e-9));
  return Int32Array.from(order.subarray(0, count), (i) => samples.rows[i]!).sort();
}
