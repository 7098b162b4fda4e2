/** What the strength of the field's colour may stand for: scores of a network on the points of a plane. No DOM. */

import type { Field } from "./field";
import { type Detector, logitScores } from "./ood";

export type Colour = "confidence" | "margin" | "msp" | "max_logit" | "energy" | "entropy";

/** Name of each, and in words what a high one says. */
export const COLOURS: Record<Colour, { title: string; says: string; hint: string }> = {
  confidence: {
    title: "class and confidence",
    says: "",
    hint: "Hue is the class, strength how sure the network is of it",
  },
  margin: {
    title: "margin",
    says: "higher is surer",
    hint: "Best logit minus the second best, over the temperature: 0 on the boundary",
  },
  energy: {
    title: "OOD score: energy",
    says: "higher is more in-distribution",
    hint: "Log of the sum of all classes' evidence: low where no class has any",
  },
  msp: {
    title: "OOD score: max softmax",
    says: "higher is more in-distribution",
    hint: "Probability of the winning class, whichever it is",
  },
  max_logit: {
    title: "OOD score: max logit",
    says: "higher is more in-distribution",
    hint: "Evidence of the winning class, not divided by that of all",
  },
  entropy: {
    title: "OOD score: entropy",
    says: "higher is more in-distribution",
    hint: "Minus the entropy of the prediction: low where many classes are possible",
  },
};

export interface ScoreField {
  values: ArrayLike<number>; // (ny * nx,)
  low: number;
  high: number; // above low
}

/** A score on the points of a field of all classes, with the ends of its scale. */
export function scoreField(f: Field, colour: Exclude<Colour, "confidence">, temperature: number): ScoreField {
  const { k, logits } = f;
  const values =
    colour === "margin"
      ? marginsAt(f, temperature)
      : logitScores(colour satisfies Detector, logits, k, temperature);
  if (colour === "msp") return { values, low: 1 / k, high: 1 };
  if (colour === "entropy") return { values, low: -Math.log(k), high: 0 };
  let [low, high] = [colour === "margin" ? 0 : Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let p = 0; p < values.length; p++) {
    if (values[p]! < low) low = values[p]!;
    if (values[p]! > high) high = values[p]!;
  }
  return { values, low, high: high > low ? high : low + 1 };
}

/** Best logit minus the second best at each point, divided by the temperature. */
function marginsAt({ k, logits, top }: Field, temperature: number): Float64Array {
  return Float64Array.from(top, (best, p) => {
    let rival = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < k; j++) if (j !== best) rival = Math.max(rival, logits[p * k + j]!);
    return (logits[p * k + best]! - rival) / temperature;
  });
}
