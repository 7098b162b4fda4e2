/** Which classes are taken for which. */

import { rank } from "./ood";
import type { Dataset } from "./session";
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

/** Of two classes the one that has no training sample: where it begins has not been learnt; null where there is none. */
export function unseenClass({ k, y, train }: Pick<Dataset, "k" | "y" | "train">): number | null {
  if (k !== 2 || train.length === 0) return null;
  const first = y[train[0]!]!;
  return train.every((i) => y[i] === first) ? 1 - first : null;
}

/** How often a sample of the class `unseen` has the higher logit of it than one of the other has; ties count half. */
export function rankedApart(logits: ArrayLike<number>, labels: ArrayLike<number>, unseen: number): number {
  const scores: [number[], number[]] = [[], []]; // of the class trained on, of the other
  for (let i = 0; i < labels.length; i++)
    scores[labels[i] === unseen ? 1 : 0].push(logits[2 * i + 1 - unseen]! - logits[2 * i + unseen]!);
  return rank(Float64Array.from(scores[0]), Float64Array.from(scores[1])).auroc;
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
