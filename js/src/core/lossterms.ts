/** What a loss makes of samples one by one: value, gradient norm, weight; and whose gradient it is. As clsviz.losses.profile. */

import { ROW_LOSSES } from "./losses";
import { ROW_GRADIENTS } from "./rowgradients";
import { softmaxRow } from "./softmax";
import { miss, negLogP } from "./surprisal";

/** A loss of the catalogue with the parameters that differ from its defaults. */
export interface LossSpec {
  name: string;
  params: Record<string, unknown>;
}

export interface LossTerms {
  value: Float64Array; // (n,), NaN where the loss has no terms
  norm: Float64Array; // (n,) length of the gradient with respect to the sample's logits
  weight: Float64Array; // (n,) that length relative to cross-entropy's
}

/** Gradients of cross-entropy below this length have no meaningful ratio. */
export const LEAST_NORM = 1e-12;

export const inBrowser = (spec: LossSpec): boolean => Object.hasOwn(ROW_LOSSES, spec.name);

/** Terms of the rows of logits (n, k), divided by the temperature first; null: not a loss of this file's. */
export function lossTerms(
  spec: LossSpec,
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  temperature: number,
): LossTerms | null {
  if (!inBrowser(spec)) return null;
  const [loss, slope] = [ROW_LOSSES[spec.name]!, ROW_GRADIENTS[spec.name]!];
  const params = spec.params as Record<string, number>;
  const n = labels.length;
  const out = { value: new Float64Array(n), norm: new Float64Array(n), weight: new Float64Array(n) };
  const z = new Float64Array(k);
  const [own, usual] = [new Float64Array(k), new Float64Array(k)];
  for (let i = 0; i < n; i++) {
    const y = labels[i]!;
    for (let j = 0; j < k; j++) z[j] = logits[i * k + j]! / temperature;
    out.value[i] = loss(z, 0, k, y, params);
    slope(z, 0, k, y, params, own);
    softmaxRow(z, 0, k, 1, usual);
    usual[y] = -miss(negLogP(z, 0, k, y));
    out.norm[i] = Math.hypot(...own);
    const length = Math.hypot(...usual);
    out.weight[i] = length > LEAST_NORM ? out.norm[i]! / length : Number.NaN;
  }
  return out;
}

/** How a network takes a sample: called by its label, called otherwise, or labelled wrongly. */
export const GROUPS = ["easy", "hard", "mislabelled"] as const;

/** Group of each row, as an index of GROUPS; what was flipped is mislabelled, however it is called. */
export function lossGroups(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  truth: ArrayLike<number>,
  k: number,
): Uint8Array {
  return Uint8Array.from({ length: labels.length }, (_, i) => {
    if (labels[i] !== truth[i]) return 2;
    let best = 0;
    for (let j = 1; j < k; j++) if (logits[i * k + j]! > logits[i * k + best]!) best = j;
    return best === labels[i] ? 0 : 1;
  });
}

/** Share of each group in the sum of `amounts`; 0 where the sum is. NaN does not count. */
export function groupShares(amounts: ArrayLike<number>, groups: Uint8Array): [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0];
  groups.forEach((group, i) => {
    if (!Number.isNaN(amounts[i]!)) sums[group]! += amounts[i]!;
  });
  const all = sums[0] + sums[1] + sums[2];
  return all > 0 ? [sums[0] / all, sums[1] / all, sums[2] / all] : [0, 0, 0];
}
