/** Multiplicity in words: the line under the pictures, and a sample by itself. */

import { sharesAt } from "../../core/multiplicity";
import { b, h } from "../../draw/dom";
import { percent } from "./curves";
import type { Counted } from "./numbers";

export const nats = (epsilon: number): string => (epsilon >= 0.1 ? epsilon.toFixed(2) : epsilon.toFixed(3));

/** "3 networks", "1 network". */
const networks = (count: number) => `${count} network${count === 1 ? "" : "s"}`;

export function setWords(of: Counted, epsilon: number, delta: number, away: number): (Node | string)[] {
  const { count, models, grown, forecasts } = of;
  const answers = sharesAt(grown.answers, count);
  const moved = sharesAt(grown.moved, count);
  const n = of.baseline.p.length;
  return [
    b(`${count} of ${networks(models.length)}`),
    ` ${count === 1 ? "lies" : "lie"} within ${nats(epsilon)} nats of the best (NLL ${forecasts[grown.order[0]!]!.loss.toFixed(3)}). `,
    b(percent(answers.ambiguity)),
    ` of ${n} samples change their answer (ambiguity), at most `,
    b(percent(answers.discrepancy)),
    " by one network (discrepancy)",
    h(
      "span",
      {},
      `; ${percent(moved.ambiguity)} move by ${delta.toFixed(2)} or more, at most ${percent(moved.discrepancy)} by one`,
    ),
    ".",
    away > 0 ? ` ${networks(away)} ${away === 1 ? "is" : "are"} on ${away === 1 ? "its" : "their"} way.` : "",
  ];
}

export function sampleWords(
  of: Counted,
  place: number,
  sample: number,
  name: string,
  capacity: number,
): string {
  const { low, high, baseline, others } = of;
  const [from, to] = [low[place]!, high[place]!].map((p) => p.toFixed(2));
  const otherwise = others[place]
    ? `, ${networks(others[place]!)} answer${others[place] === 1 ? "s" : ""} otherwise`
    : "";
  return `Sample ${sample}: p of ${name} from ${from} to ${to}, baseline ${baseline.p[place]!.toFixed(2)}${otherwise}; capacity ${capacity.toFixed(2)}.`;
}
