/** Losses of one row of logits, as clsviz.losses has them, and the score line from MAE to focal. No DOM. */

import * as rows from "./rowlosses";
import { focused, miss, negLogP, power } from "./surprisal";

export { negLogP } from "./surprisal";

/** Parameters under their catalogue names; what is left out takes the contract's default. */
export type LossParams = Readonly<Record<string, number>>;

/** Loss of the row of `k` logits that starts at `from`, for label `y`. */
export type RowLoss = (
  z: ArrayLike<number>,
  from: number,
  k: number,
  y: number,
  params?: LossParams,
) => number;

export const crossEntropy: RowLoss = (z, from, k, y, { tau = 1, label_smoothing = 0 } = {}) => {
  const m = negLogP(z, from, k, y, tau);
  if (label_smoothing === 0) return m;
  let gaps = 0; // sum of (z_k - z_y) / tau; -log p_k = m - gap_k
  for (let j = 0; j < k; j++) gaps += (z[from + j]! - z[from + y]!) / tau;
  return m - (label_smoothing * gaps) / k;
};

export const brier: RowLoss = (z, from, k, y, { tau = 1 } = {}) => {
  const m = negLogP(z, from, k, y, tau);
  let sum = miss(m) ** 2;
  for (let j = 0; j < k; j++) {
    if (j !== y) sum += Math.exp((z[from + j]! - z[from + y]!) / tau - m) ** 2;
  }
  return sum;
};

export const mae: RowLoss = (z, from, k, y) => 2 * miss(negLogP(z, from, k, y));

export const gce: RowLoss = (z, from, k, y, { q = 0.7, k: floor = 0 } = {}) => {
  const m = negLogP(z, from, k, y);
  return power(floor > 0 && Math.exp(-m) <= floor ? -Math.log(floor) : m, q);
};

export const compSum: RowLoss = (z, from, k, y, { tau = 1 } = {}) => {
  const m = negLogP(z, from, k, y);
  return Math.abs(1 - tau) < 1e-7 ? m : Math.expm1((1 - tau) * m) / (1 - tau);
};

export const ldrKl: RowLoss = (z, from, k, y, { lam = 1, margin = 0 } = {}) =>
  rows.temperedGaps(z, from, k, y, lam, margin).value;

export const focal: RowLoss = (z, from, k, y, { gamma = 2 } = {}) => focused(negLogP(z, from, k, y), gamma);

export const poly1: RowLoss = (z, from, k, y, { eps = 1 } = {}) => {
  const m = negLogP(z, from, k, y);
  return m + eps * miss(m);
};

export const symmetricCe: RowLoss = (z, from, k, y, { alpha = 1, beta = 1, A = -4 } = {}) => {
  const m = negLogP(z, from, k, y);
  return alpha * m - beta * A * miss(m);
};

/** The losses the browser computes itself, by catalogue name. */
export const ROW_LOSSES: Readonly<Record<string, RowLoss>> = {
  cross_entropy: crossEntropy,
  brier,
  mse: rows.mse,
  hinge_cs: rows.hingeCs,
  hinge_ww: rows.hingeWw,
  comp_sum: compSum,
  gce,
  mae,
  ldr_kl: ldrKl,
  aldr_kl: rows.aldrKl,
  dro_temperature: rows.droTemperature,
  focal,
  focal_sd: rows.focalSd,
  poly1,
  symmetric_ce: symmetricCe,
  nce: rows.nce,
  z_loss: rows.zLoss,
  log_spherical: rows.logSpherical,
  log_taylor: rows.logTaylor,
  dco: rows.dco,
  correctness_aware: rows.correctnessAware,
  logit_norm: rows.logitNorm,
  dsc: rows.dsc,
  self_paced: rows.selfPaced,
};

/**
 * A loss as a function of p of the true class, the other classes being equally probable; null where the browser does
 * not compute it.
 */
export function curveOf(name: string, params: LossParams, classes: number): ((p: number) => number) | null {
  const loss = ROW_LOSSES[name];
  if (!loss) return null;
  const z = new Float64Array(classes);
  return (p) => {
    z[0] = Math.log(p) - Math.log((1 - p) / (classes - 1)); // the others are 0
    return loss(z, 0, classes, 0, params);
  };
}

// --- the score line -----------------------------------------------------------------------------

/** Focal loss at the right end of the score line has this gamma. */
export const GAMMA_AT_1 = 5;

/**
 * Score from m = -log p_true at place u of the line: -1 is 1 - p (half the MAE), between -1 and 0
 * GCE with q = -u, 0 cross-entropy, above 0 focal with gamma = 5 u.
 */
export function scoreOfM(u: number, m: number): number {
  return u <= 0 ? power(m, -u) : focused(m, GAMMA_AT_1 * u);
}

/** Score at place u of the line for probability p of the true class, in [0, 1]. */
export function scoreOfP(u: number, p: number): number {
  return scoreOfM(u, p > 0 ? -Math.log(p) : Number.POSITIVE_INFINITY);
}

/** d score / d p at p: negative; how hard the score pulls at a sample of that probability. */
export function scoreSlope(u: number, p: number): number {
  if (u <= 0) return -(p ** (-u - 1));
  const gamma = GAMMA_AT_1 * u;
  const rest = 1 - p;
  if (rest <= 0) return 0;
  return gamma * rest ** (gamma - 1) * Math.log(p) - rest ** gamma / p;
}

/** Place u of the line in words: "MAE", "GCE, q = 0.50", "cross-entropy", "focal, γ = 2.5". */
export function scoreName(u: number): string {
  if (u <= -1) return "MAE (as 1 − p)";
  if (u < 0) return `GCE, q = ${(-u).toFixed(2)}`;
  if (u === 0) return "cross-entropy";
  return `focal, γ = ${Number((GAMMA_AT_1 * u).toFixed(2))}`;
}
