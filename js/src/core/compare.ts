/** Two networks on the same samples: what changed (same numbers as clsviz.widgets.comparison). */

import { type Outcomes, reliability } from "./reliability";
import { argmax } from "./softmax";

export const COMPARED_BINS = 15;

export interface Side {
  logits: ArrayLike<number>; // (n or more, k)
  pairs: Outcomes; // top guesses at the temperature to compare at, of as many
}

/** Differences are shown minus pinned; samples are positions 0..n-1: those that have labels. */
export interface Comparison {
  ece: [pinned: number, shown: number];
  accuracy: [pinned: number, shown: number];
  agreement: number; // share with the same top class
  disagreeing: Int32Array;
  negative: Int32Array; // pinned right, shown wrong
  positive: Int32Array; // pinned wrong, shown right
}

export function compare(pinned: Side, shown: Side, labels: ArrayLike<number>, k: number): Comparison {
  const n = labels.length;
  const disagreeing: number[] = [];
  const negative: number[] = [];
  const positive: number[] = [];
  for (let i = 0; i < n; i++) {
    const [was, now] = [argmax(pinned.logits, i * k, k), argmax(shown.logits, i * k, k)];
    if (was === now) continue;
    disagreeing.push(i);
    if (was === labels[i]) negative.push(i);
    if (now === labels[i]) positive.push(i);
  }
  const read = ({ pairs }: Side) =>
    reliability(
      { value: pairs.value.subarray(0, n), hit: pairs.hit.subarray(0, n) },
      COMPARED_BINS,
      "equal_width",
    );
  const [was, now] = [read(pinned), read(shown)];
  return {
    ece: [was.ece, now.ece],
    accuracy: [was.meanAccuracy, now.meanAccuracy],
    agreement: (n - disagreeing.length) / n,
    disagreeing: Int32Array.from(disagreeing),
    negative: Int32Array.from(negative),
    positive: Int32Array.from(positive),
  };
}
