/** Losses of one row of logits, as clsviz.losses has them, and the score line from MAE to focal. No DOM. */

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

/**
 * m = -log p_y of softmax(z / tau). From the largest rival gap, so that it keeps its digits near 0,
 * where logsumexp - z_y would lose them all.
 */
export function negLogP(z: ArrayLike<number>, from: number, k: number, y: number, tau = 1): number {
  const own = z[from + y]!;
  let r = 0;
  for (let j = 0; j < k; j++) if (j !== y) r = Math.max(r, (z[from + j]! - own) / tau);
  let sum = 0;
  for (let j = 0; j < k; j++) if (j !== y) sum += Math.exp((z[from + j]! - own) / tau - r);
  return r > 0 ? r + Math.log(Math.exp(-r) + sum) : Math.log1p(sum);
}

/** 1 - p_y from m. */
const miss = (m: number): number => -Math.expm1(-m);

/** (1 - p^q) / q from m; q = 0 is m itself. */
const power = (m: number, q: number): number => (q === 0 ? m : -Math.expm1(-q * m) / q);

/** (1 - p)^gamma m; 0^0 = 1, so that gamma = 0 is cross-entropy where p = 1 too. */
const focused = (m: number, gamma: number): number => (gamma === 0 ? m : miss(m) ** gamma * m);

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

/** log(1 - e^-a) for a >= 0. */
const log1mexp = (a: number): number =>
  a < Math.LN2 ? Math.log(-Math.expm1(-a)) : Math.log1p(-Math.exp(-a));

/** Losses that are functions of m alone, by catalogue name; parameters as in their rows. */
export const OF_M: Readonly<Record<string, (m: number, params: LossParams) => number>> = {
  mae: (m) => 2 * miss(m),
  gce: (m, { q = 0.7, k = 0 }) => power(k > 0 && Math.exp(-m) <= k ? -Math.log(k) : m, q),
  comp_sum: (m, { tau = 1 }) => (Math.abs(1 - tau) < 1e-7 ? m : Math.expm1((1 - tau) * m) / (1 - tau)),
  focal: (m, { gamma = 2 }) => focused(m, gamma),
  poly1: (m, { eps = 1 }) => m + eps * miss(m),
  symmetric_ce: (m, { alpha = 1, beta = 1, A = -4 }) => alpha * m - beta * A * miss(m),
  dco: (m, { n = 8 }) => {
    if (m === 0) return 0;
    const a = -n * log1mexp(m); // -log (1 - p)^n
    return a > 1e-12 ? -log1mexp(a) : m - Math.log(n);
  },
};

/** The row loss behind a function of m. */
const ofM =
  (name: string): RowLoss =>
  (z, from, k, y, params = {}) =>
    OF_M[name]!(negLogP(z, from, k, y), params);

export const mae = ofM("mae");
export const gce = ofM("gce");
export const compSum = ofM("comp_sum");

export const ldrKl: RowLoss = (z, from, k, y, { lam = 1, margin = 0 } = {}) => {
  const term = (j: number) => (j === y ? 0 : (z[from + j]! - z[from + y]! + margin) / lam);
  let [top, bottom] = [0, 0];
  for (let j = 0; j < k; j++) {
    top = Math.max(top, term(j));
    bottom = Math.min(bottom, term(j));
  }
  let sum = 0;
  if (top - bottom < 1) {
    // Large lam: all terms are near 0, and log(1 + small) must not round to 0.
    for (let j = 0; j < k; j++) sum += Math.expm1(term(j));
    return lam * Math.log1p(sum / k);
  }
  for (let j = 0; j < k; j++) sum += Math.exp(term(j) - top);
  return lam * (top + Math.log(sum / k));
};

export const focal = ofM("focal");
export const poly1 = ofM("poly1");
export const symmetricCe = ofM("symmetric_ce");
export const dco = ofM("dco");

/** The losses the browser computes itself, by catalogue name. */
export const ROW_LOSSES: Readonly<Record<string, RowLoss>> = {
  cross_entropy: crossEntropy,
  brier,
  mae,
  gce,
  comp_sum: compSum,
  ldr_kl: ldrKl,
  focal,
  poly1,
  symmetric_ce: symmetricCe,
  dco,
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
