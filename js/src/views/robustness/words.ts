/** The robustness view in a sentence. */

import { b } from "../../draw/dom";
import { signed } from "../ood/words";
import type { Pair } from "./numbers";

/** A distance that nobody found is none. */
export const distanceWords = (v: number): string => (Number.isFinite(v) ? v.toFixed(4) : "none found");

export interface MarginsSaid {
  kind: "logit" | "distance";
  below: number;
  n: number;
  of: string; // "validation samples", "validation samples of class 3"
  threshold: number;
  temperature: number;
  median: number;
  wrong: number;
}

export function marginSentence(s: MarginsSaid): (Node | string)[] {
  const heat = s.temperature === 1 ? "" : ` at T = ${Number(s.temperature.toFixed(2))}`;
  const what = s.kind === "logit" ? `a logit margin${heat}` : "a distance to the boundary";
  const unit = s.kind === "logit" ? " nats" : "";
  const middle = Number.isFinite(s.median) ? `; the median is ${signed(s.median)}` : "";
  return [
    b(`${((100 * s.below) / s.n).toFixed(1)} %`),
    ` of ${s.n} ${s.of} have ${what} below ${signed(s.threshold)}${unit}${middle}, ${s.wrong} are wrong.`,
  ];
}

export interface RadiusSaid {
  radius: number;
  step: number; // of FGSM in each feature
  accuracy: readonly [found: number, fgsm: number];
  exact: boolean;
  attacked: number;
  waiting: number; // not attacked yet
}

export function radiusSentence(s: RadiusSaid): (Node | string)[] {
  const late = s.waiting > 0 ? `, ${s.waiting} more to come` : "";
  return [
    ` Within radius ${s.radius.toPrecision(3)} ${s.exact ? "exactly" : "at most"} `,
    b(s.accuracy[0].toFixed(4)),
    ` stay right (${s.exact ? "of" : "upper bound by DeepFool on"} ${s.attacked} samples${late}); `,
    `FGSM of that length, ${s.step.toPrecision(3)} in each feature, leaves `,
    b(s.accuracy[1].toFixed(4)),
    ".",
  ];
}

export function pairWords(pair: Pair, classNames: readonly string[]): string {
  const said = (i: 0 | 1) => `${classNames[pair.calls[i]]} (${pair.probs[i].toFixed(2)})`;
  const far = Number.isFinite(pair.distance)
    ? `boundary at ${distanceWords(pair.distance)}`
    : "no boundary found";
  return ` Sample ${pair.sample}, class ${classNames[pair.label]}, is called ${said(0)}, its copy ${said(1)}; ${far}.`;
}
