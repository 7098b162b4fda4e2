/** Samples by what the network says of them; `clsviz.widgets.criteria` gives the same numbers. */

import { type Part, partRows } from "./selection";
import type { Session } from "./session";
import { logitsOf, type Shown } from "./shown";
import { argmax, softmaxRow } from "./softmax";

/** What the network says of each of some samples, at one temperature. */
export interface Said {
  rows: Int32Array; // sample indices
  confidence: Float64Array; // probability of the guess
  margin: Float64Array; // p of the label minus the greatest other p, -1 .. 1; below 0: wrong
  guess: Int32Array;
}

export type Criterion =
  | { by: "confidence_below" | "confidence_above" | "margin_below" | "margin_above"; value: number }
  | { by: "wrong" | "mislabelled" }
  | { by: "predicted" | "label"; value: number };

/** From logits (rows, k) and labels (rows,). */
export function said(
  rows: Int32Array,
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  temperature: number,
): Said {
  const confidence = new Float64Array(rows.length);
  const margin = new Float64Array(rows.length);
  const guess = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const p = softmaxRow(logits, i * k, k, temperature);
    const label = labels[i]!;
    let other = 0;
    for (let j = 0; j < k; j++) if (j !== label) other = Math.max(other, p[j]!);
    guess[i] = argmax(logits, i * k, k);
    confidence[i] = p[guess[i]!]!;
    margin[i] = p[label]! - other;
  }
  return { rows, confidence, margin, guess };
}

/** Does sample `i` of `s` fulfil the criterion? `y` and `yClean` are over all samples. */
export function fulfils(
  s: Said,
  i: number,
  c: Criterion,
  y: ArrayLike<number>,
  yClean: ArrayLike<number>,
): boolean {
  const sample = s.rows[i]!;
  switch (c.by) {
    case "confidence_below":
      return s.confidence[i]! < c.value;
    case "confidence_above":
      return s.confidence[i]! > c.value;
    case "margin_below":
      return s.margin[i]! < c.value;
    case "margin_above":
      return s.margin[i]! > c.value;
    case "wrong":
      return s.guess[i] !== y[sample];
    case "mislabelled":
      return y[sample] !== yClean[sample];
    case "predicted":
      return s.guess[i] === c.value;
    case "label":
      return y[sample] === c.value;
  }
}

const kept = new WeakMap<Shown, { key: string; said: Said }>();

/** The samples of a part that fulfil a criterion under the network shown. */
export function samplesBy(
  session: Session,
  at: Shown,
  part: Part,
  criterion: Criterion,
  temperature: number,
): Int32Array {
  const data = session.dataset!;
  const key = `${part} ${temperature}`;
  let found = kept.get(at);
  if (found?.key !== key) {
    const rows = partRows(data, part);
    const labels = Int32Array.from(rows, (i) => data.y[i]!);
    found = { key, said: said(rows, logitsOf(session, at, rows), labels, data.k, temperature) };
    kept.set(at, found);
  }
  const s = found.said;
  return s.rows.filter((_, i) => fulfils(s, i, criterion, data.y, data.yClean));
}
