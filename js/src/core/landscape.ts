/** Reading the loss surfaces the kernel sent: a temperature, a score, a point, a cut. No DOM. */

import { recolour, type Surprisals } from "./recolour";
import { isSpec, ofCrossEntropy, ofSurprisal, onTheLine, type Score, specKey } from "./score";
import type { Landscape, Table } from "./session";

/** The kernel stores a table at every such step of the score line. */
export const SCORE_STEP = 0.25;
const NOT_FINITE = 65535;

/** Key of the table of one score: "trained" for the loss trained with, else "u=-0.25". */
export function scoreKey(score: number | null): string {
  if (score === null) return "trained";
  return `u=${(Math.round(score / SCORE_STEP) * SCORE_STEP + 0).toFixed(2)}`; // + 0: no "-0.00"
}

/** The one or two tables a score is made of, with weights that sum to 1. */
export function scoreParts(score: number | null): { key: string; weight: number }[] {
  if (score === null) return [{ key: "trained", weight: 1 }];
  const place = Math.min(1, Math.max(-1, score)) / SCORE_STEP;
  const below = Math.floor(place + 1e-9);
  const t = place - below;
  if (t < 1e-6) return [{ key: scoreKey(below * SCORE_STEP), weight: 1 }];
  return [
    { key: scoreKey(below * SCORE_STEP), weight: 1 - t },
    { key: scoreKey((below + 1) * SCORE_STEP), weight: t },
  ];
}

/** Where x lies among ascending `grid`: between i and i + 1 at share t; clamped at the ends. */
export function place(grid: readonly number[], x: number): { i: number; t: number } {
  const last = grid.length - 1;
  if (last < 1 || x <= grid[0]!) return { i: 0, t: 0 };
  if (x >= grid[last]!) return { i: last - 1, t: 1 };
  let [lo, hi] = [0, last];
  while (hi - lo > 1) {
    const mid = (lo + hi) >> 1;
    if (grid[mid]! <= x) lo = mid;
    else hi = mid;
  }
  return { i: lo, t: (x - grid[lo]!) / (grid[hi]! - grid[lo]!) };
}

/**
 * Losses of one table at a temperature, (points,), NaN where not finite: the log1p(loss) that the
 * table holds, linear between the two neighbouring temperatures in log T.
 */
export function tableAt(table: Table, temperatures: readonly number[], temperature: number): Float64Array {
  const n = temperatures.length;
  const { i, t } = place(temperatures.map(Math.log), Math.log(temperature));
  const out = new Float64Array(table.values.length / n);
  const next = t > 0 ? 1 : 0;
  for (let p = 0; p < out.length; p++) {
    const lower = table.values[p * n + i]!;
    const upper = table.values[p * n + i + next]!;
    const bad = (lower === NOT_FINITE && t < 1) || (upper === NOT_FINITE && t > 0);
    out[p] = bad
      ? Number.NaN
      : Math.expm1(table.low + ((1 - t) * lower + t * upper) * table.scale) + table.shift;
  }
  return out;
}

export interface Surface {
  values: Float64Array; // (ys, xs) losses, NaN where not finite
  /** Made of two neighbouring tables, not computed at this score. */
  mixed: boolean;
  /** The table asked for is not here: this is the loss trained with. */
  instead: boolean;
  /** How far each value can be from the exact one, where it comes from a histogram of surprisals. */
  errors: Float64Array | null;
}

/**
 * The surface at a score and temperature: of the loss's own table, else of tables it is a sum of, else of the
 * histogram at this temperature, else of the loss line (between two of its stops linear in u).
 */
export function surfaceAt(land: Landscape, score: Score, temperature: number): Surface | null {
  if (!isSpec(score)) return lineAt(land, score, temperature);
  const own = land.tables.get(specKey(score));
  if (own) return exact(tableAt(own, land.temperatures, temperature));
  const recipe = ofCrossEntropy(score, land.classes);
  if (recipe && within(land, temperature * recipe[0]!.times)) {
    const parts = recipe.map((r) => ({ ...r, table: land.tables.get(r.key) }));
    if (parts.every((r) => r.table)) {
      const sum = new Float64Array(land.xs.length * land.ys.length);
      for (const { table, weight, times, shift } of parts) {
        const one = tableAt(table!, land.temperatures, temperature * times);
        for (let p = 0; p < sum.length; p++) sum[p]! += weight * (one[p]! - shift);
      }
      return exact(sum);
    }
  }
  const f = ofSurprisal(score);
  if (f && land.surprisals && isAt(land.surprisals, temperature))
    return { ...recolour(land.surprisals, f), mixed: false, instead: false };
  const place = onTheLine(score);
  if (!place) return lineAt(land, null, temperature, true);
  const surface = lineAt(land, place.u, temperature);
  if (surface && !surface.instead && place.weight !== 1)
    surface.values = surface.values.map((v) => v * place.weight);
  return surface;
}

/** Whether the histogram is that of this temperature. */
export const isAt = (histogram: Surprisals, temperature: number): boolean =>
  Math.abs(Math.log(histogram.temperature / temperature)) < 1e-9;

