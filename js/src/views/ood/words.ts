/** The OOD view in a sentence. */

import type { OodMetrics } from "../../core/ood";
import { b } from "../../draw/dom";

export interface Said {
  score: string;
  heat: string; // " at T = 1.50", or ""
  n: number;
  noun: string; // what the set holds
  m: number;
  of: number;
  metrics: OodMetrics;
  kept: number; // share of the validation samples at or above the threshold
  below: number; // validation samples below it
}

/** A number with its minus as a minus; six digits at most. */
export const signed = (v: number): string => {
  const words = Math.abs(v) >= 1e6 ? v.toExponential(3) : v.toFixed(4);
  return words.replace("-", "−");
};

export function sentence(s: Said): (Node | string)[] {
  const { metrics: m } = s;
  const of = s.m < s.of ? `${s.m} of ${s.of}` : `${s.m}`;
  const passing = Math.round(m.fpr * s.m);
  return [
    b(`AUROC ${m.auroc.toFixed(4)}`),
    `: ${s.score}${s.heat} tells ${s.n} validation samples from ${of} ${s.noun}. Threshold ${signed(m.threshold)} keeps `,
    b(`${(100 * s.kept).toFixed(1)} %`),
    ` and lets ${passing} outsiders in, `,
    b(`FPR ${m.fpr.toFixed(4)}`),
    `; ${s.below} of the data's own are called out. AUPR ${m.auprIn.toFixed(4)} (ID), ${m.auprOut.toFixed(4)} (OOD); detection error ${m.detectionError.toFixed(4)}.`,
  ];
}
