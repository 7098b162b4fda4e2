/** Confidence against accuracy: bins, errors and scores (same numbers as clsviz.calibration). */

import { argmax } from "./softmax";

export type Scheme = "equal_width" | "equal_mass";

/** Normal quantile of a two-sided 90 % interval. */
export const Z90 = 1.6448536269514722;

/** What is binned: probability `value` against outcome `hit`. */
export interface Outcomes {
  value: Float64Array; // (n,) probability in [0, 1]
  hit: Uint8Array; // (n,) 1 where it came true
}

/** Outcomes with the scores of the same softmax. */
export interface Pairs extends Outcomes {
  nll: number; // mean -log p of the label
  brier: number; // mean squared distance to the one-hot label, 0..2
}

/**
 * Pairs of softmax(logits / temperature): the top guess and whether it is right (ties go to the lowest
 * class), or with `target` the probability of that class and whether it is the label.
 */
export function pairs(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  temperature: number,
  target: number | null = null,
): Pairs {
  const n = labels.length;
  if (n === 0)
    throw new Error("A reliability diagram needs at least one sample; there are none to validate on.");
  if (!(temperature > 0)) throw new Error(`temperature must be above 0, got ${temperature}.`);
  const value = new Float64Array(n);
  const hit = new Uint8Array(n);
  const p = new Float64Array(k);
  let nll = 0;
  let brier = 0;
  for (let i = 0; i < n; i++) {
    const from = i * k;
    const label = labels[i]!;
    const top = argmax(logits, from, k);
    const max = logits[from + top]!;
    let sum = 0;
    for (let j = 0; j < k; j++) sum += p[j] = Math.exp((logits[from + j]! - max) / temperature);
    nll += Math.log(sum) - (logits[from + label]! - max) / temperature;
    for (let j = 0; j < k; j++) brier += (p[j]! / sum - (j === label ? 1 : 0)) ** 2;
    const read = target ?? top;
    value[i] = p[read]! / sum;
    hit[i] = read === label ? 1 : 0;
  }
  return { value, hit, nll: nll / n, brier: brier / n };
}

/** Bin edges from 0 to 1. Equal mass: quantiles, duplicates removed, so there may be fewer bins. */
export function binEdges(values: Float64Array, nBins: number, scheme: Scheme): Float64Array {
  if (!(nBins >= 1)) throw new Error(`n_bins must be 1 or more, got ${nBins}.`);
  // k / B is one rounding: a running sum would put 0.6 beside 3 / 5
  if (scheme === "equal_width") return Float64Array.from({ length: nBins + 1 }, (_, b) => b / nBins);
  const sorted = values.slice().sort();
  const edges = [0];
  for (let b = 1; b < nBins; b++) {
    const edge = quantile(sorted, b / nBins);
    if (edge > edges[edges.length - 1]! && edge < 1) edges.push(edge);
  }
  return Float64Array.from([...edges, 1]);
}

/** Linear interpolation, rounded as numpy does, so that edges and values that are equal there are equal here. */
function quantile(sorted: Float64Array, q: number): number {
  const place = (sorted.length - 1) * q;
  const low = Math.floor(place);
  const t = place - low;
  const a = sorted[low]!;
  const b = sorted[Math.min(low + 1, sorted.length - 1)]!;
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

/** Bin of `value`: [edge, next edge), the last one closed. */
export function binIndex(value: number, edges: Float64Array): number {
  let low = 0;
  let high = edges.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (edges[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Per bin, nan where it is empty; errors over the bins that are not. */
export interface Reliability {
  edges: Float64Array; // (B + 1,)
  index: Int32Array; // (n,) bin of each sample
  counts: Int32Array; // (B,)
  confidence: Float64Array; // (B,) mean probability
  accuracy: Float64Array; // (B,) share that came true
  gap: Float64Array; // (B,) accuracy - confidence; below 0: over-confident
  low: Float64Array; // (B,) Wilson interval of the accuracy
  high: Float64Array;
  ece: number; // mean |gap| over samples
  mce: number; // largest |gap|
  meanConfidence: number;
  meanAccuracy: number;
}

export function reliability(p: Outcomes, nBins: number, scheme: Scheme, z = Z90): Reliability {
  const n = p.value.length;
  const edges = binEdges(p.value, nBins, scheme);
  const index = new Int32Array(n);
  const sums = emptySums(edges);
  for (let i = 0; i < n; i++) {
    const b = binIndex(p.value[i]!, edges);
    index[i] = b;
    sums.count[b]!++;
    sums.value[b]! += p.value[i]!;
    sums.hits[b]! += p.hit[i]!;
  }
  return ofSums(sums, index, z);
}

/** What a diagram is made of, per bin. */
export interface Sums {
  edges: Float64Array; // (B + 1,)
  count: Float64Array; // (B,) samples
  value: Float64Array; // (B,) sum of their probabilities
  hits: Float64Array; // (B,) how many came true
}

export function emptySums(edges: Float64Array): Sums {
  const bins = edges.length - 1;
  return {
    edges,
    count: new Float64Array(bins),
    value: new Float64Array(bins),
    hits: new Float64Array(bins),
  };
}

/** The diagram of sums; `index` (bin of each sample) stays empty where samples are not told apart. */
export function ofSums(s: Sums, index = new Int32Array(0), z = Z90): Reliability {
  const bins = s.count.length;
  const n = total(s.count);
  const [confidence, accuracy, gap] = [0, 0, 0].map(() => new Float64Array(bins)) as Triple;
  const [low, high] = [new Float64Array(bins), new Float64Array(bins)];
  let ece = 0;
  let mce = 0;
  for (let b = 0; b < bins; b++) {
    const count = s.count[b]!;
    confidence[b] = s.value[b]! / count; // 0 / 0: nan in an empty bin
    accuracy[b] = s.hits[b]! / count;
    gap[b] = accuracy[b]! - confidence[b]!;
    [low[b], high[b]] = wilson(accuracy[b]!, count, z);
    if (count === 0) continue;
    ece += (count / n) * Math.abs(gap[b]!);
    mce = Math.max(mce, Math.abs(gap[b]!));
  }
  return {
    edges: s.edges,
    index,
    counts: Int32Array.from(s.count, Math.round),
    confidence,
    accuracy,
    gap,
    low,
    high,
    ece,
    mce,
    meanConfidence: total(s.value) / n,
    meanAccuracy: total(s.hits) / n,
  };
}

type Triple = [Float64Array, Float64Array, Float64Array];

/** What is left when samples below a threshold are withheld; accuracy is nan when none is kept. */
export interface Kept {
  coverage: number; // share of samples kept
  accuracy: number; // share of these that came true
}

export function keptAbove(p: Outcomes, threshold: number): Kept {
  let kept = 0;
  let hits = 0;
  for (let i = 0; i < p.value.length; i++) {
    if (p.value[i]! < threshold) continue;
    kept++;
    hits += p.hit[i]!;
  }
  return { coverage: kept / p.value.length, accuracy: hits / kept };
}

/** Wilson score interval of a share out of `count`; nan when count is 0. */
export function wilson(share: number, count: number, z = Z90): [number, number] {
  const scale = 1 + (z * z) / count;
  const centre = (share + (z * z) / (2 * count)) / scale;
  const half = (z * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count))) / scale;
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

function total(values: Float64Array): number {
  let sum = 0;
  for (const v of values) sum += v;
  return sum;
}
