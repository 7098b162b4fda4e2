/** The little linear algebra the boundary needs: vectors, symmetric matrices (n, n) row-major, doubles. */

type Vector = ArrayLike<number>;

const SPARE = 3;
const MOST_SQUARED = 44; // times: what is left out then is below rounding

export function dot(x: Vector, y: Vector): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}

export const norm = (x: Vector): number => Math.sqrt(dot(x, x));

/** x / |x|; an error when |x| < 1e-12. */
export function unit(x: Vector, what = "vector"): Float64Array<ArrayBuffer> {
  const length = norm(x);
  if (!(length >= 1e-12)) throw new Error(`${what} has no direction: its length is ${length}`);
  return Float64Array.from(x, (v) => v / length);
}

/** x + s y, as a new vector. */
export function plus(x: Vector, s: number, y: Vector): Float64Array<ArrayBuffer> {
  return Float64Array.from(x, (v, i) => v + s * y[i]!);
}

/** x without its part along the unit vector u. */
export const without = (x: Vector, u: Vector): Float64Array<ArrayBuffer> => plus(x, -dot(x, u), u);

export function multiply(A: Vector, x: Vector): Float64Array<ArrayBuffer> {
  const n = x.length;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += A[i * n + j]! * x[j]!;
    out[i] = sum;
  }
  return out;
}

/** Lower factor L of a positive definite A = L L'; null when A is not positive definite. */
export function cholesky(A: Vector, n: number): Float64Array | null {
  const L = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = A[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= L[i * n + k]! * L[j * n + k]!;
      if (i !== j) L[i * n + j] = sum / L[j * n + j]!;
      else if (sum > 0) L[i * n + i] = Math.sqrt(sum);
      else return null;
    }
  }
  return L;
}

/** Solves L L' x = b. */
export function solve(L: Float64Array, b: Vector): Float64Array {
  const n = b.length;
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    let sum = x[i]!;
    for (let k = 0; k < i; k++) sum -= L[i * n + k]! * x[k]!;
    x[i] = sum / L[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    const value = x[i]! / L[i * n + i]!;
    x[i] = value;
    for (let k = 0; k < i; k++) x[k]! -= L[i * n + k]! * value;
  }
  return x;
}

/** Mean of the rows of X (n, d). */
export function meanRow(X: Vector, n: number, d: number): Float64Array {
  const mean = new Float64Array(d);
  for (let r = 0; r < n; r++) for (let i = 0; i < d; i++) mean[i]! += X[r * d + i]! / n;
  return mean;
}

/** Adds (x - mean)(x - mean)' of the given rows to C (d, d). */
export function addScatter(
  C: Float64Array,
  X: Vector,
  rows: ArrayLike<number>,
  d: number,
  mean: Vector,
): void {
  const x = new Float64Array(d);
  for (let r = 0; r < rows.length; r++) {
    for (let i = 0; i < d; i++) x[i] = X[rows[r]! * d + i]! - mean[i]!;
    for (let i = 0; i < d; i++) {
      const xi = x[i]!;
      if (xi !== 0) for (let j = 0; j <= i; j++) C[i * d + j]! += xi * x[j]!;
    }
  }
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) C[j * d + i] = C[i * d + j]!;
}

/** Eigenvalues, largest first, and eigenvectors of a small symmetric matrix by Jacobi rotations. */
export function eigen(A: Vector, n: number): { values: number[]; vectors: Float64Array[] } {
  const M = Float64Array.from(A);
  const V = new Float64Array(n * n);
  for (let i = 0; i < n; i++) V[i * n + i] = 1;
  const size = norm(M);
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += M[p * n + q]! ** 2;
    if (Math.sqrt(off) <= 1e-15 * size) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(M, V, n, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => M[j * n + j]! - M[i * n + i]!);
  return {
    values: order.map((i) => M[i * n + i]!),
    vectors: order.map((i) => Float64Array.from({ length: n }, (_, r) => V[r * n + i]!)),
  };
}

