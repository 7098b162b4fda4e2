/** m = -log p of the label, which most losses are functions of, and the pieces they are made of. No DOM. */

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
export const miss = (m: number): number => -Math.expm1(-m);

/** (1 - p^q) / q from m; q = 0 is m itself. */
export const power = (m: number, q: number): number => (q === 0 ? m : -Math.expm1(-q * m) / q);

/** (1 - p)^gamma m; 0^0 = 1, so that gamma = 0 is cross-entropy where p = 1 too. */
export const focused = (m: number, gamma: number): number => (gamma === 0 ? m : miss(m) ** gamma * m);

/** d focused / d m; 0 at m = 0, its limit. */
export function focusedSlope(m: number, gamma: number): number {
  if (gamma === 0) return 1;
  const rest = miss(m);
  if (rest === 0) return 0;
  return rest ** gamma + gamma * rest ** (gamma - 1) * Math.exp(-m) * m;
}

/** log(1 - e^-a) for a > 0, to full precision at both ends. */
export const log1mexp = (a: number): number =>
  a < Math.LN2 ? Math.log(-Math.expm1(-a)) : Math.log1p(-Math.exp(-a));
