/** What a classifier says on a grid of a plane, and how sure it is at a temperature. No DOM. */

import { forward, type Network, restrictToPlane } from "./forward";
import { dot } from "./linalg";
import type { Linear } from "./logistic";
import type { Plane } from "./plane";

export type Limits = readonly [low: number, high: number];

/** Points of a plane: `nx` by `ny`, ends included, lowest row first. */
export interface Grid {
  plane: Plane;
  xlim: Limits;
  ylim: Limits;
  nx: number;
  ny: number;
}

export interface Field {
  nx: number;
  ny: number;
  k: number;
  logits: Float32Array; // (ny * nx, k)
  /** Classes that win somewhere, each with its lead over the next best (0 on its boundary). */
  margins: Map<number, Float32Array>;
}

/** How sure the classifier is at one temperature. */
export interface Certainty {
  top: Uint8Array; // winning class of each point
  confidence: Float32Array; // its probability
  odds: Map<number, Float32Array>; // log p / (1 - p) of each class that wins somewhere
}

const axis = ([low, high]: Limits, count: number) =>
  Float64Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

/** Scores of a network on a grid, for all classes. */
export function networkField(network: Network, theta: Float32Array, grid: Grid): Field {
  const flat = restrictToPlane(network, theta, grid.plane);
  const [xs, ys] = [axis(grid.xlim, grid.nx), axis(grid.ylim, grid.ny)];
  const points = new Float32Array(grid.nx * grid.ny * 2);
  let at = 0;
  for (const y of ys) {
    for (const x of xs) {
      points[at++] = x;
      points[at++] = y;
    }
  }
  const k = network.sizes[network.sizes.length - 1]!;
  return field(forward(flat.network, flat.theta, points, xs.length * ys.length), k, grid.nx, grid.ny);
}

/** The field of two classes with log odds gain * (w.x + b) for the second. */
export function linearField(rule: Linear, gain: number, grid: Grid): Field {
  const { origin, u, v } = grid.plane;
  const [at0, alongU, alongV] = [dot(rule.w, origin) + rule.b, dot(rule.w, u), dot(rule.w, v)];
  const [xs, ys] = [axis(grid.xlim, grid.nx), axis(grid.ylim, grid.ny)];
  const logits = new Float32Array(xs.length * ys.length * 2);
  let at = 1;
  for (const y of ys) {
    for (const x of xs) {
      logits[at] = gain * (at0 + x * alongU + y * alongV);
      at += 2;
    }
  }
  return field(logits, 2, grid.nx, grid.ny);
}

/** The field of all classes as one of the two classes a and b only. */
export function restrictToPair(f: Field, a: number, b: number): Field {
  const logits = new Float32Array(f.nx * f.ny * 2);
  for (let p = 0; p < f.nx * f.ny; p++) logits[2 * p + 1] = f.logits[p * f.k + b]! - f.logits[p * f.k + a]!;
  return field(logits, 2, f.nx, f.ny);
}

/** Wraps logits of grid points, (ny * nx, k). */
export function field(logits: Float32Array, k: number, nx: number, ny: number): Field {
  const margins = new Map<number, Float32Array>();
  for (let p = 0; p < nx * ny; p++) {
    let top = 0;
    for (let j = 1; j < k; j++) if (logits[p * k + j]! > logits[p * k + top]!) top = j;
    if (!margins.has(top)) margins.set(top, new Float32Array(nx * ny));
  }
  for (const [j, margin] of margins) {
    for (let p = 0; p < nx * ny; p++) {
      let rival = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < k; i++) if (i !== j && logits[p * k + i]! > rival) rival = logits[p * k + i]!;
      margin[p] = logits[p * k + j]! - rival;
    }
  }
  return { nx, ny, k, logits, margins };
}

export function certainty(f: Field, temperature: number): Certainty {
  const { k, logits } = f;
  const n = f.nx * f.ny;
  const top = new Uint8Array(n);
  const confidence = new Float32Array(n);
  const winners = [...f.margins.keys()];
  const odds = winners.map(() => new Float32Array(n));
  const e = new Float64Array(k);
  for (let p = 0; p < n; p++) {
    const from = p * k;
    let best = 0;
    for (let j = 1; j < k; j++) if (logits[from + j]! > logits[from + best]!) best = j;
    const max = logits[from + best]!;
    let others = 0; // sum without the winner: keeps its digits when the winner is all but sure
    for (let j = 0; j < k; j++) {
      e[j] = Math.exp((logits[from + j]! - max) / temperature);
      if (j !== best) others += e[j]!;
    }
    top[p] = best;
    confidence[p] = 1 / (1 + others);
    for (let i = 0; i < winners.length; i++) {
      const j = winners[i]!;
      const rest = j === best ? others : 1 + others - e[j]!;
      odds[i]![p] = (logits[from + j]! - max) / temperature - Math.log(Math.max(rest, 1e-300));
    }
  }
  return { top, confidence, odds: new Map(winners.map((j, i) => [j, odds[i]!])) };
}

/** Line pieces x1, y1, x2, y2 in grid units where `values` (ny, nx) cross `level`; marching squares.
 *  (d3-contour closes rings along the frame and takes 30 times as long: too long for 20 lines a frame.) */
export function crossings(values: Float32Array, nx: number, ny: number, level: number): number[] {
  const out: number[] = [];
  for (let j = 0; j < ny - 1; j++) {
    for (let i = 0; i < nx - 1; i++) {
      const at = j * nx + i;
      const sw = values[at]! - level;
      const se = values[at + 1]! - level;
      const nw = values[at + nx]! - level;
      const ne = values[at + nx + 1]! - level;
      const code = Number(sw > 0) + 2 * Number(se > 0) + 4 * Number(ne > 0) + 8 * Number(nw > 0);
      if (code === 0 || code === 15) continue;
      const ends: number[] = [];
      if (sw > 0 !== se > 0) ends.push(i + sw / (sw - se), j);
      if (se > 0 !== ne > 0) ends.push(i + 1, j + se / (se - ne));
      if (nw > 0 !== ne > 0) ends.push(i + nw / (nw - ne), j + 1);
      if (sw > 0 !== nw > 0) ends.push(i, j + sw / (sw - nw));
      out.push(...ends);
    }
  }
  return out;
}
