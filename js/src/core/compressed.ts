/**
 * Predictions of many classes: the largest logits of a row as they are, and of the rest one curve: what
 * they add to the softmax's denominator at any temperature.
 */

import { asFloat32, asUint16 } from "./arrays";
import type { Asked, Form, FormParts } from "./forms";
import { type Histogram, put } from "./histogram";

const FULL = 65535; // a stored share of 1
const NEGLIGIBLE = 25; // e^-25: terms beyond are as good as 0

type Arrays = Pick<Compressed, "gaps" | "classes" | "least" | "labelGaps" | "shares" | "labels">;

export class Compressed implements Form {
  readonly kind = "compressed";
  readonly gaps: Float32Array; // (n, kept) ascending distances from the largest logit
  readonly classes: Uint16Array; // (n, kept) whose they are
  readonly least: Float32Array; // (n,) smallest distance of the rest
  readonly labelGaps: Float32Array; // (n,)
  readonly shares: Uint16Array; // (n, temperatures) log of the rest's sum
  readonly labels: Uint16Array;

  constructor(
    readonly n: number,
    readonly k: number,
    readonly kept: number,
    readonly temperatures: number[],
    arrays: Partial<Arrays> = {},
    /** Most that the logarithm of the rest's sum is off. */
    public tailError = 0,
  ) {
    this.gaps = arrays.gaps ?? new Float32Array(n * kept);
    this.classes = arrays.classes ?? new Uint16Array(n * kept);
    this.least = arrays.least ?? new Float32Array(n);
    this.labelGaps = arrays.labelGaps ?? new Float32Array(n);
    this.shares = arrays.shares ?? new Uint16Array(n * temperatures.length);
    this.labels = arrays.labels ?? new Uint16Array(n);
  }

  receive(message: Record<string, unknown>, buffers: (DataView | ArrayBuffer)[]): number {
    const from = message.from as number;
    this.gaps.set(asFloat32(buffers[0]!), from * this.kept);
    this.classes.set(asUint16(buffers[1]!), from * this.kept);
    this.least.set(asFloat32(buffers[2]!), from);
    this.labelGaps.set(asFloat32(buffers[3]!), from);
    this.shares.set(asUint16(buffers[4]!), from * this.temperatures.length);
    const labels = asUint16(buffers[5]!);
    this.labels.set(labels, from);
    this.tailError = Math.max(this.tailError, message.tail_error as number);
    return labels.length;
  }

  parts(): FormParts {
    const { kind, n, k, kept, temperatures, tailError } = this;
    const { gaps, classes, least, labelGaps, shares, labels } = this;
    return { kind, n, k, kept, temperatures, tailError, gaps, classes, least, labelGaps, shares, labels };
  }

  fill(into: Histogram[], asked: Asked, checked: number, from: number, to: number): void {
    const { kept, gaps, labels, labelGaps, tailError } = this;
    const beta = 1 / asked.temperature;
    const tail = this.tailAt(asked.temperature);
    const tailSquared = this.tailAt(asked.temperature / 2);
    let logSum = 0;
    let brier = 0;
    let slack = 0;
    for (let i = from; i < to; i++) {
      const rest = tail(i);
      let sum = rest;
      let squares = tailSquared(i);
      for (let j = i * kept; j < (i + 1) * kept; j++) {
        const x = gaps[j]! * beta;
        if (x > NEGLIGIBLE) break;
        const term = Math.exp(-x);
        sum += term;
        squares += term * term;
      }
      const share = 1 / sum;
      brier += 1 + share * (squares * share - 2 * Math.exp(-labelGaps[i]! * beta));
      logSum += Math.log(sum);
      const off = share * rest * tailError; // relative error of every probability
      const seen = this.probability(i, asked, share, rest);
      const hit = (asked.target ?? this.classes[i * kept]) === labels[i] ? 1 : 0;
      const error = Math.max(seen.off, off * seen.value);
      // a sample that may lie on the other side of an edge can move as a whole, out of one bin and into another
      const low = Math.floor(Math.max(0, seen.value - error) * checked);
      const high = Math.min(checked - 1, Math.floor((seen.value + error) * checked));
      slack += error + (low < high ? 2 : 0);
      for (let q = 0; q < into.length; q++) put(into[q]!, seen.value, hit);
    }
    for (const h of into) {
      h.scores.logSum += logSum;
      h.scores.brier += brier;
      h.slack += slack / this.n;
    }
  }

  pairs(asked: Asked, rows: ArrayLike<number>): { value: Float64Array; hit: Uint8Array } {
    const value = new Float64Array(rows.length);
    const hit = new Uint8Array(rows.length);
    const tail = this.tailAt(asked.temperature);
    for (let r = 0; r < rows.length; r++) {
      const i = rows[r]!;
      const rest = tail(i);
      let sum = rest;
      for (let j = i * this.kept; j < (i + 1) * this.kept; j++)
        sum += Math.exp(-this.gaps[j]! / asked.temperature);
      value[r] = this.probability(i, asked, 1 / sum, rest).value;
      hit[r] = (asked.target ?? this.classes[i * this.kept]) === this.labels[i] ? 1 : 0;
    }
    return { value, hit };
  }

  labelGap(): number {
    let sum = 0;
    for (const gap of this.labelGaps) sum += gap;
    return sum / this.n;
  }

  /** Rows in which class `target` is among the kept ones, so that its probability is known. */
  known(target: number): number {
    let known = 0;
    for (let i = 0; i < this.n; i++) if (this.place(i, target) >= 0) known++;
    return known;
  }

  private place(i: number, target: number): number {
    const start = i * this.kept;
    for (let j = start; j < start + this.kept; j++) if (this.classes[j] === target) return j;
    return -1;
  }

  /** What is asked of row i; a class of the rest gets their mean, or the label's own distance. */
  private probability(
    i: number,
    { target, temperature }: Asked,
    share: number,
    rest: number,
  ): { value: number; off: number } {
    if (target === null) return { value: share, off: 0 };
    const j = this.place(i, target);
    if (j >= 0) return { value: share * Math.exp(-this.gaps[j]! / temperature), off: 0 };
    if (target === this.labels[i])
      return { value: share * Math.exp(-this.labelGaps[i]! / temperature), off: 0 };
    const value = (share * rest) / (this.k - this.kept);
    return { value, off: share * Math.min(rest, Math.exp(-this.least[i]! / temperature)) };
  }

  /** Sum over the rest of row i at a temperature: a cubic through the four nearest stored ones. */
  private tailAt(temperature: number): (i: number) => number {
    const { temperatures: t, shares, least } = this;
    const stored = t.length;
    const step = Math.log(t[1]! / t[0]!);
    const place = Math.log(temperature / t[0]!) / step;
    const first = Math.min(stored - 4, Math.max(0, Math.floor(place) - 1));
    const x = place - first;
    const scale = Math.log(this.k - this.kept) / FULL;
    const [a, b, c, d] = [
      (-(x - 1) * (x - 2) * (x - 3)) / 6,
      (x * (x - 2) * (x - 3)) / 2,
      (-x * (x - 1) * (x - 3)) / 2,
      (x * (x - 1) * (x - 2)) / 6,
    ].map((w) => w * scale) as [number, number, number, number];
    return (i) => {
      const j = i * stored + first;
      const log = a * shares[j]! + b * shares[j + 1]! + c * shares[j + 2]! + d * shares[j + 3]!;
      return Math.exp(log - least[i]! / temperature);
    };
  }
}
