/** A loss as a picture: over one row's margin or p of the label, and over the simplex of three classes. As clsviz.losses.profile. */

import { ROW_LOSSES } from "./losses";
import { inBrowser, type LossSpec } from "./lossterms";
import { ROW_GRADIENTS } from "./rowgradients";

/** Curves of one row whose rivals all have logit 0. */
export interface LossProfile {
  p: Float64Array; // p of the label
  margin: Float64Array; // its logit less the rivals'
  value: Float64Array;
  gradient: Float64Array; // d loss / d z_y
}

export type ProfileAxis = "p" | "margin";

export const CURVE_POINTS = 101;
const ENDS = { p: [0.005, 0.995], margin: [-8, 8] } as const;

/** Margins at which a profile is taken: evenly spaced in p or in the margin itself. */
export function profileMargins(axis: ProfileAxis, k: number, n = CURVE_POINTS): Float64Array {
  const [low, high] = ENDS[axis];
  return Float64Array.from({ length: n }, (_, i) => {
    const at = low + ((high - low) * i) / (n - 1);
    return axis === "p" ? Math.log((at * (k - 1)) / (1 - at)) : at;
  });
}

export const profileEnds = (axis: ProfileAxis): readonly [number, number] => ENDS[axis];

export function lossProfile(
  spec: LossSpec,
  axis: ProfileAxis,
  k: number,
  n = CURVE_POINTS,
): LossProfile | null {
  if (!inBrowser(spec)) return null;
  const [loss, slope] = [ROW_LOSSES[spec.name]!, ROW_GRADIENTS[spec.name]!];
  const params = spec.params as Record<string, number>;
  const margin = profileMargins(axis, k, n);
  const [z, out] = [new Float64Array(k), new Float64Array(k)];
  const [value, gradient] = [new Float64Array(n), new Float64Array(n)];
  margin.forEach((s, i) => {
    z[0] = s;
    value[i] = loss(z, 0, k, 0, params);
    slope(z, 0, k, 0, params, out);
    gradient[i] = out[0]!;
  });
  return { p: margin.map((s) => 1 / (1 + (k - 1) * Math.exp(-s))), margin, value, gradient };
}

/** Loss over the probabilities of three classes, the first of them the label. */
export interface LossSimplex {
  side: number; // points along an edge
  points: Float64Array; // (n, 3) probabilities
  value: Float64Array; // (n,)
  flow: Float64Array; // (n, 3) how the probabilities move under a small step against the gradient
}

export const SIMPLEX_SIDE = 41;
const INNER = 0.01; // the vertices themselves have infinite logits

/** Probabilities in rows along the simplex, label first; a little inside of its edges. */
export function simplexPoints(side = SIMPLEX_SIDE): Float64Array {
  const points: number[] = [];
  for (let a = 0; a < side; a++)
    for (let b = 0; b < side - a; b++)
      for (const count of [a, b, side - 1 - a - b])
        points.push(INNER + ((1 - 3 * INNER) * count) / (side - 1));
  return Float64Array.from(points);
}

export function lossSimplex(spec: LossSpec, side = SIMPLEX_SIDE): LossSimplex | null {
  if (!inBrowser(spec)) return null;
  const [loss, slope] = [ROW_LOSSES[spec.name]!, ROW_GRADIENTS[spec.name]!];
  const params = spec.params as Record<string, number>;
  const points = simplexPoints(side);
  const z = points.map(Math.log);
  const n = points.length / 3;
  const [value, flow, out] = [new Float64Array(n), new Float64Array(3 * n), new Float64Array(3)];
  for (let i = 0; i < n; i++) {
    value[i] = loss(z, 3 * i, 3, 0, params);
    slope(z, 3 * i, 3, 0, params, out);
    flow.set(flowOf(points.subarray(3 * i, 3 * i + 3), out), 3 * i);
  }
  return { side, points, value, flow };
}

/** d p when the logits take a step against the gradient: -p_k (g_k - sum p g). */
export function flowOf(p: ArrayLike<number>, gradient: ArrayLike<number>): [number, number, number] {
  const mean = p[0]! * gradient[0]! + p[1]! * gradient[1]! + p[2]! * gradient[2]!;
  const move = (j: number) => -p[j]! * (gradient[j]! - mean);
  return [move(0), move(1), move(2)];
}
