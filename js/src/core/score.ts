/** What the landscape is scored with besides a place of the loss line: any loss of the catalogue. No DOM. */

import { type LossParams, ROW_LOSSES } from "./losses";
import { inBrowser, type LossSpec } from "./lossterms";
import { log1mexp } from "./surprisal";

export type { LossSpec } from "./lossterms";

/** Losses that are functions of m = -log p(true class) alone. */
const OF_M = new Set(["mae", "gce", "comp_sum", "focal", "focal_sd", "poly1", "symmetric_ce", "dco"]);

/** null: the loss trained with; a number: a place of the loss line. */
export type Score = number | LossSpec | null;

export const isSpec = (score: Score): score is LossSpec => score !== null && typeof score === "object";

/** Name of a loss's table; equal for equal parameters in whatever order. */
export const specKey = ({ name, params }: LossSpec): string =>
  `${name} ${JSON.stringify(Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)))}`;

const numbersOf = ({ params }: LossSpec) => params as LossParams;

/** A loss of m = -log p(true class) with its parameters, or null. */
export function ofSurprisal(spec: LossSpec): ((m: number) => number) | null {
  const loss = OF_M.has(spec.name) ? ROW_LOSSES[spec.name] : undefined;
  if (!loss || !inBrowser(spec)) return null;
  const [z, params] = [new Float64Array(2), numbersOf(spec)];
  return (m) => {
    z[0] = -(m + log1mexp(m)); // one rival at 0: p = 1 / (1 + exp(-z))
    return loss(z, 0, 2, 0, params);
  };
}

/** A loss made of stored tables: sum of weight * (table at a temperature - shift). */
export type Recipe = { key: string; weight: number; times: number; shift: number }[];

const CROSS_ENTROPY = "u=0.00";

/**
 * Losses that are cross-entropy at another temperature, with its label smoothing: linear in two tables; null for others.
 * `times` multiplies the temperature on screen.
 */
export function ofCrossEntropy(spec: LossSpec, classes: number): Recipe | null {
  const { tau = 1, label_smoothing = 0, lam = 1, margin = 0 } = numbersOf(spec);
  if (spec.name === "cross_entropy") {
    const smooth = { key: "uniform", weight: label_smoothing, times: tau, shift: 0 };
    const own = { key: CROSS_ENTROPY, weight: 1 - label_smoothing, times: tau, shift: 0 };
    return label_smoothing > 0 ? [own, smooth] : [own];
  }
  // lam log (1/C sum exp(d / lam)) = lam (cross-entropy of z / lam - log C)
  if (spec.name === "ldr_kl" && margin === 0)
    return [{ key: CROSS_ENTROPY, weight: lam, times: lam, shift: Math.log(classes) }];
  return null;
}

/** Place of a loss on the loss line and the factor it has there, or null. */
export function onTheLine(spec: LossSpec): { u: number; weight: number } | null {
  const p = numbersOf(spec);
  const unit = (u: number) => ({ u, weight: 1 });
  if (spec.name === "cross_entropy") return !p.label_smoothing && (p.tau ?? 1) === 1 ? unit(0) : null;
  if (spec.name === "gce") return !p.k && (p.q ?? 0.7) <= 1 ? unit(-(p.q ?? 0.7)) : null;
  if (spec.name === "mae") return { u: -1, weight: 2 }; // the line has 1 - p there
  if (spec.name === "focal") return (p.gamma ?? 2) <= 5 ? unit((p.gamma ?? 2) / 5) : null;
  const tau = p.tau ?? 1;
  return spec.name === "comp_sum" && tau >= 1 && tau <= 2 ? unit(1 - tau) : null; // tau = 1 + q
}
