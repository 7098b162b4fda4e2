/** What the tilt view says. */

import type { Measured, TheoryCurve } from "../../core/tiltcurve";
import { b } from "../../draw/dom";

export const TYPES = ["hardly adversarial", "tilt at no cost", "tilt that costs accuracy"] as const;

export const percent = (v: number): string => (Number.isNaN(v) ? "–" : `${(100 * v).toFixed(2)} %`);
export const plain = (v: number): string => (Number.isFinite(v) ? v.toFixed(3) : "∞").replace("-", "−");
export const degreesWords = (v: number): string => `${v.toFixed(1)}°`.replace("-", "−");

export interface Now {
  degrees: number; // signed where the boundary is turned
  how: "as trained" | "turned" | "regularised";
  lambda: number | null;
  measured: Measured;
  theory: number; // error
  type: 0 | 1 | 2;
  bends: boolean; // the network is not straight, as all that is turned is
}

export function sentence(now: Now, curve: TheoryCurve, true_: boolean, samples: number): (Node | string)[] {
  const { measured } = now;
  const head = {
    "as trained": "As trained: ",
    turned: "Turned: ",
    regularised: `λ ${Number((now.lambda ?? 0).toPrecision(2))}: `,
  }[now.how];
  return [
    head,
    b(`angle ${degreesWords(now.degrees)}`),
    ", ",
    b(`error ${percent(measured.error)}`),
    ` of ${samples} validation samples (theory ${percent(now.theory)}), adversarial strength `,
    b(plain(measured.strength)),
    `, distance ${plain(measured.distance)}: `,
    b(`type ${now.type}`),
    `, ${TYPES[now.type]}. `,
    now.bends ? "The network bends: the lines are of straight boundaries. " : "",
    `Least error by the theory ${percent(curve.least)} at ${degreesWords(curve.best)}. `,
    true_
      ? "Theory: the Gaussians that the samples were drawn from, boundary half-way."
      : "Theory: Gaussians with the spread and correlation of the training samples along the centroids and along the leaning, boundary half-way.",
  ];
}
