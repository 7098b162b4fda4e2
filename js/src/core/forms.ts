/** Predictions in the forms that large ones travel in (clsviz/widgets/predictions.py writes them). */

import type { Histogram } from "./histogram";

/** What is asked of predictions: the probability of the top guess, or of class `target`. */
export interface Asked {
  temperature: number;
  target: number | null;
}

export interface Form {
  readonly kind: "quantised" | "compressed";
  readonly n: number;
  readonly k: number;
  readonly labels: Uint16Array; // (n,)
  /** Row by row into the histograms; `checked` is the number of bins whose edges slack is counted at. */
  fill(into: Histogram[], asked: Asked, checked: number, from: number, to: number): void;
  /** Mean distance of the label's logit from the largest one: what NLL needs besides logSum. */
  labelGap(): number;
  /** Probabilities and outcomes of some rows. */
  pairs(asked: Asked, rows: ArrayLike<number>): { value: Float64Array; hit: Uint8Array };
  /** Takes a piece of the stream: rows from `from` on. */
  receive(message: Record<string, unknown>, buffers: (DataView | ArrayBuffer)[]): number;
  /** All of it as plain values for a worker; `revive` makes it a form again. */
  parts(): FormParts;
}

export interface FormParts {
  kind: Form["kind"];
  n: number;
  k: number;
  [field: string]: unknown;
}

/** Mean of the negative logarithm of the label's probability. */
export function nllOf(logSum: number, labelGap: number, n: number, temperature: number): number {
  return logSum / n + labelGap / temperature;
}
