/** The explanation view in a sentence. */

import { type Affine, type Agreement, type Curve, NEAR } from "../../core/attribution";
import type { Earlier, Explained, Walk } from "../../core/explained";
import { b } from "../../draw/dom";
import { signed } from "../ood/words";

const rounding = (v: number): string => (v === 0 ? "0" : v.toExponential(1).replace("-", "−"));

/** `by`: who reckoned. */
export function mapWords(map: Affine, own: number): (Node | string)[] {
  const bias = ` Of its logit ${signed(map.logits[own]!)} the bias b has ${signed(map.b[own]!)}.`;
  if (!map.exact)
    return [" z = A x + b is the tangent here: A is the slope of the logits, b what A x leaves.", bias];
  return [" z = A x + b gives exactly the logits (largest difference ", b(rounding(map.gap)), ").", bias];
}

export function completenessWords(gap: number | null): string {
  return gap === null ? "" : ` The values miss what the logit gains from the baseline by ${signed(gap)}.`;
}

export function curveWords(curves: Record<Walk, Curve>, temperature: number): (Node | string)[] {
  const area = (walk: Walk) => curves[walk].auc.toFixed(4);
  return [
    " Area under deletion ",
    b(area("deletion")),
    ` (random order ${area("random_deletion")}), insertion `,
    b(area("insertion")),
    ` (random ${area("random_insertion")}) at T = ${Number(temperature.toFixed(2))}: both follow confidence, compare at equal temperature.`,
  ];
}

export function steadyWords(steady: Explained["steady"]): string {
  if (!steady) return "";
  const { mean, worst } = steady;
  return ` Slopes at distance ${NEAR} have cosine ${signed(mean)} with the sample's, at least ${signed(worst)}.`;
}

export const agreementWords = (found: Agreement | null, top: number): string =>
  found ? likeness("the pinned network's map", found, top) : "";

/** `found`: with the network's own attribution about an epoch earlier. */
export const earlierWords = (found: Earlier | null, top: number): string =>
  found ? likeness(`its own map at epoch ${Number(found.epoch.toFixed(2))}`, found.agreed, top) : "";

function likeness(other: string, found: Agreement, top: number): string {
  const or = (v: number | null) => (v === null ? "undefined" : signed(v));
  const share = `${(100 * found.topk).toFixed(0)} % of the top ${top} in common`;
  return ` With ${other}: ${share}, rank correlation ${or(found.spearman)}, cosine ${or(found.cosine)}.`;
}
