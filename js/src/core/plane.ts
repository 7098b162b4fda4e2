/** Planes in input space (clsviz.boundary.planes, same names and conventions). */

import {
  addScatter,
  cholesky,
  dot,
  eigen,
  leadingTwo,
  meanRow,
  multiply,
  norm,
  plus,
  solve,
  unit,
  without,
} from "./linalg";

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

const LDA_RIDGE = 1e-3; // of the mean variance: pixels that never vary leave the covariance singular
const LEAST_SPREAD = 1e-10; // of the first discriminant's: class means as good as on one line

/** The plane of the first two discriminants of X (n, d) with labels; where there is one only, the second axis is
 *  the direction of largest variance across it. */
export function ldaPlane(X: Vector, n: number, d: number, labels: ArrayLike<number>): Plane {
  const origin = meanRow(X, n, d);
  const rows = new Map<number, number[]>();
  for (let r = 0; r < n; r++) {
    const own = rows.get(labels[r]!);
    if (own) own.push(r);
    else rows.set(labels[r]!, [r]);
  }
  const within = new Float64Array(d * d);
  const between: Float64Array[] = []; // of each class: its mean from that of all, by the root of its share
  for (const own of rows.values()) {
    const mean = new Float64Array(d);
    for (const r of own) for (let i = 0; i < d; i++) mean[i]! += X[r * d + i]! / own.length;
    addScatter(within, X, own, d, mean);
    const share = Math.sqrt(own.length / n);
    between.push(mean.map((v, i) => share * (v - origin[i]!)));
  }
  let trace = 0;
  for (let i = 0; i < d; i++) trace += within[i * d + i]! / n;
  for (let i = 0; i < within.length; i++) within[i]! /= n;
  for (let i = 0; i < d; i++) within[i * d + i]! += (LDA_RIDGE * trace) / d;
  const L = cholesky(within, d);
  if (!L) throw new Error("the samples of each class are all alike: there is no spread to compare them by");
  const k = between.length;
  const whitened = between.map((mean) => solve(L, mean));
  const { values, vectors } = eigen(
    Float64Array.from({ length: k * k }, (_, at) => dot(between[Math.floor(at / k)]!, whitened[at % k]!)),
    k,
  );
  const direction = (which: number) =>
    whitened.reduce((sum, w, c) => plus(sum, vectors[which]![c]!, w), new Float64Array(d));
  const u = upright(unit(direction(0), "the first discriminant"));
  const C = new Float64Array(d * d);
  addScatter(
    C,
    X,
    Array.from({ length: n }, (_, r) => r),
    d,
    origin,
  );
  const along = multiply(C, u);
  const total = C.reduce((sum, v, at) => (at % (d + 1) === 0 ? sum + v : sum), 0);
  const second = k > 2 && values[1]! > LEAST_SPREAD * values[0]! ? direction(1) : acrossOf(C, u, along, d);
  const v = upright(unit(without(without(second, u), u), "the second discriminant"));
  return { origin, u, v, explained: [dot(u, along) / total, dot(v, multiply(C, v)) / total] };
}

/** The direction of largest variance across u; `along` is C u. */
function acrossOf(C: Float64Array, u: Float64Array, along: Float64Array, d: number): Float64Array {
  const own = dot(u, along);
  const rest = C.map((v, at) => {
    const [i, j] = [Math.floor(at / d), at % d];
    return v - u[i]! * along[j]! - along[i]! * u[j]! + own * u[i]! * u[j]!;
  });
  return leadingTwo(rest, d).vectors[0]!;
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
