/**
 * Scores that tell samples from those of no class, and how well they do (same numbers as clsviz.calibration.ood).
 * Higher is always more in-distribution, which is the positive class. No DOM.
 */

import { forward, type Network, parameterCount } from "./forward";
import { cholesky, meanRow } from "./linalg";
import { argmax, softmaxRow } from "./softmax";

/** Detectors that read logits, and those that read the features before the last layer. */
export const OF_LOGITS = ["msp", "max_logit", "energy", "entropy"] as const;
export const OF_FEATURES = ["mahalanobis", "relative_mahalanobis", "knn"] as const;
export type Detector = (typeof OF_LOGITS)[number] | (typeof OF_FEATURES)[number];

export const DETECTORS: Record<Detector, string> = {
  msp: "max softmax",
  max_logit: "max logit",
  energy: "energy",
  entropy: "entropy",
  mahalanobis: "Mahalanobis",
  relative_mahalanobis: "relative Mahalanobis",
  knn: "nearest neighbours",
};

export const readsFeatures = (detector: string): detector is (typeof OF_FEATURES)[number] =>
  (OF_FEATURES as readonly string[]).includes(detector);

/** Scores of rows of logits (n, k) at a temperature; the entropy is negated. */
export function logitScores(
  detector: Detector,
  logits: ArrayLike<number>,
  k: number,
  temperature: number,
): Float64Array {
  const p = new Float64Array(k);
  return Float64Array.from({ length: logits.length / k }, (_, i) => {
    const from = i * k;
    const max = logits[from + argmax(logits, from, k)]!;
    if (detector === "max_logit") return max;
    if (detector === "energy") {
      let sum = 0;
      for (let j = 0; j < k; j++) sum += Math.exp((logits[from + j]! - max) / temperature);
      return max + temperature * Math.log(sum);
    }
    softmaxRow(logits, from, k, temperature, p);
    if (detector === "msp") return p[argmax(p)]!;
    let sum = 0;
    for (const v of p) if (v > 0) sum += v * Math.log(v);
    return sum;
  });
}

/** The part of a network before its last layer, as a network: it ends in a layer that changes nothing. Null of a
 *  linear one, which has none. */
export function body(
  network: Network,
  theta: Float32Array,
): { network: Network; theta: Float32Array } | null {
  const { sizes } = network;
  if (network.kind === "linear" || sizes.length < 3) return null;
  const [hidden, k] = [sizes[sizes.length - 2]!, sizes[sizes.length - 1]!];
  const own = parameterCount(network) - k * (hidden + 1);
  const flat = new Float32Array(own + hidden * (hidden + 1));
  flat.set(theta.subarray(0, own));
  for (let i = 0; i < hidden; i++) flat[own + i * hidden + i] = 1;
  return { network: { ...network, sizes: [...sizes.slice(0, -1), hidden] }, theta: flat };
}

/** Features (n, width) before the last layer; a linear network's are its inputs. */
export function features(
  network: Network,
  theta: Float32Array,
  X: Float32Array,
): { values: Float32Array; width: number } {
  const d = network.sizes[0]!;
  const before = body(network, theta);
  if (!before) return { values: X, width: d };
  const width = before.network.sizes[before.network.sizes.length - 1]!;
  return { values: forward(before.network, before.theta, X, X.length / d), width };
}

/** Share of the features' mean variance that is added to the covariances: units that never fire count too. */
export const RIDGE = 1e-3;
const NEIGHBOUR = 5;

/** What a score of features is measured against. */
export interface Reference {
  values: Float32Array; // (n, width)
  labels: Int32Array;
  width: number;
}

/** Gives scores (n,) to rows of features (n, width). */
export type Scorer = (values: Float32Array) => Float64Array;

const scorers = new WeakMap<Reference, Map<Detector, Scorer>>();

/** Scores features against those of the training part; the covariances are computed once. */
export function featureScorer(detector: Detector, reference: Reference): Scorer {
  const known = scorers.get(reference) ?? new Map<Detector, Scorer>();
  scorers.set(reference, known);
  const make = () =>
    detector === "knn" ? nearest(reference) : mahalanobis(reference, detector === "relative_mahalanobis");
  const found = known.get(detector) ?? make();
  known.set(detector, found);
  return found;
}

/** Multiplications that the score of one point takes, about. */
export const scoreWork = (detector: Detector, { labels, width }: Reference): number =>
  detector === "knn" ? labels.length * width : width * width;

