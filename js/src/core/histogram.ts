/**
 * Probabilities in bins so fine that diagrams of many bin numbers, and all thresholds, are read off them.
 * Edges j / bins of a fine histogram are those k / B of every B that divides it, as one rounding each.
 */

import { binEdges, emptySums, type Kept, type Sums } from "./reliability";

/** Divisible by the bin numbers of the menu (5 .. 500), and by the 1000 steps of a threshold. */
export const FINE = 3000;

/** Pairs (probability, whether it came true) of n samples, and the sums their scores are made of. */
export interface Histogram extends Sums {
  scores: Scores;
  /** Most that `ece` can be off with `nBins` equal bins, where the probabilities themselves are inexact. */
  slack: number;
}

/** Sums over samples. */
export interface Scores {
  logSum: number; // log of the softmax's denominator, the largest logit shifted to 0
  brier: number;
}

/** The fine histograms from which `nBins` bins and a threshold can be read without splitting a bin. */
export function fineBins(nBins: number): number[] {
  return FINE % nBins === 0 ? [FINE] : [FINE, nBins * Math.ceil(FINE / nBins)];
}

export function emptyHistogram(bins: number): Histogram {
  return { ...emptySums(fineEdges(bins)), scores: { logSum: 0, brier: 0 }, slack: 0 };
}

const edgesOf = new Map<number, Float64Array>();

function fineEdges(bins: number): Float64Array {
  let edges = edgesOf.get(bins);
  if (!edges) {
    edges = binEdges(new Float64Array(0), bins, "equal_width");
    edgesOf.set(bins, edges);
  }
  return edges;
}

/** Puts one pair in: [edge, next edge), the last one closed. */
export function put(h: Sums, value: number, hit: number): void {
  const last = h.count.length - 1;
  let b = Math.min(last, (value * (last + 1)) | 0);
  if (value < h.edges[b]!) b--;
  else if (b < last && value >= h.edges[b + 1]!) b++;
  h.count[b]!++;
  h.value[b]! += value;
  h.hits[b]! += hit;
}

/** Neighbouring bins together, `nBins` in all; `nBins` divides theirs. */
export function coarsen(h: Sums, nBins: number): Sums {
  const each = h.count.length / nBins;
  const out = emptySums(fineEdges(nBins));
  for (let b = 0; b < nBins; b++) {
    for (let j = b * each; j < (b + 1) * each; j++) {
      out.count[b]! += h.count[j]!;
      out.value[b]! += h.value[j]!;
      out.hits[b]! += h.hits[j]!;
    }
  }
  return out;
}

/** Coverage and accuracy at a threshold below 1, which lies on an edge. */
export function keptOf(h: Sums, threshold: number): Kept {
  const bins = h.count.length;
  let kept = 0;
  let hits = 0;
  let n = 0;
  const from = Math.round(threshold * bins);
  for (let j = 0; j < bins; j++) {
    n += h.count[j]!;
    if (j < from) continue;
    kept += h.count[j]!;
    hits += h.hits[j]!;
  }
  return { coverage: kept / n, accuracy: hits / kept };
}

/**
 * How far an ECE is off when logits were rounded to `step` nats: four standard deviations of independent
 * rounding errors. They move probabilities, and samples over edges: between bins whose gaps have one sign
 * that changes nothing.
 */
export function roundingBound(h: Histogram, nBins: number, temperature: number, step: number): number {
  const relative = step / Math.sqrt(12) / temperature;
  const deviation = (v: number) => v * (1 - v) * relative;
  const coarse = coarsen(h, nBins);
  const lean = (b: number) => coarse.hits[b]! - coarse.value[b]!;
  const fine = h.count.length;
  let n = 0;
  let variance = 0;
  let bias = 0;
  for (let j = 0; j < fine; j++) {
    const count = h.count[j]!;
    if (count === 0) continue;
    const v = h.value[j]! / count;
    n += count;
    variance += count * deviation(v) ** 2;
    bias += (count * v * (1 - v) * relative ** 2) / 2; // exp is convex
  }
  for (let b = 1; b < nBins; b++) {
    const j = (b * fine) / nBins;
    const crossing = (h.count[j - 1]! + h.count[j]!) * fine * deviation(b / nBins);
    const unsure = SIGMAS * 2 * Math.sqrt(crossing);
    const [left, right] = [lean(b - 1), lean(b)];
    const opposed = left * right < 0 || Math.min(Math.abs(left), Math.abs(right)) < unsure;
    if (opposed) variance += 4 * crossing;
  }
  return (SIGMAS * Math.sqrt(variance) + bias) / n;
}

const SIGMAS = 4;
