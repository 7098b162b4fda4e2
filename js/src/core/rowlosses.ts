/** Losses of one row of logits besides those of losses.ts: margins, norms, confidence. As clsviz.losses has them. No DOM. */

import { focused, log1mexp, negLogP } from "./surprisal";

type Row = ArrayLike<number>;
type Params = Readonly<Record<string, number>>;

export function mse(z: Row, from: number, k: number, y: number, { scale = 1, pos_weight = 1 }: Params = {}) {
  let sum = 0;
  for (let j = 0; j < k; j++) sum += j === y ? pos_weight * (z[from + j]! - scale) ** 2 : z[from + j]! ** 2;
  return sum / k;
}

/** The rival with the largest logit; ties: the first. */
export function bestRival(z: Row, from: number, k: number, y: number): number {
  let best = y === 0 ? 1 : 0;
  for (let j = best + 1; j < k; j++) if (j !== y && z[from + j]! > z[from + best]!) best = j;
  return best;
}

export function hingeCs(z: Row, from: number, k: number, y: number, { margin = 1 }: Params = {}) {
  return Math.max(0, z[from + bestRival(z, from, k, y)]! - z[from + y]! + margin);
}

export function hingeWw(
  z: Row,
  from: number,
  k: number,
  y: number,
  { margin = 1, power = 1, average = 0 }: Params = {},
) {
  let sum = 0;
  for (let j = 0; j < k; j++) if (j !== y) sum += Math.max(0, margin + z[from + j]! - z[from + y]!) ** power;
  return average ? sum / k : sum;
}

/** Temperature and value of a robust loss at which a distribution is KL-near to the uniform one. */
export interface Tempered {
  lam: number;
  /** lam log mean exp(d / lam). */
  value: number;
  /** KL(p_lam | uniform). */
  kl: number;
}

/** Log mean of e^(d / lam), with the KL of its softmax to the uniform distribution; d_k = z_k - z_y + margin. */
export function temperedGaps(z: Row, from: number, k: number, y: number, lam: number, margin = 0): Tempered {
  const term = (j: number) => (j === y ? 0 : (z[from + j]! - z[from + y]! + margin) / lam);
  let [top, bottom] = [0, 0];
  for (let j = 0; j < k; j++) {
    top = Math.max(top, term(j));
    bottom = Math.min(bottom, term(j));
  }
  let [sum, weighted] = [0, 0];
  for (let j = 0; j < k; j++) {
    const e = Math.exp(term(j) - top);
    sum += e;
    weighted += e * term(j);
  }
  let log = top + Math.log(sum / k);
  if (top - bottom < 1) {
    // Large lam: all terms are near 0, and log(1 + small) must not round to 0.
    let small = 0;
    for (let j = 0; j < k; j++) small += Math.expm1(term(j));
    log = Math.log1p(small / k);
  }
  return { lam, value: lam * log, kl: Math.max(0, weighted / sum - log) };
}

/** The temperature of a row that aldr_kl comes to after its iterations. */
export function aldrLambda(z: Row, from: number, k: number, y: number, params: Params): number {
  const { lam0 = 1, alpha = 2, margin = 0, iters = 20 } = params;
  let lam = lam0;
  for (let t = 0; t < iters; t++) {
    const { kl } = temperedGaps(z, from, k, y, lam, margin);
    lam = Math.max(1e-3 * lam0, lam0 - (lam0 / (alpha * Math.log(k))) * kl);
  }
  return lam;
}

export function aldrKl(z: Row, from: number, k: number, y: number, params: Params = {}) {
  const { lam0 = 1, alpha = 2, margin = 0 } = params;
  const lam = aldrLambda(z, from, k, y, params);
  const away = ((alpha * Math.log(k)) / (2 * lam0)) * (lam - lam0) ** 2;
  return temperedGaps(z, from, k, y, lam, margin).value - away;
}

const BISECTIONS = 60;

/** The temperature between the bounds at which tau log mean exp(d / tau) + rho tau is least. */
export function droTau(z: Row, from: number, k: number, y: number, params: Params): number {
  const { rho = 0.5, tau_min = 0.05, tau_max = 5 } = params;
  const kl = (tau: number) => temperedGaps(z, from, k, y, tau).kl;
  if (kl(tau_max) >= rho) return tau_max;
  if (kl(tau_min) <= rho) return tau_min;
  let [low, high] = [Math.log(tau_min), Math.log(tau_max)];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (kl(Math.exp(middle)) > rho) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}

export function droTemperature(z: Row, from: number, k: number, y: number, params: Params = {}) {
  const tau = droTau(z, from, k, y, params);
  return temperedGaps(z, from, k, y, tau).value + (params.rho ?? 0.5) * tau;
}