const exact = (values: Float64Array): Surface => ({ values, mixed: false, instead: false, errors: null });

/** Whether the tables reach to this temperature. */
function within(land: Landscape, temperature: number): boolean {
  const [low, high] = [land.temperatures[0]!, land.temperatures[land.temperatures.length - 1]!];
  return temperature >= low * (1 - 1e-9) && temperature <= high * (1 + 1e-9);
}

function lineAt(land: Landscape, u: number | null, temperature: number, instead = false): Surface | null {
  let parts = scoreParts(u);
  if (parts.some((p) => !land.tables.has(p.key))) {
    instead = true;
    parts = scoreParts(null);
  }
  if (parts.some((p) => !land.tables.has(p.key))) return null;
  let values: Float64Array | null = null;
  for (const { key, weight } of parts) {
    const one = tableAt(land.tables.get(key)!, land.temperatures, temperature);
    if (!values) values = weight === 1 ? one : one.map((v) => v * weight);
    else for (let p = 0; p < one.length; p++) values[p]! += one[p]! * weight;
  }
  return { values: values!, mixed: parts.length > 1, instead, errors: null };
}

/** Bilinear value at (a, b); NaN outside the plane. */
export function valueAt(
  xs: readonly number[],
  ys: readonly number[],
  values: ArrayLike<number>,
  a: number,
  b: number,
): number {
  if (!inside(xs, a) || !inside(ys, b)) return Number.NaN;
  const [x, y] = [place(xs, a), place(ys, b)];
  return mix(xs.length, values, x, y);
}

function inside(grid: readonly number[], x: number): boolean {
  const [low, high] = [grid[0]!, grid[grid.length - 1]!];
  const slack = 1e-6 * (high - low);
  return x >= low - slack && x <= high + slack;
}

function mix(
  nx: number,
  values: ArrayLike<number>,
  x: { i: number; t: number },
  y: { i: number; t: number },
): number {
  let sum = 0;
  for (const [j, wy] of [
    [y.i, 1 - y.t],
    [y.i + 1, y.t],
  ] as const) {
    for (const [i, wx] of [
      [x.i, 1 - x.t],
      [x.i + 1, x.t],
    ] as const) {
      if (wx * wy > 0) sum += wx * wy * values[j * nx + i]!; // weight 0: a NaN neighbour does no harm
    }
  }
  return sum;
}

/** Values along x through the height `b`, one for each of `xs`. */
export function cutAt(
  xs: readonly number[],
  ys: readonly number[],
  values: ArrayLike<number>,
  b: number,
): Float64Array {
  return Float64Array.from(xs, (x) =>
    valueAt(xs, ys, values, x, Math.min(ys[ys.length - 1]!, Math.max(ys[0]!, b))),
  );
}

/** How losses become colour and height, 0..1. */
export interface LossScale {
  low: number;
  high: number;
  /** Logarithmic; linear only where a loss is negative (ldr_kl can be). */
  log: boolean;
  /** 0..1 of a loss; NaN stays NaN. */
  of(loss: number): number;
  /** The loss at 0..1. */
  at(t: number): number;
}

/** Below this share of the highest loss everything has the lowest colour. */
const LOWEST = 1e-4;

export function lossScale(values: ArrayLike<number>): LossScale {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let p = 0; p < values.length; p++) {
    const v = values[p]!;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!(high >= low)) [low, high] = [0, 1]; // nothing finite
  const log = low >= 0 && high > 0;
  if (log) low = Math.max(low, high * LOWEST);
  const f = log ? Math.log : (v: number) => v;
  const [a, b] = [f(low), f(high)];
  const span = b - a || 1;
  const clamp = (t: number) => Math.min(1, Math.max(0, t));
  return {
    low,
    high,
    log,
    of: (loss) => clamp((f(Math.max(loss, low)) - a) / span),
    at: (t) => (log ? Math.exp(a + t * (b - a)) : a + t * (b - a)),
  };
}

/** `count` levels, evenly spaced on the scale, its two ends left out. */
export const contourLevels = (scale: LossScale, count: number): number[] =>
  Array.from({ length: count }, (_, i) => scale.at((i + 1) / (count + 1)));

/** Coordinates of a network in the plane: least squares, as dx and dy need not be orthogonal. */
export function coordinates(land: Landscape, theta: ArrayLike<number>): { a: number; b: number } {
  const { origin, dx, dy } = land;
  let [xx, xy, yy, tx, ty] = [0, 0, 0, 0, 0];
  for (let i = 0; i < origin.length; i++) {
    const [t, x, y] = [theta[i]! - origin[i]!, dx[i]!, dy[i]!];
    xx += x * x;
    xy += x * y;
    yy += y * y;
    tx += t * x;
    ty += t * y;
  }
  const det = xx * yy - xy * xy;
  if (!(det > 1e-12 * xx * yy)) return { a: xx > 0 ? tx / xx : 0, b: 0 }; // one direction only
  return { a: (tx * yy - ty * xy) / det, b: (ty * xx - tx * xy) / det };
}
