/** A diagram's numbers in words. */

import type { Compressed } from "../../core/compressed";
import type { Moved } from "../../core/moved";
import type { Predictions } from "../../core/predictions";
import type { Kept, Reliability } from "../../core/reliability";
import type { RiskCoverage } from "../../core/riskcoverage";
import { b } from "../../draw/dom";
import type { Answer, Path } from "./large/engine";
import { signed } from "./moving";

export type Words = (Node | string)[];

export function eceWords({ result: { ece }, interval: [low, high] }: Answer): (Node | string)[] {
  return [b(`ECE ${ece.toFixed(4)}`), ` (90 %: ${low.toFixed(3)} to ${high.toFixed(3)})`];
}

export function leanWords(r: Reliability): string {
  const lean = r.meanConfidence - r.meanAccuracy;
  return Math.abs(lean) <= 0.01 ? "right" : lean > 0 ? "over-confident" : "under-confident";
}

/** What before and after are. */
export interface Who {
  temperature: number;
  after: string;
}

/** The diagram: its errors and scores, and before them, with a calibrator, those without it. */
export function diagramWords(now: Answer, before: Answer | null, pinned: Answer | null, who: Who): Words {
  const pin = pinned ? ` (pinned ${pinned.result.ece.toFixed(4)})` : "";
  const { result: r } = now;
  const rest = `: ${leanWords(r)} on average. Worst bin (MCE) ${r.mce.toFixed(2)}, ${scoreWords(now)}`;
  if (!before) return [...eceWords(now), pin, rest];
  return [
    `Before (T = ${who.temperature.toFixed(2)}) `,
    b(`ECE ${before.result.ece.toFixed(4)}`),
    pin,
    `; after (${who.after}) `,
    ...eceWords(now),
    rest,
  ];
}

export function riskWordsOf(
  now: RiskCoverage,
  before: RiskCoverage | null,
  pinned: RiskCoverage | null,
): Words {
  const aurc = (r: RiskCoverage) => `${r.aurc.toFixed(4)}`;
  return [
    b(`AURC ${aurc(now)}`),
    before ? ` (before ${aurc(before)})` : "",
    pinned ? ` (pinned ${aurc(pinned)})` : "",
    `, ${now.eaurc.toFixed(4)} above the best order (E-AURC); all answered: ${percent(now.risk[now.risk.length - 1]!)} wrong, `,
  ];
}

/** How confidences moved, and whose guess became another. */
export function movedWordsOf(m: Moved, n: number): Words {
  const [wrong, right] = m.mean;
  const mean = m.delta.reduce((sum, d) => sum + d, 0) / n;
  const of = (name: string, v: number) => (Number.isNaN(v) ? `no ${name} ones` : `${name} ${signed(v)}`);
  const changed =
    m.changed === 0
      ? "no guess changed"
      : `${m.changed} of ${n} guesses changed: ${m.mended} became right, ${m.spoilt} wrong`;
  return [
    b(`Confidence ${signed(mean)}`),
    ` on average (${of("right", right)}, ${of("wrong", wrong)}); `,
    b(changed),
    ", ",
  ];
}

export function scoreWords({ brier, nll }: Answer): string {
  return Number.isNaN(nll) ? "" : `Brier ${brier.toFixed(3)}, NLL ${nll.toFixed(3)}, `;
}

export const sampleWords = (n: number): string => `${n < 1e5 ? n : n.toLocaleString("en")} samples`;

/** Of the samples at or above a threshold; of a class where one is named. */
export function keptWords({ coverage, accuracy }: Kept, ofClass: string): string {
  const outcome = ofClass ? `of class ${ofClass}` : "right";
  return `keeps ${percent(coverage)}${coverage > 0 ? `, ${percent(accuracy)} ${outcome}` : ""}`;
}

const percent = (share: number) => `${(100 * share).toFixed(1)}\u00a0%`;

const PATHS: Record<Path, string> = {
  exact: "Exact",
  table: "Rounded to 1/128 nat",
  compressed: "Compressed",
  tabulated: "Between tabulated temperatures",
  sample: "50,000 of them at random",
};

/** How the numbers of large predictions came about, and how far off they can be. */
export function pathWords({ path, bound }: Answer, predictions: Predictions, target: number | null): string {
  const { form, of, exactReceived } = predictions;
  const within = path === "sample" ? "ECE within about" : "ECE within";
  const parts = [path === "exact" ? PATHS.exact : `${PATHS[path]}, ${within} ${bound.toPrecision(1)}`];
  if (form.kind === "compressed" && target !== null) {
    const { n, kept } = form as Compressed;
    const unknown = n - (form as Compressed).known(target);
    if (unknown > 0)
      parts.push(
        `this class is not among the ${kept} likeliest of ${unknown.toLocaleString("en")} samples, which get the mean of their rest`,
      );
  }
  if (form.kind === "quantised" && exactReceived < form.n)
    parts.push(`exact numbers: ${Math.floor((100 * exactReceived) / form.n)} % here`);
  if (form.n < of)
    parts.push(`${form.n.toLocaleString("en")} of ${of.toLocaleString("en")} samples are in this file`);
  return `${parts.join("; ")}.`;
}