/** The exponent of focal_sd for a row of this m. */
export function gammaSd(m: number, { gamma_low = 5, gamma_high = 3, threshold = 0.2 }: Params): number {
  return Math.exp(-m) < threshold ? gamma_low : gamma_high;
}

export function focalSd(z: Row, from: number, k: number, y: number, params: Params = {}) {
  const m = negLogP(z, from, k, y);
  return focused(m, gammaSd(m, params));
}

/** log p_y and the sum of all log p. */
export function logProbs(z: Row, from: number, k: number, y: number): { own: number; all: number } {
  const m = negLogP(z, from, k, y);
  let all = 0;
  for (let j = 0; j < k; j++) all += z[from + j]! - z[from + y]! - m;
  return { own: -m, all };
}

export function nce(z: Row, from: number, k: number, y: number) {
  const { own, all } = logProbs(z, from, k, y);
  return own / all;
}

/** Mean and population standard deviation of a row. */
export function meanAndSpread(z: Row, from: number, k: number): { mean: number; sd: number } {
  let [mean, square] = [0, 0];
  for (let j = 0; j < k; j++) mean += z[from + j]! / k;
  for (let j = 0; j < k; j++) square += (z[from + j]! - mean) ** 2 / k;
  return { mean, sd: Math.sqrt(square) };
}

const softplus = (x: number): number => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));

export function zLoss(
  z: Row,
  from: number,
  k: number,
  y: number,
  { a = 1, b = 0, eps = 1e-12 }: Params = {},
) {
  const { mean, sd } = meanAndSpread(z, from, k);
  return softplus(a * (b - (z[from + y]! - mean) / (sd + eps))) / a;
}

export function logSpherical(z: Row, from: number, k: number, y: number, { eps = 1e-3 }: Params = {}) {
  let sum = 0;
  for (let j = 0; j < k; j++) sum += z[from + j]! ** 2 + eps;
  return -Math.log((z[from + y]! ** 2 + eps) / sum);
}

/** Second-order Taylor polynomial of e^x. */
export const taylor = (x: number): number => 1 + x + (x * x) / 2;

export function logTaylor(z: Row, from: number, k: number, y: number) {
  let sum = 0;
  for (let j = 0; j < k; j++) sum += taylor(z[from + j]!);
  return -Math.log(taylor(z[from + y]!) / sum);
}

export function dco(z: Row, from: number, k: number, y: number, { n = 8 }: Params = {}) {
  const m = negLogP(z, from, k, y);
  const a = -n * log1mexp(m);
  return a < 1e-300 ? m - Math.log(n) : -log1mexp(a);
}

/** First largest logit, and how likely it is at a temperature. */
export function topGuess(z: Row, from: number, k: number, tau: number): { at: number; p: number } {
  let at = 0;
  for (let j = 1; j < k; j++) if (z[from + j]! > z[from + at]!) at = j;
  return { at, p: Math.exp(-negLogP(z, from, k, at, tau)) };
}

export function correctnessAware(z: Row, from: number, k: number, y: number, { tau = 1 }: Params = {}) {
  const { at, p } = topGuess(z, from, k, tau);
  return ((at === y ? 1 : 0) - p) ** 2;
}

export const norm = (z: Row, from: number, k: number): number => {
  let square = 0;
  for (let j = 0; j < k; j++) square += z[from + j]! ** 2;
  return Math.sqrt(square);
};

export function logitNorm(
  z: Row,
  from: number,
  k: number,
  y: number,
  { tau = 0.04, eps = 1e-7 }: Params = {},
) {
  return negLogP(z, from, k, y, tau * (norm(z, from, k) + eps));
}

/** (1 - p)^alpha p of each class, p = softmax(z). */
export function dsc(z: Row, from: number, k: number, y: number, { alpha = 1, smooth = 1 }: Params = {}) {
  let sum = 0;
  for (let j = 0; j < k; j++) {
    const m = negLogP(z, from, k, j);
    const w = (-Math.expm1(-m)) ** alpha * Math.exp(-m);
    sum += j === y ? (1 - w) / (w + 1 + smooth) : w / (w + smooth);
  }
  return sum / k;
}

/** Weight of a row with cross-entropy m; `mode` comes as text. */
export function pace(m: number, params: Params): number {
  const { lam = 1 } = params;
  if ((params.mode as unknown) === "linear") return Math.max(0, 1 - m / lam);
  return m < lam ? 1 : 0;
}

export function selfPaced(z: Row, from: number, k: number, y: number, params: Params = {}) {
  const m = negLogP(z, from, k, y);
  const v = pace(m, params);
  const lam = params.lam ?? 1;
  return v * m + ((params.mode as unknown) === "linear" ? lam * (v ** 2 / 2 - v) : -lam * v);
}
