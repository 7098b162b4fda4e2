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
  readonly nx: number;
  readonly ny: number;
  readonly k: number;
  readonly logits: Float32Array; // (ny * nx, k)
  readonly top: Uint16Array; // (ny * nx,) winning class
  /** Classes that win somewhere, each with its lead over the next best (0 on its boundary). */
  readonly margins: Map<number, Float32Array>;
}

const axis = ([low, high]: Limits, count: number) =>
  Float64Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

/** Plane coordinates (ny * nx, 2) of a grid's points. */
export function gridPoints(grid: Grid): Float32Array {
  const [xs, ys] = [axis(grid.xlim, grid.nx), axis(grid.ylim, grid.ny)];
  const points = new Float32Array(grid.nx * grid.ny * 2);
  let at = 0;
  for (const y of ys) {
    for (const x of xs) {
      points[at++] = x;
      points[at++] = y;
    }
  }
  return points;
}

/** Scores of a network on a grid, for all classes. */
export function networkField(network: Network, theta: Float32Array, grid: Grid): Field {
  const flat = restrictToPlane(network, theta, grid.plane);
  const k = network.sizes[network.sizes.length - 1]!;
  const { nx, ny } = grid;
  return field(forward(flat.network, flat.theta, gridPoints(grid), nx * ny), k, nx, ny);
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

/** Wraps logits of grid points, (ny * nx, k). Margins are made when first asked for: lines need no fine grid. */
export function field(logits: Float32Array, k: number, nx: number, ny: number): Field {
  const top = new Uint16Array(nx * ny);
  for (let p = 0, from = 0; p < top.length; p++, from += k) {
    let best = from;
    for (let at = from + 1; at < from + k; at++) if (logits[at]! > logits[best]!) best = at;
    top[p] = best - from;
  }
  let margins: Map<number, Float32Array> | undefined;
  return {
    nx,
    ny,
    k,
    logits,
    top,
    get margins() {
      margins ??= marginsOf(logits, k, top);
      return margins;
    },
  };
}

function marginsOf(logits: Float32Array, k: number, top: Uint16Array): Map<number, Float32Array> {
  const margins = new Map<number, Float32Array>();
  for (const j of top) if (!margins.has(j)) margins.set(j, new Float32Array(top.length));
  for (const [j, margin] of margins) {
    for (let p = 0; p < top.length; p++) {
      let rival = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < k; i++) if (i !== j && logits[p * k + i]! > rival) rival = logits[p * k + i]!;
      margin[p] = logits[p * k + j]! - rival;
    }
  }
  return margins;
}

/** Every so-many-th point, ends included, so that a side has at most `most`; the field itself where that cannot be. */
export function thinned(f: Field, most: number): Field {
  const side = f.nx - 1;
  const step = Array.from({ length: side }, (_, i) => i + 1).find((s) => side % s === 0 && side / s < most)!;
  if (f.nx !== f.ny || step === 1 || side / step < most / 2) return f;
  const [n, { k }] = [side / step + 1, f];
  const logits = new Float32Array(n * n * k);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      const from = (j * step * f.nx + i * step) * k;
      logits.set(f.logits.subarray(from, from + k), (j * n + i) * k);
    }
  }
  return field(logits, k, n, n);
}

/** The largest side up to `most` that can be thinned for its lines. */
export const thinnable = (most: number): number => (most > 90 ? 3 * Math.floor((most - 1) / 3) + 1 : most);

const NOTHING = 16; // e^-16: less than half a step of the screen's colours

/** Probability of the winning class of each point at a temperature. */
export function confidences(f: Field, temperature: number): Float32Array {
  const { k, logits, top } = f;
  const out = new Float32Array(top.length);
  const beta = 1 / temperature;
  const least = -NOTHING * temperature;
  for (let p = 0, from = 0; p < out.length; p++, from += k) {
    const max = logits[from + top[p]!]!;
    let sum = 0;
    for (let at = from; at < from + k; at++) {
      const gap = logits[at]! - max;
      if (gap > least) sum += Math.exp(gap * beta);
    }
    out[p] = 1 / sum;
  }
  return out;
}

/** log p / (1 - p) at a temperature, (ny * nx,), of each class that wins somewhere. */
export function logOdds(f: Field, temperature: number): Map<number, Float32Array> {
  const { k, logits, top } = f;
  const odds = new Map([...f.margins.keys()].map((j) => [j, new Float32Array(top.length)]));
  const e = new Float64Array(k);
  for (let p = 0, from = 0; p < top.length; p++, from += k) {
    const best = top[p]!;
    const max = logits[from + best]!;
    let others = 0; // sum without the winner: keeps its digits when the winner is all but sure
    for (let j = 0; j < k; j++) {
      e[j] = Math.exp((logits[from + j]! - max) / temperature);
      if (j !== best) others += e[j]!;
    }
    for (const [j, values] of odds) {
      const rest = j === best ? others : 1 + others - e[j]!;
      values[p] = (logits[from + j]! - max) / temperature - Math.log(Math.max(rest, 1e-300));
    }
  }
  return odds;
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
