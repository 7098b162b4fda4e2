/**
 * How sure an ECE is: a bootstrap over its bins, drawn as clsviz.calibration.ece_interval draws it.
 * Random numbers are a function of their place: a moving slider meets the same ones.
 */

import type { Reliability } from "./reliability";

const REPLICATES = 200;
const INVERTED = 10; // expected number up to which a binomial draw inverts its distribution function
const MOST_TERMS = 60;

/** Ends of the 90 % interval of a diagram's ECE; replicates are shifted to have it as their mean. */
export function eceInterval(r: Reliability, level = 0.9): [number, number] {
  const some = Array.from(r.counts, (_, b) => b).filter((b) => r.counts[b]! > 0);
  const total = some.reduce((sum, b) => sum + r.counts[b]!, 0);
  const left = new Float64Array(REPLICATES).fill(total);
  const errors = new Float64Array(REPLICATES);
  let rest = total;
  some.forEach((b, place) => {
    const share = r.counts[b]! / rest;
    const last = place === some.length - 1;
    for (let i = 0; i < REPLICATES; i++) {
      const n = last ? left[i]! : binomial(left[i]!, share, 2 * place, i);
      const right = binomial(n, r.accuracy[b]!, 2 * place + 1, i);
      errors[i]! += Math.abs(right - n * r.confidence[b]!);
      left[i]! -= n;
    }
    rest -= r.counts[b]!;
  });
  let mean = 0;
  for (let i = 0; i < REPLICATES; i++) {
    errors[i]! /= total;
    mean += errors[i]! / REPLICATES;
  }
  errors.sort();
  const at = (q: number) => {
    const place = (REPLICATES - 1) * q;
    const low = Math.floor(place);
    return errors[low]! + (errors[Math.min(low + 1, REPLICATES - 1)]! - errors[low]!) * (place - low);
  };
  const shift = r.ece - mean;
  return [Math.max(0, at((1 - level) / 2) + shift), Math.min(1, at((1 + level) / 2) + shift)];
}

/** A draw from Bin(n, p): exact for small means, else normal with skewness. */
function binomial(n: number, p: number, column: number, replicate: number): number {
  const q = Math.min(p, 1 - p);
  if (!(q > 0)) return p > 0.5 ? n : 0;
  const k = n * q <= INVERTED ? inverted(n, q, column, replicate) : skewed(n, q, column, replicate);
  return p <= 0.5 ? k : n - k;
}

function skewed(n: number, q: number, column: number, replicate: number): number {
  const z = normals(column)[replicate]!;
  const k = Math.round(n * q + Math.sqrt(n * q * (1 - q)) * z + ((1 - 2 * q) * (z * z - 1)) / 6);
  return Math.min(n, Math.max(0, k));
}

/** The least k whose binomial distribution function reaches a uniform number. */
function inverted(n: number, q: number, column: number, replicate: number): number {
  const u = uniform(2 * column, replicate);
  let term = (1 - q) ** n;
  let below = term;
  let k = 0;
  for (let i = 1; i < MOST_TERMS && u > below; i++) {
    k++;
    term *= ((n - i + 1) / i) * (q / (1 - q));
    below += term;
  }
  return Math.min(k, n);
}

const kept: Float64Array[] = [];

/** Normal numbers of a column, one a replicate (Box and Muller); made once. */
function normals(column: number): Float64Array {
  kept[column] ??= Float64Array.from({ length: REPLICATES }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(uniform(2 * column, i)));
    return radius * Math.cos(2 * Math.PI * uniform(2 * column + 1, i));
  });
  return kept[column]!;
}

/** In (0, 1): the finaliser of MurmurHash3 on the place. */
function uniform(column: number, replicate: number): number {
  let h = (Math.imul(replicate, 0x9e3779b1) + Math.imul(column, 0x85ebca77) + 0xc2b2ae3d) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (((h ^ (h >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}
