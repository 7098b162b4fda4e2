/** Gradients of the losses of losses.ts with respect to their row of logits. No DOM. */

import * as rows from "./rowlosses";
import { softmaxRow } from "./softmax";
import { focusedSlope, log1mexp, miss, negLogP } from "./surprisal";

type Params = Readonly<Record<string, number>>;

/** Writes d loss / d z of the row of `k` logits that starts at `from` to `out` (k). */
export type RowGradient = (
  z: ArrayLike<number>,
  from: number,
  k: number,
  y: number,
  params: Params,
  out: Float64Array,
) => void;

/** factor (softmax(z / tau) - Y). */
function pulled(
  z: ArrayLike<number>,
  from: number,
  k: number,
  y: number,
  tau: number,
  factor: number,
  out: Float64Array,
): void {
  softmaxRow(z, from, k, tau, out);
  out[y] = -miss(negLogP(z, from, k, y, tau));
  for (let j = 0; j < k; j++) out[j]! *= factor;
}

/** Losses that are functions of m = -log p of the label alone: their slope over m. */
export const SLOPES: Readonly<Record<string, (m: number, params: Params) => number>> = {
  comp_sum(m, { tau = 1 }) {
    const slope = Math.exp((1 - tau) * m);
    return Number.isFinite(slope) ? slope : 1; // the value is infinite: the direction alone
  },
  gce: (m, { q = 0.7, k: floor = 0 }) => (floor > 0 && Math.exp(-m) <= floor ? 0 : Math.exp(-q * m)),
  mae: (m) => 2 * Math.exp(-m),
  focal: (m, { gamma = 2 }) => focusedSlope(m, gamma),
  focal_sd: (m, params) => focusedSlope(m, rows.gammaSd(m, params)),
  poly1: (m, { eps = 1 }) => 1 + eps * Math.exp(-m),
  symmetric_ce: (m, { alpha = 1, beta = 1, A = -4 }) => alpha - beta * A * Math.exp(-m),
  dco(m, { n = 8 }) {
    if (n === 1) return 1;
    const log = log1mexp(m); // log(1 - p)
    const hit = -Math.expm1(n * log); // 1 - (1 - p)^n
    return hit === 0 ? 1 : (n * Math.exp(-m + (n - 1) * log)) / hit;
  },
  self_paced: (m, params) => rows.pace(m, params),
};

/** Gradient through a temperature that is held fixed: softmax of the gaps at lam, less the label. */
function towards(
  z: ArrayLike<number>,
  from: number,
  k: number,
  y: number,
  lam: number,
  margin: number,
  out: Float64Array,
) {
  for (let j = 0; j < k; j++) out[j] = z[from + j]! + (j === y ? 0 : margin);
  softmaxRow(out, 0, k, lam, out);
  out[y]! -= 1;
}

