/** Prototypes of classes, and which samples each one stands for. True L2 distances in input units. No DOM. */

export type GalleryKind = "mean" | "medoid" | "two_means" | "decoded";

export interface Prototypes {
  m: number;
  d: number;
  vectors: Float64Array; // (m, d)
  classes: Int32Array; // (m,) class each one stands for
  letters: string[]; // (m,) "" or "a", "b", ... where a class has several
  source: Int32Array | null; // (m,) sample that the prototype is (medoids)
}

type Rows = ArrayLike<number>;

/** Positions in `rows` of each class, ascending. */
function membersOf(rows: Rows, y: Rows, k: number): number[][] {
  const out: number[][] = Array.from({ length: k }, () => []);
  for (let i = 0; i < rows.length; i++) out[y[rows[i]!]!]?.push(rows[i]!);
  return out;
}

function collect(
  d: number,
  parts: { c: number; vector: Float64Array; letter?: string; source?: number }[],
): Prototypes {
  const vectors = new Float64Array(parts.length * d);
  parts.forEach((p, i) => {
    vectors.set(p.vector, i * d);
  });
  return {
    m: parts.length,
    d,
    vectors,
    classes: Int32Array.from(parts, (p) => p.c),
    letters: parts.map((p) => p.letter ?? ""),
    source:
      parts.length && parts.every((p) => p.source !== undefined)
        ? Int32Array.from(parts, (p) => p.source!)
        : null,
  };
}

export function meanOf(X: Rows, d: number, rows: Rows): Float64Array {
  const mean = new Float64Array(d);
  for (let i = 0; i < rows.length; i++) for (let j = 0; j < d; j++) mean[j]! += X[rows[i]! * d + j]!;
  return mean.map((v) => v / rows.length);
}

/** Mean of each class that has samples among `rows`. */
export function classMeans(X: Rows, d: number, rows: Rows, y: Rows, k: number): Prototypes {
  const parts = membersOf(rows, y, k)
    .map((own, c) => ({ own, c }))
    .filter(({ own }) => own.length > 0);
  return collect(
    d,
    parts.map(({ own, c }) => ({ c, vector: meanOf(X, d, own) })),
  );
}

/** Classes larger than this are searched for their medoid in evenly spaced samples only. */
export const MEDOID_SAMPLES = 1500;

/** The sample of each class with the smallest sum of true L2 distances to its class; ties: the first. */
export function classMedoids(X: Rows, d: number, rows: Rows, y: Rows, k: number): Prototypes {
  const parts: { c: number; vector: Float64Array; source: number }[] = [];
  membersOf(rows, y, k).forEach((all, c) => {
    if (all.length === 0) return;
    const every = all.length / Math.min(all.length, MEDOID_SAMPLES);
    const own = Array.from({ length: Math.round(all.length / every) }, (_, i) => all[Math.floor(i * every)]!);
    const sums = new Float64Array(own.length);
    for (let i = 0; i < own.length; i++) {
      for (let j = i + 1; j < own.length; j++) {
        const distance = Math.sqrt(squaredDistance(X, own[i]! * d, X, own[j]! * d, d));
        sums[i]! += distance;
        sums[j]! += distance;
      }
    }
    let best = 0;
    for (let i = 1; i < own.length; i++) if (sums[i]! < sums[best]! * (1 - 1e-12)) best = i;
    const source = own[best]!;
    parts.push({ c, source, vector: Float64Array.from({ length: d }, (_, j) => X[source * d + j]!) });
  });
  return collect(d, parts);
}

/**
 * Two means per class: its samples are split at their mean along their first principal axis (signed so
 * that its entry of largest size is positive); "a" is the low side. A class that cannot be split has one.
 */
export function twoMeans(X: Rows, d: number, rows: Rows, y: Rows, k: number): Prototypes {
  const parts: { c: number; vector: Float64Array; letter: string }[] = [];
  membersOf(rows, y, k).forEach((own, c) => {
    if (own.length === 0) return;
    const mean = meanOf(X, d, own);
    const axis = principalAxis(X, d, own, mean);
    const sides: [number[], number[]] = [[], []];
    for (const row of own) {
      let along = 0;
      for (let j = 0; j < d; j++) along += (X[row * d + j]! - mean[j]!) * axis[j]!;
      sides[along < 0 ? 0 : 1].push(row);
    }
    const full = sides.filter((side) => side.length > 0);
    for (const side of full) {
      parts.push({
        c,
        vector: meanOf(X, d, side),
        letter: full.length < 2 ? "" : side === sides[0] ? "a" : "b",
      });
    }
  });
  return collect(d, parts);
}

const POWER_STEPS = 500;

