/** Planes in input space (clsviz.boundary.planes, same names and conventions). */

import { addScatter, dot, leadingTwo, meanRow, norm, plus, unit, without } from "./linalg";

type Vector = ArrayLike<number>;

export interface Plane {
  origin: Float64Array;
  u: Float64Array; // first axis, length 1
  v: Float64Array; // second axis, length 1, orthogonal to u
  coords?: [number, number][]; // of the three points it goes through
  explained?: [number, number]; // shares of the variance along u and v
}

/** The plane through three points, a at its origin and b on its first axis. */
export function planeFromPoints(a: Vector, b: Vector, c: Vector): Plane {
  const toB = plus(b, -1, a);
  const toC = plus(c, -1, a);
  const size = norm(toC);
  const failed = new Error("these three points are equal or lie on one line; choose three that span a plane");
  if (!(norm(toB) >= 1e-12)) throw failed;
  const u = unit(toB);
  const across = without(without(toC, u), u); // twice: rounding leaves a part along u near the line
  if (!(norm(across) >= 1e-12 * Math.max(1, size))) throw failed;
  const v = unit(across);
  const coords = [new Float64Array(toB.length), toB, toC].map((p): [number, number] => [
    dot(p, u),
    dot(p, v),
  ]);
  return { origin: Float64Array.from(a), u, v, coords };
}

/** The plane of largest variance of X (n, d); the largest entry of each axis is positive. */
export function pcaPlane(X: Vector, n: number, d: number): Plane {
  if (n < 3 || d < 2) throw new Error(`a PCA plane needs 3 samples of 2 features, but ${n} of ${d} came`);
  const origin = meanRow(X, n, d);
  const C = new Float64Array(d * d);
  addScatter(
    C,
    X,
    Array.from({ length: n }, (_, i) => i),
    d,
    origin,
  );
  let total = 0;
  for (let i = 0; i < d; i++) total += C[i * d + i]!;
  const { values, vectors } = leadingTwo(C, d);
  if (!(values[1]! > 1e-24 * total)) throw new Error("the samples lie on one line, so they span no plane");
  const [u, v] = vectors.slice(0, 2).map(upright) as [Float64Array, Float64Array];
  return { origin, u, v, explained: [values[0]! / total, values[1]! / total] };
}

function upright(axis: Float64Array): Float64Array {
  let largest = 0;
  axis.forEach((value, i) => {
    if (Math.abs(value) > Math.abs(axis[largest]!)) largest = i;
  });
  return axis[largest]! < 0 ? axis.map((value) => -value) : axis;
}

/** Plane coordinates (rows, 2) of the given rows of X. */
export function planeProject(plane: Plane, X: Vector, rows: ArrayLike<number>): Float64Array {
  const d = plane.origin.length;
  const out = new Float64Array(rows.length * 2);
  const [shiftU, shiftV] = [dot(plane.origin, plane.u), dot(plane.origin, plane.v)];
  for (let r = 0; r < rows.length; r++) {
    let [s, t] = [-shiftU, -shiftV];
    for (let i = 0, at = rows[r]! * d; i < d; i++, at++) {
      s += X[at]! * plane.u[i]!;
      t += X[at]! * plane.v[i]!;
    }
    out[2 * r] = s;
    out[2 * r + 1] = t;
  }
  return out;
}

/** Plane coordinates of one point. */
export function projectPoint(plane: Plane, x: Vector): [number, number] {
  const [s, t] = planeProject(plane, x, [0]);
  return [s!, t!];
}

/** The input with plane coordinates (s, t). */
export function planeLift(plane: Plane, s: number, t: number): Float64Array {
  return plane.origin.map((o, i) => o + s * plane.u[i]! + t * plane.v[i]!);
}

/** Share of the variance of the given rows of X that a plane keeps. */
export function explainedBy(plane: Plane, X: Vector, rows: ArrayLike<number>): number {
  const d = plane.origin.length;
  const n = rows.length;
  const spread = (values: Vector, width: number) => {
    const mean = meanRow(values, n, width);
    let sum = 0;
    for (let i = 0; i < n * width; i++) sum += (values[i]! - mean[i % width]!) ** 2;
    return sum;
  };
  const taken = new Float64Array(n * d);
  for (let r = 0; r < n; r++) for (let i = 0; i < d; i++) taken[r * d + i] = X[rows[r]! * d + i]!;
  const total = spread(taken, d);
  return total > 0 ? spread(planeProject(plane, X, rows), 2) / total : Number.NaN;
}
