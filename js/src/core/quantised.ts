/** Distances of all logits from the row's largest, in steps of 1/128 nat: a probability is a table look-up. */

import { asUint16 } from "./arrays";
import type { Asked, Form, FormParts } from "./forms";
import { type Histogram, put } from "./histogram";

export const STEPS = 128; // per nat
const SIZE = 65536; // distances a Uint16 holds
const NEGLIGIBLE = 1e-9; // terms below are as good as 0: the table is filled no further

export class Quantised implements Form {
  readonly kind = "quantised";
  readonly gaps: Uint16Array; // (n, k), 0 at the top class
  readonly top: Uint16Array; // (n,)
  readonly labels: Uint16Array;
  private readonly table = new Float64Array(SIZE);
  private tableOf = Number.NaN;
  private filled = 0;

  constructor(
    readonly n: number,
    readonly k: number,
    parts: { gaps?: Uint16Array; top?: Uint16Array; labels?: Uint16Array } = {},
  ) {
    this.gaps = parts.gaps ?? new Uint16Array(n * k);
    this.top = parts.top ?? new Uint16Array(n);
    this.labels = parts.labels ?? new Uint16Array(n);
  }

  receive(message: Record<string, unknown>, buffers: (DataView | ArrayBuffer)[]): number {
    const from = message.from as number;
    const [gaps, top, labels] = buffers.map(asUint16) as [Uint16Array, Uint16Array, Uint16Array];
    this.gaps.set(gaps, from * this.k);
    this.top.set(top, from);
    this.labels.set(labels, from);
    return labels.length;
  }

  parts(): FormParts {
    const { kind, n, k, gaps, top, labels } = this;
    return { kind, n, k, gaps, top, labels };
  }

  fill(into: Histogram[], { temperature, target }: Asked, _checked: number, from: number, to: number): void {
    const { gaps, top, labels, k } = this;
    const e = this.exponentials(temperature);
    let product = 1; // of denominators, so that a logarithm is taken only now and then
    let logSum = 0;
    let brier = 0;
    for (let i = from; i < to; i++) {
      const start = i * k;
      const end = start + k;
      let sum = 0;
      let squares = 0;
      for (let j = start; j < end; j++) {
        const term = e[gaps[j]!]!;
        sum += term;
        squares += term * term;
      }
      const label = labels[i]!;
      const value = 1 / sum;
      brier += 1 + value * (squares * value - 2 * e[gaps[start + label]!]!);
      product *= sum;
      if (product > 1e200) {
        logSum += Math.log(product);
        product = 1;
      }
      const [v, hit] =
        target === null
          ? [value, top[i] === label ? 1 : 0]
          : [value * e[gaps[start + target]!]!, target === label ? 1 : 0];
      for (let q = 0; q < into.length; q++) put(into[q]!, v, hit);
    }
    for (const { scores } of into) {
      scores.logSum += logSum + Math.log(product);
      scores.brier += brier;
    }
  }

  pairs({ temperature, target }: Asked, rows: ArrayLike<number>): { value: Float64Array; hit: Uint8Array } {
    const e = this.exponentials(temperature);
    const value = new Float64Array(rows.length);
    const hit = new Uint8Array(rows.length);
    for (let r = 0; r < rows.length; r++) {
      const i = rows[r]!;
      const start = i * this.k;
      let sum = 0;
      for (let j = start; j < start + this.k; j++) sum += e[this.gaps[j]!]!;
      value[r] = (target === null ? 1 : e[this.gaps[start + target]!]!) / sum;
      hit[r] = (target ?? this.top[i]) === this.labels[i] ? 1 : 0;
    }
    return { value, hit };
  }

  labelGap(): number {
    let sum = 0;
    for (let i = 0; i < this.n; i++) sum += this.gaps[i * this.k + this.labels[i]!]!;
    return sum / STEPS / this.n;
  }

  /** exp(-q / 128 / T) for all q. */
  private exponentials(temperature: number): Float64Array {
    if (this.tableOf === temperature) return this.table;
    const used = Math.min(SIZE, Math.ceil(-Math.log(NEGLIGIBLE) * temperature * STEPS));
    for (let q = 0; q < used; q++) this.table[q] = Math.exp(-q / STEPS / temperature);
    if (used < this.filled) this.table.fill(0, used, this.filled);
    this.filled = used;
    this.tableOf = temperature;
    return this.table;
  }
}
