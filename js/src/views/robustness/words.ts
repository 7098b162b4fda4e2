/** The robustness view in a sentence. */

import { b } from "../../draw/dom";
import { percent } from "../tilt/words";
import type { Accuracy, Attacks, By, Kind, Pair } from "./numbers";

/** Who says that a boundary is there. */
const FOUND: Record<By, string> = {
  deepfool: "DeepFool",
  line: "a walk towards the nearest sample called otherwise",
  pgd: "PGD",
};

/** As the slider says it. */
const short = (v: number): string => String(Number(v.toPrecision(3))).replace("-", "−");

/** A distance that nobody found is none. */
export const distanceWords = (v: number): string => (Number.isFinite(v) ? v.toFixed(4) : "none found");

export interface MarginsSaid {
  kind: Kind;
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
  const what = {
    logit: `a logit margin${heat}`,
    probability: `a margin of probabilities${heat}`,
    distance: "a distance to the boundary",
  }[s.kind];
  const unit = s.kind === "logit" ? " nats" : "";
  const middle = Number.isFinite(s.median) ? `; the median is ${short(s.median)}` : "";
  return [
    b(`${((100 * s.below) / s.n).toFixed(1)} %`),
    ` of ${s.n} ${s.of} have ${what} below ${short(s.threshold)}${unit}${middle}, ${s.wrong} are wrong.`,
  ];
}

export interface RadiusSaid {
  radius: number;
  attacks: Attacks;
  accuracy: Accuracy<number>; // at it
  attacked: number;
  waiting: number; // not attacked yet
  stopped: boolean;
}

export function radiusSentence(s: RadiusSaid): (Node | string)[] {
  const { attacks, accuracy } = s;
  const late = s.waiting > 0 ? `, ${s.stopped ? "stopped; " : ""}${s.waiting} more to come` : "";
  const proved = {
    linear: ", in truth (a linear network's boundaries are known) ",
    rbf: ", certainly (no bump is steep enough) at least ",
    lipschitz: `, certainly (Lipschitz constant ≤ ${attacks.proof.lipschitz.toPrecision(3)}) at least `,
  }[attacks.proof.by];
  return [
    ` Within radius ${short(s.radius)} ${attacks.exact ? "exactly" : "at most"} `,
    b(percent(accuracy.found)),
    ` stay right (${attacks.exact ? "of" : `upper bound by ${FOUND[attacks.by]} on`} ${s.attacked} samples${late})`,
    ...(attacks.exact ? [] : [proved, b(percent(accuracy.certified)), " do"]),
    `; FGSM of that length, ${short(attacks.step(s.radius))} in each feature, leaves `,
    b(percent(accuracy.fgsm)),
    ".",
  ];
}

export function pairWords(pair: Pair, classNames: readonly string[]): string {
  const said = (i: 0 | 1) => `${classNames[pair.calls[i]]} (${Math.round(100 * pair.probs[i])} %)`;
  const far = Number.isFinite(pair.distance)
    ? `boundary at ${distanceWords(pair.distance)}`
    : "no boundary found";
  const near = pair.certified < pair.distance ? `, none within ${distanceWords(pair.certified)}` : "";
  return ` Sample ${pair.sample}, class ${classNames[pair.label]}, is called ${said(0)}, its copy ${said(1)}; ${far}${near}.`;
}
