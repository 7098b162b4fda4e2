/** Samples that no class is meant for, made in the page: the same numbers as clsviz.data.ood. No DOM. */

import { evenly, takeRows } from "./arrays";
import type { Dataset } from "./session";

export const MOST_ROWS = 300; // of a set

export interface OutsideSet {
  title: string;
  /** What a number of them is a number of. */
  noun: string;
  /** What the strength is, in words; "" where it has none. */
  strength: string;
  fits(data: Dataset): boolean;
  make(data: Dataset, n: number, strength: number, seed: number): Float32Array;
}

const hasImages = (data: Dataset) => data.imageShape !== null;

export const OUTSIDE: Record<string, OutsideSet> = {
  uniform: {
    title: "uniform noise",
    noun: "points of uniform noise",
    strength: "side of the box",
    fits: (d) => d.d > 0,
    make: uniform,
  },
  gaussian: {
    title: "samples with Gaussian noise",
    noun: "samples with Gaussian noise",
    strength: "standard deviations",
    fits: (d) => d.d > 0,
    make: gaussian,
  },
  shuffled: {
    title: "shuffled features",
    noun: "samples with shuffled features",
    strength: "",
    fits: (d) => d.d > 1,
    make: shuffled,
  },
  quarter: {
    title: "images turned by 90°",
    noun: "images turned by 90°",
    strength: "",
    fits: (d) => hasImages(d) && d.imageShape![0] === d.imageShape![1],
    make: turned((i, j, size) => [j, size - 1 - i]),
  },
  half: {
    title: "images turned by 180°",
    noun: "images turned by 180°",
    strength: "",
    fits: hasImages,
    make: turned((i, j, rows, columns) => [rows - 1 - i, columns - 1 - j]),
  },
  mirror: {
    title: "mirrored images",
    noun: "mirrored images",
    strength: "",
    fits: hasImages,
    make: turned((i, j, _rows, columns) => [i, columns - 1 - j]),
  },
};

const made = new WeakMap<Dataset, Map<string, Float32Array>>();
const KEPT = 8; // sets of one dataset

/** A set by name, (m, d); the same array as long as it is asked for again. */
export function outsideSet(
  data: Dataset,
  name: string,
  strength: number,
  n: number = MOST_ROWS,
  seed = 0,
): Float32Array {
  const kept = made.get(data) ?? new Map<string, Float32Array>();
  made.set(data, kept);
  const set = OUTSIDE[name]!;
  const key = `${name} ${n} ${seed} ${set.strength ? strength : ""}`;
  const found = kept.get(key) ?? set.make(data, n, strength, seed);
  kept.delete(key);
  kept.set(key, found); // the last used stay
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  return found;
}

/** lowbias32, a hash of 32 bits by C. Wellons. */
function mixed(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97) >>> 0;
  return (x ^ (x >>> 15)) >>> 0;
}

/** Numbers in (0, 1): a hash of seed and place. */
export function uniforms(seed: number, n: number): Float64Array {
  const start = mixed(seed ^ 0x9e3779b9);
  return Float64Array.from(
    { length: n },
    (_, i) => (mixed(Math.imul(i, 0x9e3779b1) + start) + 0.5) / 2 ** 32,
  );
}

/** Standard normal numbers, by Box and Muller. */
export function normals(seed: number, n: number): Float64Array {
  const draws = uniforms(seed, 2 * n);
  return Float64Array.from(
    { length: n },
    (_, i) => Math.sqrt(-2 * Math.log(draws[i]!)) * Math.cos(2 * Math.PI * draws[n + i]!),
  );
}

const reference = (data: Dataset) => (data.train.length > 0 ? data.train : data.validation);

/** Validation samples, evenly spaced where there are more than `n`. */
function base(data: Dataset, n: number): Float32Array {
  return takeRows(data.X, data.d, evenly(data.validation, n));
}

function uniform(data: Dataset, n: number, strength: number, seed: number): Float32Array {
  const { X, d } = data;
  const low = new Float64Array(d).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(d).fill(Number.NEGATIVE_INFINITY);
  for (const row of reference(data)) {
    for (let j = 0; j < d; j++) {
      low[j] = Math.min(low[j]!, X[row * d + j]!);
      high[j] = Math.max(high[j]!, X[row * d + j]!);
    }
  }
  const draws = uniforms(seed, n * d);
  return Float32Array.from(draws, (u, i) => {
    const j = i % d;
    return (low[j]! + high[j]!) / 2 + strength * (high[j]! - low[j]!) * (u - 0.5);
  });
}

function gaussian(data: Dataset, n: number, strength: number, seed: number): Float32Array {
  const { d } = data;
  const samples = base(data, n);
  const spread = spreads(data);
  const noise = normals(seed, samples.length);
  return samples.map((x, i) => x + strength * spread[i % d]! * noise[i]!);
}

/** Standard deviation of each feature of the training part; of images that of all pixels. */
function spreads({ X, d, imageShape, ...data }: Dataset): Float64Array {
  const rows = data.train.length > 0 ? data.train : data.validation;
  const mean = new Float64Array(d);
  const square = new Float64Array(d);
  for (const row of rows) for (let j = 0; j < d; j++) mean[j]! += X[row * d + j]! / rows.length;
  if (imageShape) mean.fill(mean.reduce((sum, v) => sum + v, 0) / d);
  for (const row of rows)
    for (let j = 0; j < d; j++) square[j]! += (X[row * d + j]! - mean[j]!) ** 2 / rows.length;
  if (imageShape) square.fill(square.reduce((sum, v) => sum + v, 0) / d);
  return square.map(Math.sqrt);
}

function shuffled(data: Dataset, n: number, _strength: number, seed: number): Float32Array {
  const { d } = data;
  const samples = base(data, n);
  const m = samples.length / d;
  const keys = uniforms(seed, samples.length); // (d, m)
  const out = new Float32Array(samples.length);
  for (let j = 0; j < d; j++) {
    const order = Array.from({ length: m }, (_, i) => i);
    order.sort((a, b) => keys[j * m + a]! - keys[j * m + b]! || a - b);
    order.forEach((from, i) => {
      out[i * d + j] = samples[from * d + j]!;
    });
  }
  return out;
}

/** Images whose pixel (i, j) is that of the place `from` says. */
function turned(from: (i: number, j: number, rows: number, columns: number) => [number, number]) {
  return (data: Dataset, n: number): Float32Array => {
    const { d } = data;
    const [rows, columns] = data.imageShape!;
    const samples = base(data, n);
    const places = Int32Array.from({ length: d }, (_, p) => {
      const [i, j] = from(Math.floor(p / columns), p % columns, rows, columns);
      return i * columns + j;
    });
    return samples.map((_, p) => samples[p - (p % d) + places[p % d]!]!);
  };
}
