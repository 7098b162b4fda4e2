/** Float32 logits in full: the numbers of clsviz.calibration, for when a slider rests. */

import type { Asked } from "./forms";
import { type Histogram, put } from "./histogram";

export class Exact {
  readonly logits: Float32Array; // (n, k)
  private received = 0;

  constructor(
    readonly n: number,
    readonly k: number,
  ) {
    this.logits = new Float32Array(n * k);
  }

  get complete(): boolean {
    return this.received >= this.n;
  }

  receive(from: number, rows: Float32Array): void {
    this.logits.set(rows, from * this.k);
    this.received = Math.max(this.received, from + rows.length / this.k); // pieces come in order
  }

  fill(into: Histogram[], asked: Asked, labels: ArrayLike<number>, from: number, to: number): void {
    const value = new Float64Array(to - from);
    const hit = new Uint8Array(to - from);
    const scores = this.pairs(value, hit, asked, labels, from, to);
    for (const h of into) {
      for (let i = 0; i < value.length; i++) put(h, value[i]!, hit[i]!);
      h.scores.logSum += scores.logSum;
      h.scores.brier += scores.brier;
    }
  }

  /** Writes probability and outcome of the rows from..to; returns the sums of their scores. */
  pairs(
    value: Float64Array,
    hit: Uint8Array,
    { temperature, target }: Asked,
    labels: ArrayLike<number>,
    from: number,
    to: number,
  ): { logSum: number; brier: number } {
    const { logits, k } = this;
    const p = new Float64Array(k);
    let logSum = 0;
    let brier = 0;
    for (let i = from; i < to; i++) {
      const start = i * k;
      let top = 0;
      for (let j = 1; j < k; j++) if (logits[start + j]! > logits[start + top]!) top = j;
      const largest = logits[start + top]!;
      let sum = 0;
      for (let j = 0; j < k; j++) sum += p[j] = Math.exp((logits[start + j]! - largest) / temperature);
      let squares = 0;
      for (let j = 0; j < k; j++) squares += p[j]! * p[j]!;
      const label = labels[i]!;
      logSum += Math.log(sum);
      brier += 1 + (squares / sum - 2 * p[label]!) / sum;
      value[i - from] = (target === null ? 1 : p[target]!) / sum;
      hit[i - from] = (target ?? top) === label ? 1 : 0;
    }
    return { logSum, brier };
  }

  /** Mean distance of the label's logit from the largest one. */
  labelGap(labels: ArrayLike<number>): number {
    const { logits, k, n } = this;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      let largest = logits[i * k]!;
      for (let j = 1; j < k; j++) largest = Math.max(largest, logits[i * k + j]!);
      sum += largest - logits[i * k + labels[i]!]!;
    }
    return sum / n;
  }
}