function rotate(M: Float64Array, V: Float64Array, n: number, p: number, q: number): void {
  const apq = M[p * n + q]!;
  if (apq === 0) return;
  const ratio = (M[q * n + q]! - M[p * n + p]!) / (2 * apq);
  const t = (ratio < 0 ? -1 : 1) / (Math.abs(ratio) + Math.hypot(1, ratio));
  const c = 1 / Math.hypot(1, t);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const [x, y] = [M[k * n + p]!, M[k * n + q]!];
    M[k * n + p] = c * x - s * y;
    M[k * n + q] = s * x + c * y;
  }
  for (let k = 0; k < n; k++) {
    const [x, y] = [M[p * n + k]!, M[q * n + k]!];
    M[p * n + k] = c * x - s * y;
    M[q * n + k] = s * x + c * y;
    const [v, w] = [V[k * n + p]!, V[k * n + q]!];
    V[k * n + p] = c * v - s * w;
    V[k * n + q] = s * v + c * w;
  }
}

const DIRECT = 100; // rows up to which all eigenvectors are computed at once
const ROUNDS = 300;

/** The leading two eigenpairs of a positive semidefinite C (d, d); power iteration where d is large. */
export function leadingTwo(C: Vector, d: number): { values: number[]; vectors: Float64Array[] } {
  if (d <= DIRECT) return eigen(C, d);
  const values: number[] = [];
  const vectors: Float64Array[] = [];
  for (let which = 0; which < 2; which++) {
    // a start without pattern, so that it is not orthogonal to what is sought
    let x = unit(Float64Array.from({ length: d }, (_, i) => Math.sin(1 + 12.9898 * i)));
    for (let round = 0; round < ROUNDS; round++) {
      const y = vectors.reduce(without, multiply(C, x));
      values[which] = norm(y);
      if (values[which] === 0) break;
      const next = unit(y);
      const moved = norm(plus(next, -1, x));
      x = next;
      if (moved < 1e-12) break;
    }
    vectors.push(x);
  }
  return { values, vectors };
}

/**
 * A A' (n, n) of A (n, m), four sums at a time: one alone would wait for each of its additions. Both with SPARE
 * rows of zeros behind, which the last four run into.
 */
function gram(A: Float64Array, n: number, m: number): Float64Array {
  const out = new Float64Array((n + SPARE) * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j += 4) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let k = 0, a = i * m, b = j * m; k < m; k++, a++, b++) {
        const v = A[a]!;
        s0 += v * A[b]!;
        s1 += v * A[b + m]!;
        s2 += v * A[b + 2 * m]!;
        s3 += v * A[b + 3 * m]!;
      }
      out[i * n + j] = s0;
      if (j + 1 <= i) out[i * n + j + 1] = s1;
      if (j + 2 <= i) out[i * n + j + 2] = s2;
      if (j + 3 <= i) out[i * n + j + 3] = s3;
    }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) out[j * n + i] = out[i * n + j]!;
  return out;
}

/**
 * Largest singular value of W (rows, columns) row-major, never less than it but for rounding: the Gram matrix,
 * squared again and again with its trace taken out, becomes that of one direction.
 */
export function spectralNorm(W: Vector, rows: number, columns: number): number {
  const [n, m] = [Math.min(rows, columns), Math.max(rows, columns)];
  const A = new Float64Array((n + SPARE) * m);
  const [along, across] = columns < rows ? [1, n] : [m, 1];
  for (let i = 0; i < n; i++) for (let k = 0; k < m; k++) A[i * m + k] = W[i * along + k * across]!;
  let squared = gram(A, n, m);
  let log = 0;
  let share = 1; // of the logarithm that a trace stands for
  for (let times = 0; times <= MOST_SQUARED; times++) {
    let trace = 0;
    for (let i = 0; i < n; i++) trace += squared[i * n + i]!;
    if (trace === 0) return 0;
    log += share * Math.log(trace);
    if (times > 0 && trace > 1 - 1e-15) break; // one direction is left
    share /= 2;
    for (let i = 0; i < n * n; i++) squared[i]! /= trace;
    squared = gram(squared, n, n);
  }
  return Math.exp(log / 2);
}