const OTHERS: Readonly<Record<string, RowGradient>> = {
  cross_entropy(z, from, k, y, { tau = 1, label_smoothing = 0 }, out) {
    pulled(z, from, k, y, tau, 1 / tau, out);
    if (label_smoothing === 0) return;
    for (let j = 0; j < k; j++) out[j]! += (label_smoothing * ((j === y ? 1 : 0) - 1 / k)) / tau;
  },
  brier(z, from, k, y, { tau = 1 }, out) {
    softmaxRow(z, from, k, tau, out);
    const own = miss(negLogP(z, from, k, y, tau));
    const off = (j: number) => (j === y ? -own : out[j]!); // p - Y
    let mean = 0;
    for (let j = 0; j < k; j++) mean += out[j]! * off(j);
    for (let j = 0; j < k; j++) out[j] = (2 / tau) * out[j]! * (off(j) - mean);
  },
  mse(z, from, k, y, { scale = 1, pos_weight = 1 }, out) {
    for (let j = 0; j < k; j++) out[j] = (2 / k) * z[from + j]!;
    out[y] = (2 / k) * pos_weight * (z[from + y]! - scale);
  },
  hinge_cs(z, from, k, y, params, out) {
    out.fill(0, 0, k);
    if (rows.hingeCs(z, from, k, y, params) <= 0) return;
    out[rows.bestRival(z, from, k, y)] = 1;
    out[y] = -1;
  },
  hinge_ww(z, from, k, y, { margin = 1, power = 1, average = 0 }, out) {
    out[y] = 0;
    for (let j = 0; j < k; j++) {
      if (j === y) continue;
      const lack = margin + z[from + j]! - z[from + y]!;
      out[j] = ((lack > 0 ? 1 : 0) * (power === 2 ? 2 * lack : 1)) / (average ? k : 1);
      out[y]! -= out[j]!;
    }
  },
  ldr_kl: (z, from, k, y, { lam = 1, margin = 0 }, out) => towards(z, from, k, y, lam, margin, out),
  aldr_kl: (z, from, k, y, params, out) =>
    towards(z, from, k, y, rows.aldrLambda(z, from, k, y, params), params.margin ?? 0, out),
  dro_temperature: (z, from, k, y, params, out) =>
    towards(z, from, k, y, rows.droTau(z, from, k, y, params), 0, out),
  nce(z, from, k, y, _params, out) {
    const { own, all } = rows.logProbs(z, from, k, y);
    softmaxRow(z, from, k, 1, out);
    for (let j = 0; j < k; j++) {
      const p = out[j]!;
      out[j] = (((j === y ? 1 : 0) - p) * all - own * (1 - k * p)) / all ** 2;
    }
  },
  z_loss(z, from, k, y, { a = 1, b = 0, eps = 1e-12 }, out) {
    const { mean, sd } = rows.meanAndSpread(z, from, k);
    const own = z[from + y]! - mean;
    const s = -1 / (1 + Math.exp(-a * (b - own / (sd + eps))));
    for (let j = 0; j < k; j++) {
      const bend = sd > 0 ? (own * (z[from + j]! - mean)) / (k * sd * (sd + eps) ** 2) : 0;
      out[j] = s * (((j === y ? 1 : 0) - 1 / k) / (sd + eps) - bend);
    }
  },
  log_spherical(z, from, k, y, { eps = 1e-3 }, out) {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += z[from + j]! ** 2 + eps;
    for (let j = 0; j < k; j++) out[j] = (2 * z[from + j]!) / sum;
    out[y]! -= (2 * z[from + y]!) / (z[from + y]! ** 2 + eps);
  },
  log_taylor(z, from, k, y, _params, out) {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += rows.taylor(z[from + j]!);
    for (let j = 0; j < k; j++) out[j] = (1 + z[from + j]!) / sum;
    out[y]! -= (1 + z[from + y]!) / rows.taylor(z[from + y]!);
  },
  correctness_aware(z, from, k, y, { tau = 1 }, out) {
    const { at, p } = rows.topGuess(z, from, k, tau);
    const outer = (-2 * ((at === y ? 1 : 0) - p) * p) / tau;
    pulled(z, from, k, at, tau, -outer, out);
  },
  logit_norm(z, from, k, y, { tau = 0.04, eps = 1e-7 }, out) {
    const size = rows.norm(z, from, k);
    const by = tau * (size + eps);
    pulled(z, from, k, y, by, 1 / by, out);
    if (size === 0) return;
    let along = 0;
    for (let j = 0; j < k; j++) along += out[j]! * z[from + j]!;
    for (let j = 0; j < k; j++) out[j]! -= (along * z[from + j]!) / (size * (size + eps));
  },
  dsc(z, from, k, y, { alpha = 1, smooth = 1 }, out) {
    softmaxRow(z, from, k, 1, out);
    const steep = Float64Array.from({ length: k }, (_, j) => {
      const m = negLogP(z, from, k, j);
      const [p, rest] = [out[j]!, miss(m)];
      const w = rest ** alpha * p;
      const bend = alpha === 0 || rest === 0 ? 0 : alpha * rest ** (alpha - 1) * p;
      const outer = j === y ? -(2 + smooth) / (w + 1 + smooth) ** 2 : smooth / (w + smooth) ** 2;
      return (outer * (rest ** alpha - bend)) / k;
    });
    let mean = 0;
    for (let j = 0; j < k; j++) mean += out[j]! * steep[j]!;
    for (let j = 0; j < k; j++) out[j]! *= steep[j]! - mean;
  },
};

const throughM =
  (slope: (m: number, params: Params) => number): RowGradient =>
  (z, from, k, y, params, out) =>
    pulled(z, from, k, y, 1, slope(negLogP(z, from, k, y), params), out);

/** By catalogue name, for every loss of ROW_LOSSES. */
export const ROW_GRADIENTS: Readonly<Record<string, RowGradient>> = {
  ...OTHERS,
  ...Object.fromEntries(Object.entries(SLOPES).map(([name, slope]) => [name, throughM(slope)])),
};
