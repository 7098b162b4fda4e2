/** Probabilities of n samples with what is read off them: the guess, whether it is right, their order. */

import type { Outcomes } from "./reliability";
import { argmax } from "./softmax";

const LEAST = 1e-12; // probability that stands for zero in the log-loss of probabilities

export class Judged implements Outcomes {
  readonly n: number;
  readonly top: Int32Array; // (n,) guessed class, ties to the lowest
  readonly value: Float64Array; // (n,) its probability
  readonly hit: Uint8Array; // (n,) 1 where it is the label
  private sorted: Int32Array | null = null;

  constructor(
    readonly p: Float64Array, // (n, k)
    readonly labels: ArrayLike<number>, // (n,)
    readonly k: number,
    readonly nll: number, // mean -log p of the label
  ) {
    const n = labels.length;
    this.n = n;
    this.top = new Int32Array(n);
    this.value = new Float64Array(n);
    this.hit = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      const top = argmax(p, i * k, k);
      this.top[i] = top;
      this.value[i] = p[i * k + top]!;
      this.hit[i] = top === labels[i] ? 1 : 0;
    }
  }

  /** Samples by their confidence, ascending; ties stay in the order of the data. */
  get order(): Int32Array {
    this.sorted ??= orderOf(this.value);
    return this.sorted;
  }

  /** Probability of class `target` against whether it is the label; the guess where that is null. */
  outcomes(target: number | null): Outcomes {
    if (target === null) return this;
    const value = new Float64Array(this.n);
    const hit = new Uint8Array(this.n);
    for (let i = 0; i < this.n; i++) {
      value[i] = this.p[i * this.k + target]!;
      hit[i] = this.labels[i] === target ? 1 : 0;
    }
    return { value, hit };
  }
}

/** What logits (n, k) say at a temperature. */
export function judgedLogits(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  temperature: number,
): Judged {
  const n = labels.length;
  const p = new Float64Array(n * k);
  let nll = 0;
  for (let i = 0; i < n; i++) {
    const from = i * k;
    const max = logits[from + argmax(logits, from, k)]!;
    let sum = 0;
    for (let j = 0; j < k; j++) sum += p[from + j] = Math.exp((logits[from + j]! - max) / temperature);
    for (let j = 0; j < k; j++) p[from + j]! /= sum;
    nll += Math.log(sum) - (logits[from + labels[i]!]! - max) / temperature;
  }
  return new Judged(p, labels, k, nll / n);
}

/** What probabilities (n, k) say. */
export function judgedProbs(p: Float64Array, labels: ArrayLike<number>, k: number): Judged {
  let nll = 0;
  for (let i = 0; i < labels.length; i++) nll -= Math.log(Math.max(LEAST, p[i * k + labels[i]!]!));
  return new Judged(p, labels, k, nll / labels.length);
}

/** Indices in ascending order of their values, ties in their own order. */
export function orderOf(values: Float64Array): Int32Array {
  const order = Int32Array.from(values, (_, i) => i);
  return order.sort((a, b) => values[a]! - values[b]! || a - b);
}
