/** Boundary tilting of two classes (clsviz.boundary.tilting; Tanay & Griffin 2016). Labels 0 = a, 1 = b. */

import { cholesky, dot, norm, plus, solve, unit, without } from "./linalg";
import type { Linear } from "./logistic";

type Vector = ArrayLike<number>;

export interface Centroids {
  a: Float64Array;
  b: Float64Array;
  z: Float64Array; // unit vector from a to b
  distance: number;
  midpoint: Float64Array;
}

/** Class means of the given rows of X (n, d); labels belong to these rows. */
export function centroidsOf(
  X: Vector,
  rows: ArrayLike<number>,
  labels: ArrayLike<number>,
  d: number,
): Centroids {
  const means = [new Float64Array(d), new Float64Array(d)] as const;
  const counts = [0, 0];
  for (let r = 0; r < rows.length; r++) counts[labels[r]!]!++;
  for (let r = 0; r < rows.length; r++) {
    const mean = means[labels[r] ? 1 : 0];
    for (let i = 0; i < d; i++) mean[i]! += X[rows[r]! * d + i]! / counts[labels[r]!]!;
  }
  const [a, b] = means;
  const gap = plus(b, -1, a);
  const midpoint = plus(a, 0.5, gap);
  return { a, b, z: unit(gap, "the line between the class centroids"), distance: norm(gap), midpoint };
}

/** Angle in radians between the normal w and the line between the centroids. */
export function deviationAngle(w: Vector, c: Centroids): number {
  return Math.acos(Math.min(1, Math.max(-1, dot(unit(w, "w"), c.z))));
}

/** Signed distance of x to the boundary. */
export const boundaryDistance = (x: Vector, { w, b }: Linear): number => (dot(w, x) + b) / norm(w);

/** Mean over the two classes of the mean signed distance; equals distance / 2 * cos(angle). */
export function adversarialDistance(rule: Linear, c: Centroids): number {
  return (boundaryDistance(c.b, rule) - boundaryDistance(c.a, rule)) / 2;
}

/** How much nearer the centroids' mirror images are than the other centroid; Infinity on the boundary. */
export function adversarialStrength(rule: Linear, c: Centroids): number {
  const mirrors = [c.a, c.b].map((x) => 2 * Math.abs(boundaryDistance(x, rule))) as [number, number];
  if (Math.min(...mirrors) <= 1e-12 * c.distance) return Number.POSITIVE_INFINITY;
  return c.distance / Math.sqrt(mirrors[0] * mirrors[1]);
}

/** x reflected at the boundary: its score changes sign. */
export function mirrorImage(x: Vector, rule: Linear): Float64Array {
  return plus(x, (-2 * boundaryDistance(x, rule)) / norm(rule.w), rule.w);
}

/** The direction in which w leans away from z, and its angle; null where it does not lean. */
export function tiltingBasis(w: Vector, z: Vector): { n: Float64Array; theta: number } | null {
  const direction = unit(w, "w");
  const lean = without(direction, z);
  if (norm(lean) < 1e-9) return null;
  const n = unit(lean);
  return { n, theta: Math.atan2(dot(direction, n), dot(direction, z)) };
}

/** The boundary through `midpoint`, turned by theta from z towards n. */
export function tiltedClassifier(z: Vector, n: Vector, theta: number, midpoint: Vector): Linear {
  const w = Float64Array.from(z, (value, i) => Math.cos(theta) * value + Math.sin(theta) * n[i]!);
  return { w, b: -dot(w, midpoint) };
}

/** Finds directions in which samples hardly vary; made once per pair of classes. */
export interface FlatDirections {
  /** The unit direction of least variance orthogonal to all of `others` (independent); null if none is left. */
  orthogonalTo(others: readonly Float64Array[]): Float64Array | null;
}

const FLAT_RIDGE = 1e-9; // of the mean variance: features that never vary leave the covariance singular
const ITERATIONS = 40;

/** From a covariance C (d, d): inverse iteration on one factorisation, constraints by elimination. */
export function flatDirections(C: Vector, d: number): FlatDirections {
  let trace = 0;
  for (let i = 0; i < d; i++) trace += C[i * d + i]!;
  const A = Float64Array.from(C);
  for (let i = 0; i < d; i++) A[i * d + i]! += FLAT_RIDGE * (trace / d) + 1e-300;
  const L = cholesky(A, d);
  return {
    orthogonalTo(others) {
      if (!L || others.length >= d) return null;
      const solved = others.map((u) => solve(L, u));
      const gram = cholesky(
        Float64Array.from(others.flatMap((u) => solved.map((s) => dot(u, s)))),
        others.length,
      );
      if (!gram) return null;
      const project = (x: Float64Array) => others.reduce((rest, u) => without(rest, u), x);
      // twice: what is left of a start near the span of `others` is mostly rounding
      let x = project(project(Float64Array.from({ length: d }, (_, i) => 1 + (0.1 * i) / d)));
      if (norm(x) < 1e-9) x = project(project(Float64Array.from({ length: d }, (_, i) => Math.sin(1 + i))));
      if (norm(x) < 1e-9) return null;
      x = unit(x);
      for (let round = 0; round < ITERATIONS; round++) {
        // y = A^-1 (x - B m) with m such that y stays orthogonal to the columns of B = others
        let y = solve(L, x);
        const m = solve(
          gram,
          others.map((u) => dot(u, y)),
        );
        solved.forEach((s, k) => {
          y = plus(y, -m[k]!, s);
        });
        y = unit(project(y));
        const moved = norm(plus(y, -1, x));
        x = y;
        if (moved < 1e-10) break;
      }
      return x;
    },
  };
}

/** `v` or its opposite, whichever points along `own`. */
function towards(own: Float64Array, v: Float64Array | null): Float64Array | null {
  return v && dot(own, v) < 0 ? v.map((x) => -x) : v;
}

/** A classifier of the pair and the plane in which its angle to the centroid direction is drawn true. */
export interface Tilted extends Linear {
  n: Float64Array; // unit direction across z in which it leans
}

/** Rules from the nearest-centroid one through the trained one and on along flat directions. */
export interface TiltPath {
  trained: number; // angle of the trained normal, radians
  at(theta: number): Tilted;
}

/**
 * Up to the trained angle the boundary turns from the centroid direction to the trained normal w; beyond
 * it leans along a direction in which the data hardly vary, so that what it says about them stays while its
 * distance to them shrinks. All boundaries pass through `through`; |w| = 1.
 */
export function tiltPath(w: Vector, z: Float64Array, through: Vector, flat: FlatDirections): TiltPath {
  const basis = tiltingBasis(w, z);
  const own = basis?.n ?? flat.orthogonalTo([z]) ?? new Float64Array(z.length);
  const trained = basis?.theta ?? (dot(w, z) > 0 ? 0 : Math.PI);
  let beyond: Float64Array | null | undefined; // computed when first leaned that far
  return {
    trained,
    at(theta) {
      let n = own;
      if (theta > trained && theta < Math.PI / 2) {
        if (beyond === undefined) beyond = basis ? towards(own, flat.orthogonalTo([z])) : null;
        const first = Math.tan(trained);
        const shared = beyond ? first * dot(own, beyond) : 0;
        const s = Math.sqrt(shared ** 2 + Math.max(0, Math.tan(theta) ** 2 - first ** 2)) - shared;
        const lean = beyond && Float64Array.from(own, (value, i) => first * value + s * beyond![i]!);
        if (lean && norm(lean) > 1e-12) n = unit(lean);
      }
      return { ...tiltedClassifier(z, n, theta, through), n };
    },
  };
}
