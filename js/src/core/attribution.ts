/** Which features an answer rests on; the same numbers as clsviz.boundary's attribution and piecewise. No DOM. */

import type { InputGradient } from "./gradient";
import { dot, norm } from "./linalg";
import { normals } from "./outside";
import { softmaxRow } from "./softmax";

type Vector = ArrayLike<number>;

export const METHODS = [
  "gradient_input",
  "gradient",
  "integrated_gradients",
  "occlusion",
  "smooth_grad",
] as const;
export type Method = (typeof METHODS)[number];

const STEPS = 64; // of integrated gradients
const COPIES = 32; // of SmoothGrad, and directions that slopes are compared in
export const NOISE = 0.2; // of SmoothGrad
export const NEAR = 0.5; // Euclidean: where slopes are compared; as clsviz/widgets/explanation.py

/** A network round one sample: logits = A x + b. */
export interface Affine {
  A: Float64Array[]; // (K), each (D,)
  b: Float64Array; // (K,)
  logits: Float64Array; // (K,) at the sample
  gap: number; // largest |A x + b - logits|
  exact: boolean; // b was found by itself, with the switches held; else it is what A x leaves
}

export function affine(net: InputGradient, x: Vector): Affine {
  const logits = net.logits(x).slice();
  const A = Array.from(logits, (_, k) => net.pull(logits.map((_, j) => Number(j === k))));
  const held = net.offset();
  const b = held ?? logits.map((z, k) => z - dot(A[k]!, x));
  return { A, b, logits, gap: gapOf(A, b, x, logits), exact: held !== null };
}

export const gapOf = (A: Vector[], b: Vector, x: Vector, logits: Vector): number =>
  Math.max(...A.map((row, k) => Math.abs(dot(row, x) + b[k]! - logits[k]!)));

export interface Attribution {
  values: Float64Array; // (D,)
  gap: number | null; // what integrated gradients leave of the logit's gain
}

export function attribute(
  net: InputGradient,
  method: Method,
  x: Vector,
  target: number,
  blank: Vector,
): Attribution {
  const seed = Float64Array.from({ length: net.k }, (_, j) => Number(j === target));
  const slope = (at: Vector) => {
    net.logits(at);
    return net.pull(seed);
  };
  const mean = (points: number, at: (i: number) => Vector) => {
    const sum = new Float64Array(net.d);
    for (let i = 0; i < points; i++)
      slope(at(i)).forEach((v, j) => {
        sum[j]! += v / points;
      });
    return sum;
  };
  const logit = (at: Vector) => net.logits(at)[target]!;
  switch (method) {
    case "gradient":
      return { values: slope(x), gap: null };
    case "gradient_input":
      return { values: slope(x).map((v, i) => v * x[i]!), gap: null };
    case "occlusion": {
      const whole = logit(x);
      const without = Float64Array.from(x);
      const values = without.map((_, i) => {
        without[i] = blank[i]!;
        const lost = whole - logit(without);
        without[i] = x[i]!;
        return lost;
      });
      return { values, gap: null };
    }
    case "smooth_grad": {
      const noise = normals(0, COPIES * net.d);
      const near = (i: number) => Float64Array.from(x, (v, j) => v + NOISE * noise[i * net.d + j]!);
      return { values: mean(COPIES, near), gap: null };
    }
    case "integrated_gradients": {
      const way = (i: number) =>
        Float64Array.from(x, (v, j) => blank[j]! + ((i + 0.5) / STEPS) * (v - blank[j]!));
      const values = mean(STEPS, way).map((v, i) => v * (x[i]! - blank[i]!));
      return { values, gap: logit(x) - logit(blank) - values.reduce((sum, v) => sum + v, 0) };
    }
  }
}

/** Features from the largest weight down; ties in their own order. */
export const ranked = (weights: Vector): Int32Array =>
  Int32Array.from(Array.from(weights, (_, i) => i).sort((a, b) => weights[b]! - weights[a]! || a - b));

/** A seeded order of d features, to compare others with. */
export const randomWeights = (d: number): Float64Array => normals(1, d);