function mahalanobis({ values: train, labels, width }: Reference, relative: boolean): Scorer {
  const n = labels.length;
  const centre = meanRow(train, n, width);
  let variance = 0;
  for (let i = 0; i < train.length; i++) variance += (train[i]! - centre[i % width]!) ** 2 / train.length;
  const ridge = RIDGE * variance;
  const classes = [...new Set(labels)];
  const sums = new Map(classes.map((c) => [c, new Float64Array(width + 1)]));
  for (let r = 0; r < n; r++) {
    const sum = sums.get(labels[r]!)!;
    for (let i = 0; i < width; i++) sum[i]! += train[r * width + i]!;
    sum[width]!++;
  }
  const means = new Map(
    classes.map((c) => [
      c,
      sums
        .get(c)!
        .subarray(0, width)
        .map((v) => v / sums.get(c)![width]!),
    ]),
  );
  const own = whitener(train, width, (r) => means.get(labels[r]!)!, ridge);
  const all = relative ? whitener(train, width, () => centre, ridge) : null;
  const places = classes.map((c) => whitened(own, means.get(c)!, 0, width));
  const middle = all && whitened(all, centre, 0, width);
  return (values) =>
    Float64Array.from({ length: values.length / width }, (_, r) => {
      const place = whitened(own, values, r * width, width);
      let least = Number.POSITIVE_INFINITY;
      for (const mean of places) least = Math.min(least, squaredGap(place, mean));
      return all ? squaredGap(whitened(all, values, r * width, width), middle!) - least : -least;
    });
}

const SPARE = 3; // rows of zeros behind a matrix, which the last four run into

/** y = W x of the row that starts at `from`, four sums at a time: in y, distances are those of Mahalanobis. */
function whitened(W: Float64Array, x: ArrayLike<number>, from: number, width: number): Float64Array {
  const y = new Float64Array(width + SPARE);
  for (let i = 0; i < width; i += 4) {
    const end = Math.min(width, i + 4); // W is lower triangular
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0, at = i * width; j < end; j++, at++) {
      const v = x[from + j]!;
      s0 += v * W[at]!;
      s1 += v * W[at + width]!;
      s2 += v * W[at + 2 * width]!;
      s3 += v * W[at + 3 * width]!;
    }
    y[i] = s0;
    y[i + 1] = s1;
    y[i + 2] = s2;
    y[i + 3] = s3;
  }
  return y;
}

function squaredGap(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const gap = a[i]! - b[i]!;
    sum += gap * gap;
  }
  return sum;
}

/** Inverse factor of the covariance of the rows about what `mean` says, with a ridge: it whitens. */
function whitener(
  X: Float32Array,
  width: number,
  mean: (row: number) => ArrayLike<number>,
  ridge: number,
): Float64Array {
  const n = X.length / width;
  const C = new Float64Array(width * width);
  const x = new Float64Array(width);
  for (let r = 0; r < n; r++) {
    const centre = mean(r);
    for (let i = 0; i < width; i++) x[i] = X[r * width + i]! - centre[i]!;
    for (let i = 0; i < width; i++) {
      const xi = x[i]! / n;
      if (xi !== 0) for (let j = 0; j <= i; j++) C[i * width + j]! += xi * x[j]!;
    }
  }
  for (let i = 0; i < width; i++) C[i * width + i]! += ridge;
  const L = cholesky(C, width);
  if (!L) throw new Error("The features of the training part are all alike: there is no covariance.");
  const W = new Float64Array((width + SPARE) * width);
  for (let i = 0; i < width; i++) {
    // row i of L W = 1: what the rows above leave
    for (let k = 0; k < i; k++) {
      const l = L[i * width + k]!;
      for (let j = 0; j <= k; j++) W[i * width + j]! -= l * W[k * width + j]!;
    }
    W[i * width + i] = 1;
    for (let j = 0; j <= i; j++) W[i * width + j]! /= L[i * width + i]!;
  }
  return W;
}

