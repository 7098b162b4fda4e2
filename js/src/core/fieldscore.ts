/** What the strength of the field's colour may stand for: scores of a network on the points of a plane. No DOM. */

import type { Field } from "./field";
import { DETECTORS, type Detector, logitScores, type OF_LOGITS } from "./ood";

export type Colour = "confidence" | "margin" | Detector;

/** Name of each, in words how to read it, and what it is. */
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
  energy: score("energy", "Log of the sum of all classes' evidence: low where no class has any"),
  msp: score("msp", "Probability of the winning class, whichever it is"),
  max_logit: score("max_logit", "Evidence of the winning class, not divided by that of all"),
  entropy: score("entropy", "Minus the entropy of the prediction: low where many classes are possible"),
  mahalanobis: score(
    "mahalanobis",
    "Minus the squared distance to the nearest class mean in the last features, in units of the classes' spread",
    "low is far from every class of the training samples",
  ),
  relative_mahalanobis: score(
    "relative_mahalanobis",
    "The Mahalanobis score, less that of one class that holds all training samples",
    "low is no nearer to a class than to the training samples as a whole",
  ),
  knn: score(
    "knn",
    "Minus the distance to the fifth nearest training sample in the last features, each scaled to length 1",
    "low is far from every training sample",
  ),
};

function score(detector: Detector, hint: string, says = "higher is more in-distribution") {
  return { title: `OOD score: ${DETECTORS[detector]}`, says, hint };
}

export interface ScoreField {
  values: ArrayLike<number>; // (ny * nx,)
  nx: number;
  ny: number;
  low: number;
  high: number; // above low
  beyond?: "some" | "all"; // which values are below the floor of the scale, where it has one
}

/** A score on the points of a field of all classes, with the ends of its scale. */
export function scoreField(
  f: Field,
  colour: "margin" | (typeof OF_LOGITS)[number],
  temperature: number,
): ScoreField {
  const { k, logits, nx, ny } = f;
  const values =
    colour === "margin" ? marginsAt(f, temperature) : logitScores(colour, logits, k, temperature);
  if (colour === "msp") return { values, nx, ny, low: 1 / k, high: 1 };
  if (colour === "entropy") return { values, nx, ny, low: -Math.log(k), high: 0 };
  return shades(values, nx, ny, colour === "margin" ? 0 : Number.POSITIVE_INFINITY);
}

/** Values with the ends of their scale, which holds `low`, and ends at `floor` where some lie above it. */
export function shades(
  values: ArrayLike<number>,
  nx: number,
  ny: number,
  low = Number.POSITIVE_INFINITY,
  floor = Number.NEGATIVE_INFINITY,
): ScoreField {
  let high = Number.NEGATIVE_INFINITY;
  for (let p = 0; p < values.length; p++) {
    if (values[p]! < low) low = values[p]!;
    if (values[p]! > high) high = values[p]!;
  }
  const beyond = high < floor ? "all" : low < floor ? "some" : undefined;
  if (beyond === "some") low = floor;
  return { values, nx, ny, low, high: high > low ? high : low + 1, beyond };
}

/** Best logit minus the second best at each point, divided by the temperature. */
function marginsAt({ k, logits, top }: Field, temperature: number): Float64Array {
  return Float64Array.from(top, (best, p) => {
    let rival = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < k; j++) if (j !== best) rival = Math.max(rival, logits[p * k + j]!);
    return (logits[p * k + best]! - rival) / temperature;
  });
}
