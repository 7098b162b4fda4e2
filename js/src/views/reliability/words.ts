/** A diagram's numbers in words. */

import type { Compressed } from "../../core/compressed";
import type { Predictions } from "../../core/predictions";
import type { Kept } from "../../core/reliability";
import { b } from "../../draw/dom";
import type { Answer, Path } from "./large/engine";

export function eceWords({ result: { ece }, interval: [low, high] }: Answer): (Node | string)[] {
  return [b(`ECE ${ece.toFixed(4)}`), ` (90 %: ${low.toFixed(3)} to ${high.toFixed(3)})`];
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