/** Minus the distance to the fifth nearest training sample; rows of length 1, but for those of zeros. */
function nearest({ values: train, width }: Reference): Scorer {
  const scaled = (X: Float32Array) => {
    const out = Float64Array.from(X);
    for (let from = 0; from < X.length; from += width) {
      let sum = 0;
      for (let i = from; i < from + width; i++) sum += X[i]! ** 2;
      const length = Math.sqrt(sum) || 1;
      for (let i = from; i < from + width; i++) out[i]! /= length;
    }
    return out;
  };
  const A = scaled(train);
  const n = train.length / width;
  const k = Math.min(NEIGHBOUR, n);
  const best = new Float64Array(k); // squared distances, ascending
  const rows = new Int32Array(k); // whose
  const square = (B: Float64Array, from: number, row: number, most: number): number => {
    let sum = 0;
    for (let i = 0, at = row * width; i < width; ) {
      for (const end = Math.min(width, i + 8); i < end; i++) sum += (B[from + i]! - A[at + i]!) ** 2;
      if (sum > most) return sum;
    }
    return sum;
  };
  return (values) => {
    const B = scaled(values);
    return Float64Array.from({ length: B.length / width }, (_, r) => {
      // neighbours of the point before are not far: none beyond them need be looked at to the end
      let most = r === 0 ? Number.POSITIVE_INFINITY : 0;
      if (r > 0)
        for (const row of rows) most = Math.max(most, square(B, r * width, row, Number.POSITIVE_INFINITY));
      best.fill(Number.POSITIVE_INFINITY);
      for (let t = 0; t < n; t++) {
        const sum = square(B, r * width, t, most);
        if (sum > most || sum >= best[k - 1]!) continue;
        let at = k - 1;
        for (; at > 0 && best[at - 1]! > sum; at--) [best[at], rows[at]] = [best[at - 1]!, rows[at - 1]!];
        [best[at], rows[at]] = [sum, t];
        most = Math.min(most, best[k - 1]!);
      }
      return -Math.sqrt(best[k - 1]!);
    });
  };
}

export interface OodMetrics {
  auroc: number;
  fpr: number; // share of the OOD scores at or above the threshold
  threshold: number; // score that the wanted share of the ID scores reaches
  auprIn: number;
  auprOut: number;
  detectionError: number;
}

/** Steps of the ROC curve from (0, 0) to (1, 1): share of OOD and of ID at or above each distinct score. */
export interface Roc {
  fpr: Float64Array;
  tpr: Float64Array;
}

/** Scores in falling order with what they are of; what does not depend on the threshold. */
export interface Ranking extends Roc {
  inside: Float64Array; // ascending
  outside: Float64Array; // ascending
  auroc: number;
  auprIn: number;
  auprOut: number;
  detectionError: number;
}

export function rank(inside: Float64Array, outside: Float64Array): Ranking {
  const [a, b] = [inside.slice().sort(), outside.slice().sort()];
  const [n, m] = [a.length, b.length];
  const [fpr, tpr] = [[0], [0]];
  let [i, j] = [n, m]; // scores that are still below
  let [auroc, auprIn, auprOut] = [0, 0, 0];
  let detectionError = 0.5; // everything is called out: (1 + 0) / 2
  while (i > 0 || j > 0) {
    const level = Math.max(
      i > 0 ? a[i - 1]! : Number.NEGATIVE_INFINITY,
      j > 0 ? b[j - 1]! : Number.NEGATIVE_INFINITY,
    );
    const [before, passed] = [i, j];
    while (i > 0 && a[i - 1] === level) i--;
    while (j > 0 && b[j - 1] === level) j--;
    const [hits, others] = [before - i, passed - j];
    auroc += hits * (j + others / 2);
    if (hits) auprIn += (hits / n) * ((n - i) / (n - i + m - j));
    if (others) auprOut += (others / m) * (passed / (passed + before)); // all at or below this level are called out
    detectionError = Math.min(detectionError, (i / n + (m - j) / m) / 2);
    fpr.push((m - j) / m);
    tpr.push((n - i) / n);
  }
  return {
    inside: a,
    outside: b,
    auroc: auroc / (n * m),
    auprIn,
    auprOut,
    detectionError,
    fpr: Float64Array.from(fpr),
    tpr: Float64Array.from(tpr),
  };
}

/** The operating point that keeps a share of the ID scores. */
export function oodMetrics(r: Ranking, kept: number): OodMetrics {
  const n = r.inside.length;
  const threshold = r.inside[n - Math.max(1, Math.ceil(kept * n - 1e-9))]!;
  const passing = r.outside.reduce((count, v) => count + (v >= threshold ? 1 : 0), 0);
  const { auroc, auprIn, auprOut, detectionError } = r;
  return { auroc, fpr: passing / r.outside.length, threshold, auprIn, auprOut, detectionError };
}
