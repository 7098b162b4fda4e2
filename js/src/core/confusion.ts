/** Which classes are taken for which. */

import { argmax } from "./softmax";

export interface Confusion {
  k: number;
  counts: Int32Array; // (k, k): true class x predicted class
  predicted: Int32Array; // (n,) top guess, ties to the lowest class
  rowTotals: Int32Array; // (k,) samples of each true class
  right: number;
  accuracy: number; // nan without samples
}

export function confusion(logits: ArrayLike<number>, labels: ArrayLike<number>, k: number): Confusion {
  const n = labels.length;
  const counts = new Int32Array(k * k);
  const predicted = new Int32Array(n);
  const rowTotals = new Int32Array(k);
  let right = 0;
  for (let i = 0; i < n; i++) {
    const label = labels[i]!;
    const guess = argmax(logits, i * k, k);
    predicted[i] = guess;
    counts[label * k + guess]!++;
    rowTotals[label]!++;
    if (guess === label) right++;
  }
  return { k, counts, predicted, rowTotals, right, accuracy: right / n };
}

/** Sample indices (from `rows`) of true class `a` that are called `b`. */
export function cellSamples(
  c: Confusion,
  labels: ArrayLike<number>,
  rows: ArrayLike<number>,
  a: number,
  b: number,
): Int32Array {
  const out = new Int32Array(c.counts[a * c.k + b]!);
  let found = 0;
  for (let i = 0; i < c.predicted.length; i++) {
    if (labels[i] === a && c.predicted[i] === b) out[found++] = rows[i]!;
  }
  return out;
}

/** The two classes most often taken for each other, both ways counted, lower index first; null without errors. */
export function mostConfusedPair(c: Confusion): [number, number] | null {
  let best: [number, number] | null = null;
  let most = 0;
  for (let a = 0; a < c.k; a++) {
    for (let b = a + 1; b < c.k; b++) {
      const both = c.counts[a * c.k + b]! + c.counts[b * c.k + a]!;
      if (both > most) {
        most = both;
        best = [a, b];
      }
    }
  }
  return best;
}