/** First principal axis of rows about `mean`, by power iteration; zeros where all rows are equal. */
function principalAxis(X: Rows, d: number, rows: Rows, mean: Float64Array): Float64Array {
  const centred = new Float64Array(rows.length * d);
  let [far, farthest] = [0, -1];
  for (let i = 0; i < rows.length; i++) {
    let norm = 0;
    for (let j = 0; j < d; j++) {
      const v = X[rows[i]! * d + j]! - mean[j]!;
      centred[i * d + j] = v;
      norm += v * v;
    }
    if (norm > farthest) [far, farthest] = [i, norm];
  }
  let axis = unit(centred.slice(far * d, far * d + d));
  for (let step = 0; step < POWER_STEPS; step++) {
    const next = new Float64Array(d);
    for (let i = 0; i < rows.length; i++) {
      let along = 0;
      for (let j = 0; j < d; j++) along += centred[i * d + j]! * axis[j]!;
      for (let j = 0; j < d; j++) next[j]! += along * centred[i * d + j]!;
    }
    unit(next);
    let change = 0;
    for (let j = 0; j < d; j++) change = Math.max(change, Math.abs(next[j]! - axis[j]!));
    axis = next;
    if (change < 1e-12) break;
  }
  let largest = 0;
  for (let j = 1; j < d; j++) if (Math.abs(axis[j]!) > Math.abs(axis[largest]!)) largest = j;
  return axis[largest]! < 0 ? axis.map((v) => -v) : axis;
}

function unit(v: Float64Array): Float64Array {
  const norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
  if (norm > 0) for (let j = 0; j < v.length; j++) v[j]! /= norm;
  return v;
}

/**
 * Decoded prototypes of a prototype network. Its logits are weights times distances, so the class
 * a prototype speaks for is the one with the most negative weight (Li et al. 2018).
 */
export function decodedPrototypes(images: Rows, d: number, weights: Rows, k: number): Prototypes {
  const m = images.length / d;
  const seen = new Map<number, number>();
  const total = new Map<number, number>();
  const classes = Array.from({ length: m }, (_, p) => {
    let best = 0;
    for (let c = 1; c < k; c++) if (weights[p * k + c]! < weights[p * k + best]!) best = c;
    total.set(best, (total.get(best) ?? 0) + 1);
    return best;
  });
  return collect(
    d,
    classes.map((c, p) => {
      const nth = seen.get(c) ?? 0;
      seen.set(c, nth + 1);
      const letter = total.get(c)! > 1 ? letterOf(nth) : "";
      return { c, letter, vector: Float64Array.from({ length: d }, (_, j) => images[p * d + j]!) };
    }),
  );
}

/** a, b, ... z, aa, ab, ... */
export const letterOf = (n: number): string =>
  (n >= 26 ? letterOf(Math.floor(n / 26) - 1) : "") + String.fromCharCode(97 + (n % 26));

export function squaredDistance(A: Rows, fromA: number, B: Rows, fromB: number, d: number): number {
  let sum = 0;
  for (let j = 0; j < d; j++) sum += (A[fromA + j]! - B[fromB + j]!) ** 2;
  return sum;
}

export interface Decided {
  nearest: Int32Array; // (rows,) prototype that decides each row
  squared: Float64Array; // (rows,) squared distance to it
}

/** Which prototype decides each of `rows`: the nearest; ties: the first. */
export function decide(P: Prototypes, X: Rows, rows: Rows): Decided {
  const nearest = new Int32Array(rows.length);
  const squared = new Float64Array(rows.length).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < rows.length; i++) {
    for (let p = 0; p < P.m; p++) {
      const s = squaredDistance(X, rows[i]! * P.d, P.vectors, p * P.d, P.d);
      if (s < squared[i]!) {
        squared[i] = s;
        nearest[i] = p;
      }
    }
  }
  return { nearest, squared };
}

/** The `count` of `rows` nearest to prototype `p`, ascending, stable, with true distances. */
export function nearestRows(
  P: Prototypes,
  p: number,
  X: Rows,
  rows: Rows,
  count: number,
): { row: number; distance: number }[] {
  return Array.from(rows, (row) => ({
    row,
    distance: Math.sqrt(squaredDistance(X, row * P.d, P.vectors, p * P.d, P.d)),
  }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count);
}

/** Middle value; the mean of the middle two for an even count. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** exp(-d^2 / median): 1 where equal; `scale` is the median squared distance of samples to their prototype. */
export const similarity = (squared: number, scale: number): number =>
  scale > 0 ? Math.exp(-squared / scale) : squared > 0 ? 0 : 1;

/** Share of `rows` whose nearest prototype is of their class. */
export function ruleAccuracy(P: Prototypes, decided: Decided, rows: Rows, y: Rows): number {
  let right = 0;
  for (let i = 0; i < rows.length; i++) if (P.classes[decided.nearest[i]!] === y[rows[i]!]) right++;
  return right / rows.length;
}

/** The prototype an arrow key leads to: left and right between classes, up and down within one. */
export function tileBeside(P: Prototypes, p: number, key: string): number | null {
  const classes = [...new Set(P.classes)].sort((a, z) => a - z);
  const column = (c: number) => Array.from(P.classes.keys()).filter((q) => P.classes[q] === c);
  const at = classes.indexOf(P.classes[p]!);
  const own = column(classes[at]!);
  const line = own.indexOf(p);
  if (key === "ArrowUp" || key === "ArrowDown") return own[line + (key === "ArrowUp" ? -1 : 1)] ?? null;
  if (key === "Home") return column(classes[0]!)[0]!;
  if (key === "End") return column(classes[classes.length - 1]!)[0]!;
  if (key !== "ArrowLeft" && key !== "ArrowRight") return null;
  const next = classes[at + (key === "ArrowLeft" ? -1 : 1)];
  if (next === undefined) return null;
  const there = column(next);
  return there[Math.min(line, there.length - 1)]!;
}
