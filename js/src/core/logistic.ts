/** L2-regularised logistic regression of two classes (clsviz.boundary.logistic_l2). */

import { cholesky, dot, solve } from "./linalg";

export interface Linear {
  w: Float64Array;
  b: number;
}

const TOLERANCE = 1e-12; // largest entry of the gradient at the end
const ROUNDS = 100;

/** min mean log loss + lam / 2 |w|^2 with a free bias, by Newton steps; X (n, d), labels 0 and 1. */
export function logisticL2(X: ArrayLike<number>, labels: ArrayLike<number>, d: number, lam: number): Linear {
  const n = labels.length;
  if (!(lam >= 0)) throw new Error(`lam must be >= 0, got ${lam}`);
  const m = d + 1; // with the bias
  const Z = new Float64Array(n * m);
  for (let r = 0; r < n; r++) {
    for (let i = 0; i < d; i++) Z[r * m + i] = X[r * d + i]!;
    Z[r * m + d] = 1;
  }
  const scores = new Float64Array(n);
  const gradient = new Float64Array(m);
  let slopeSize = 0;

  /** Objective at theta; leaves scores and gradient there. */
  const evaluate = (theta: Float64Array): number => {
    let value = 0;
    gradient.fill(0);
    for (let r = 0; r < n; r++) {
      let z = 0;
      for (let i = 0, at = r * m; i < m; i++, at++) z += Z[at]! * theta[i]!;
      scores[r] = z;
      const sign = labels[r] ? 1 : -1;
      const e = Math.exp(-Math.abs(z));
      value += Math.max(0, -sign * z) + Math.log1p(e);
      // -sign * sigmoid(-sign z), without cancellation far out
      const wrong = sign * z > 0 ? e / (1 + e) : 1 / (1 + e);
      const g = (-sign * wrong) / n;
      for (let i = 0, at = r * m; i < m; i++, at++) gradient[i]! += g * Z[at]!;
    }
    let square = 0;
    slopeSize = Math.abs(gradient[d]!);
    for (let i = 0; i < d; i++) {
      gradient[i]! += lam * theta[i]!;
      square += theta[i]! ** 2;
      slopeSize = Math.max(slopeSize, Math.abs(gradient[i]!));
    }
    return value / n + (lam / 2) * square;
  };

  let theta = new Float64Array(m);
  let value = evaluate(theta);
  for (let round = 0; round < ROUNDS && slopeSize >= TOLERANCE; round++) {
    const L = cholesky(hessian(Z, scores, n, m, lam), m);
    if (!L) throw new Error("lam = 0 needs classes that overlap and features that differ; choose lam > 0");
    const step = solve(L, gradient);
    const descent = dot(gradient, step);
    const before = slopeSize;
    let size = 1;
    for (; size > 1e-10; size /= 2) {
      const trial = theta.map((t, i) => t - size * step[i]!);
      const trialValue = evaluate(trial);
      // at the end the value no longer changes in double precision, but the gradient still does
      const flat = trialValue <= value + 1e-15 * Math.abs(value) && slopeSize < before;
      if (trialValue <= value - 1e-4 * size * descent || flat) {
        theta = trial;
        value = trialValue;
        break;
      }
    }
    if (size <= 1e-10) break;
  }
  return { w: theta.slice(0, d), b: theta[d]! };
}

function hessian(Z: Float64Array, scores: Float64Array, n: number, m: number, lam: number): Float64Array {
  const H = new Float64Array(m * m);
  for (let r = 0; r < n; r++) {
    const e = Math.exp(-Math.abs(scores[r]!));
    const weight = e / (1 + e) ** 2 / n;
    const row = r * m;
    for (let i = 0; i < m; i++) {
      const v = weight * Z[row + i]!;
      if (v !== 0) for (let j = 0, at = i * m; j <= i; j++, at++) H[at]! += v * Z[row + j]!;
    }
  }
  for (let i = 0; i < m - 1; i++) H[i * m + i]! += lam;
  return H; // the lower triangle is what cholesky reads
}
