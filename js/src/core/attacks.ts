/** Small moves of a sample that change what a network calls it; the same as clsviz.boundary's. */

import { type InputGradient, lossGradient } from "./gradient";
import { norm, plus } from "./linalg";
import { argmax } from "./softmax";

const TINY = 1e-12; // a slope shorter than this is flat
const CONTINUED = 1e-8; // what a step of DeepFool goes beyond the boundary of the tangent

/** Which way each feature of x raises its cross-entropy: -1, 0 or 1. */
export function fgsmSigns(net: InputGradient, x: ArrayLike<number>, label: number): Int8Array {
  return Int8Array.from(lossGradient(net, x, label), Math.sign);
}

/** x moved by epsilon in each feature along signs from `fgsmSigns`: the fast gradient sign attack. */
export function fgsm(x: ArrayLike<number>, signs: Int8Array, epsilon: number): Float64Array {
  return Float64Array.from(signs, (sign, i) => x[i]! + epsilon * sign);
}

export interface DeepFool {
  adversarial: Float64Array;
  distance: number; // Euclidean, from the sample
  iterations: number;
  success: boolean; // whether the class changed
}

/**
 * Walks x over the nearest boundary of the tangent, again and again until its class changes. Where all slopes
 * are zero it stays, without success; a step is lengthened by the share `overshoot` at the end.
 */
export function deepfool(
  net: InputGradient,
  x: ArrayLike<number>,
  { maxIter = 50, overshoot = 0.02 } = {},
): DeepFool {
  const adversarial = Float64Array.from(x);
  const moved = new Float64Array(net.d);
  const own = argmax(net.logits(x));
  let iterations = 0;
  let z = net.logits(adversarial);
  while (iterations < maxIter && argmax(z) === own) {
    const step = toTangent(net, z, own);
    if (!step) break;
    for (let i = 0; i < net.d; i++) {
      moved[i]! += step[i]!;
      adversarial[i] = x[i]! + (1 + overshoot) * moved[i]!;
    }
    iterations++;
    z = net.logits(adversarial);
  }
  let square = 0;
  for (let i = 0; i < net.d; i++) square += (adversarial[i]! - x[i]!) ** 2;
  return { adversarial, distance: Math.sqrt(square), iterations, success: argmax(z) !== own };
}

/** The shortest step to another class's tangent at the point of the last logits; null where all are flat. */
function toTangent(net: InputGradient, z: Float64Array, own: number): Float64Array | null {
  let best: { reach: number; length: number; slope: Float64Array } | null = null;
  for (let j = 0; j < net.k; j++) {
    if (j === own) continue;
    const seed = new Float64Array(net.k);
    seed[j] = 1;
    seed[own] = -1;
    const slope = net.pull(seed);
    const length = Math.sqrt(slope.reduce((sum, v) => sum + v * v, 0));
    const reach = Math.abs(z[j]! - z[own]!) / length;
    if (length >= TINY && (!best || reach < best.reach)) best = { reach, length, slope };
  }
  if (!best) return null;
  const scale = (best.reach + CONTINUED) / best.length;
  return best.slope.map((v) => v * scale);
}

/** x moved up the slope of its cross-entropy in `steps` steps, within the Euclidean radius epsilon: PGD. */
export function pgd(
  net: InputGradient,
  x: ArrayLike<number>,
  label: number,
  epsilon: number,
  steps: number,
): Float64Array {
  const step = (2.5 * epsilon) / steps;
  const at = Float64Array.from(x);
  for (let n = 0; n < steps; n++) {
    const slope = lossGradient(net, at, label);
    const scale = step / (norm(slope) + TINY);
    for (let i = 0; i < at.length; i++) at[i]! += scale * slope[i]! - x[i]!; // the whole move
    const length = norm(at);
    const back = length > epsilon ? epsilon / length : 1;
    for (let i = 0; i < at.length; i++) at[i] = x[i]! + at[i]! * back;
  }
  return at;
}

/** A distance on its way: each step is one question to the network, so that one can stop in between. */
export type Search = Generator<void, number>;

/** The first of `scans` equal steps to `end` at which `changed`, halved down; inf where there is none. */
function* firstChange(changed: (t: number) => boolean, end: number, scans: number, halvings: number): Search {
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= scans && high > end; n++) {
    const t = (n / scans) * end;
    if (changed(t)) high = t;
    else low = t;
    yield;
  }
  for (let n = 0; n < halvings && high <= end; n++) {
    const middle = (low + high) / 2;
    if (changed(middle)) high = middle;
    else low = middle;
    yield;
  }
  return high;
}

/** The smallest radius, as far as `end`, at which PGD changes what x is called. */
export function pgdDistance(
  net: InputGradient,
  x: ArrayLike<number>,
  end: number,
  { scans = 8, halvings = 12, steps = 20 } = {},
): Search {
  const own = argmax(net.logits(x));
  const changed = (radius: number) => argmax(net.logits(pgd(net, x, own, radius, steps))) !== own;
  return firstChange(changed, end, scans, halvings);
}

/** How far x can go on the line to another sample, called otherwise, before its class changes. */
export function lineDistance(
  net: InputGradient,
  x: ArrayLike<number>,
  other: ArrayLike<number>,
  { scans = 200, halvings = 60 } = {},
): Search {
  const own = argmax(net.logits(x));
  const way = plus(other, -1, x);
  const end = norm(way);
  const changed = (t: number) => argmax(net.logits(plus(x, t / end, way))) !== own;
  return firstChange(changed, end, scans, halvings);
}

/** The row of the pool (m, d) that is nearest to x among those called otherwise; -1 where there is none. */
export function nearestOther(
  x: ArrayLike<number>,
  call: number,
  pool: readonly ArrayLike<number>[],
  calls: ArrayLike<number>,
): number {
  let [best, least] = [-1, Number.POSITIVE_INFINITY];
  for (let row = 0; row < pool.length; row++) {
    if (calls[row] === call) continue;
    const other = pool[row]!;
    let square = 0;
    for (let i = 0; i < x.length && square < least; i++) square += (other[i]! - x[i]!) ** 2;
    if (square < least) [best, least] = [row, square];
  }
  return best;
}

/** Share of samples that are right and stay so within each radius; a distance is inf where none was found. */
export function robustAccuracy(
  distances: ArrayLike<number>,
  correct: ArrayLike<number>,
  epsilons: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(epsilons, (epsilon) => {
    let stay = 0;
    for (let i = 0; i < distances.length; i++) stay += Number(correct[i]! && distances[i]! > epsilon);
    return stay / distances.length;
  });
}

/** True-class logit minus the best other one, of each row of logits (n, k), divided by the temperature. */
export function logitMargins(
  logits: Float32Array,
  labels: ArrayLike<number>,
  k: number,
  temperature: number,
): Float64Array {
  return Float64Array.from(labels, (label, i) => {
    let other = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < k; j++) if (j !== label) other = Math.max(other, logits[i * k + j]!);
    return (logits[i * k + label]! - other) / temperature;
  });
}
