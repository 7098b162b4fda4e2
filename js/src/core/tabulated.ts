/**
 * Fine histograms at log-spaced temperatures: between two of them a diagram costs the same whatever the
 * number of samples. Made coarse to fine, so that a quarter of them already serves.
 */

import { coarsen, emptyHistogram, type Histogram } from "./histogram";
import { ofSums, type Sums } from "./reliability";

const [COLDEST, HOTTEST] = [0.05, 20];
const INTERVALS = 96;
const STRIDES = [4, 2, 1]; // every fourth temperature first
const RATIO = Math.log(HOTTEST / COLDEST) / INTERVALS;

export const tableTemperature = (node: number): number => COLDEST * Math.exp(RATIO * node);

/** Nodes in the order in which they are made. */
export function tableOrder(): number[] {
  const order: number[] = [];
  STRIDES.forEach((stride, pass) => {
    for (let node = 0; node <= INTERVALS; node += stride)
      if (pass === 0 || node % STRIDES[pass - 1]! !== 0) order.push(node);
  });
  return order;
}

export class Table {
  private readonly nodes = new Map<number, Histogram>();
  private readonly errors = new Map<string, number>();
  /** Distance between the nodes in use; 0 while there are too few. */
  private stride = 0;

  constructor(readonly bins: number) {}

  get ready(): boolean {
    return this.stride > 0;
  }

  /** Share of the nodes that are made. */
  get progress(): number {
    return this.nodes.size / (INTERVALS + 1);
  }

  add(node: number, h: Histogram): void {
    this.nodes.set(node, h);
    const full = STRIDES.filter((s) => this.nodes.size >= INTERVALS / s + 1);
    this.stride = full.length ? Math.min(...full) : 0;
  }

  /** Sums and scores between the two nearest nodes. */
  at(temperature: number): Histogram {
    const place = Math.min(INTERVALS, Math.max(0, Math.log(temperature / COLDEST) / RATIO));
    const low = Math.min(INTERVALS - this.stride, Math.floor(place / this.stride) * this.stride);
    return this.between(low, low + this.stride, (place - low) / this.stride);
  }

  /**
   * Largest error of the ECE with `nBins` bins near a temperature when nodes in use are left out and guessed
   * from their neighbours: at twice the distance, so above what happens between neighbours.
   */
  error(nBins: number, temperature: number): number {
    const s = this.stride;
    const place = Math.floor(Math.log(temperature / COLDEST) / RATIO / s) * s;
    let worst = 0;
    for (let node = place - s; node <= place + 2 * s; node += s)
      if (node >= s && node <= INTERVALS - s) worst = Math.max(worst, this.leftOut(node, nBins));
    return worst;
  }

  private leftOut(node: number, nBins: number): number {
    const s = this.stride;
    const key = `${node} ${nBins} ${s}`;
    let error = this.errors.get(key);
    if (error === undefined) {
      const ece = (sums: Sums) => ofSums(coarsen(sums, nBins)).ece;
      const h = this.nodes.get(node)!;
      error = Math.abs(ece(this.between(node - s, node + s, 0.5)) - ece(h)) + h.slack;
      this.errors.set(key, error);
    }
    return error;
  }

  private between(low: number, high: number, w: number): Histogram {
    const a = this.nodes.get(low)!;
    const b = this.nodes.get(high)!;
    const out = emptyHistogram(this.bins);
    for (const key of ["count", "value", "hits"] as const) {
      const [x, y, to] = [a[key], b[key], out[key]];
      for (let j = 0; j < to.length; j++) to[j] = x[j]! + w * (y[j]! - x[j]!);
    }
    out.scores.logSum = a.scores.logSum + w * (b.scores.logSum - a.scores.logSum);
    out.scores.brier = a.scores.brier + w * (b.scores.brier - a.scores.brier);
    out.slack = Math.max(a.slack, b.slack);
    return out;
  }
}