/** The sample with the first `count` features of an order gone to the baseline, or come from it. */
export function changed(
  x: Vector,
  blank: Vector,
  order: Int32Array,
  count: number,
  mode: Mode,
): Float64Array {
  const [start, end] = mode === "deletion" ? [x, blank] : [blank, x];
  const out = Float64Array.from(start);
  for (let i = 0; i < count; i++) out[order[i]!] = end[order[i]!]!;
  return out;
}

export type Mode = "deletion" | "insertion";

/** Logits (D + 1, K) while features change one by one. */
export function walk(
  net: InputGradient,
  x: Vector,
  blank: Vector,
  order: Int32Array,
  mode: Mode,
): Float64Array {
  const out = new Float64Array((order.length + 1) * net.k);
  for (let i = 0; i <= order.length; i++) out.set(net.logits(changed(x, blank, order, i, mode)), i * net.k);
  return out;
}

export interface Curve {
  p: Float64Array; // (D + 1,) probability of the target
  auc: number;
}

export function curveOf(logits: Float64Array, k: number, target: number, temperature: number): Curve {
  const row = new Float64Array(k);
  const p = Float64Array.from(
    { length: logits.length / k },
    (_, i) => softmaxRow(logits, i * k, k, temperature, row)[target]!,
  );
  const d = p.length - 1;
  const auc = p.reduce((sum, v, i) => sum + v * (i === 0 || i === d ? 0.5 : 1), 0) / d;
  return { p, auc };
}

export interface Agreement {
  topk: number;
  spearman: number | null; // null: one of them is constant
  cosine: number | null; // null: one of them is zero
}

export function agreement(a: Vector, b: Vector, k: number): Agreement {
  const first = (v: Vector) => new Set(ranked(Float64Array.from(v, Math.abs)).subarray(0, k));
  const [mine, other] = [first(a), first(b)];
  const lengths = norm(a) * norm(b);
  return {
    topk: [...mine].filter((i) => other.has(i)).length / k,
    spearman: correlation(ranks(a), ranks(b)),
    cosine: lengths > 0 ? dot(a, b) / lengths : null,
  };
}

/** Ranks from 1; equal values share their mean. */
function ranks(v: Vector): Float64Array {
  const order = Array.from(v, (_, i) => i).sort((a, b) => v[a]! - v[b]!);
  const out = new Float64Array(order.length);
  for (let i = 0; i < order.length; ) {
    let end = i;
    while (end < order.length && v[order[end]!] === v[order[i]!]) end++;
    for (let j = i; j < end; j++) out[order[j]!] = (i + end + 1) / 2;
    i = end;
  }
  return out;
}

function correlation(a: Float64Array, b: Float64Array): number | null {
  const centred = (v: Float64Array) => {
    const mean = v.reduce((sum, u) => sum + u, 0) / v.length;
    return v.map((u) => u - mean);
  };
  const [x, y] = [centred(a), centred(b)];
  const lengths = norm(x) * norm(y);
  return lengths > 0 ? dot(x, y) / lengths : null;
}

/** Mean and least cosine of the target's slope at the sample and at points round it; null where one is 0. */
export function steadiness(
  net: InputGradient,
  x: Vector,
  target: number,
): { mean: number; worst: number } | null {
  const { d } = net;
  const drawn = normals(2, COPIES * d);
  const slope = (at: Vector) => attribute(net, "gradient", at, target, at).values;
  const own = slope(x);
  let sum = 0;
  let worst = 1;
  for (let i = 0; i < COPIES; i++) {
    const way = drawn.subarray(i * d, (i + 1) * d);
    const length = norm(way);
    const other = slope(Float64Array.from(x, (v, j) => v + (NEAR * way[j]!) / length));
    const lengths = norm(own) * norm(other);
    if (!(lengths > 0)) return null;
    const cosine = dot(own, other) / lengths;
    sum += cosine / COPIES;
    worst = Math.min(worst, cosine);
  }
  return { mean: sum, worst };
}
