/** The landscape under a loss of m = -log p(true class), from a histogram of m at each grid point. No DOM. */

/** As clsviz/landscape/surprisal.py makes it, for one temperature. */
export interface Surprisals {
  temperature: number;
  samples: number;
  edges: number[]; // (bins + 1,), ascending from 0
  counts: Uint16Array; // (points, bins)
  places: Uint16Array; // (points, bins), mean of the bin: low + place / 65535 * (high - low)
}

export type OfSurprisal = (m: number) => number;

const CODES = 65535;
const WITHIN = 8; // where a bin is looked at for how far a loss is from its chord

/**
 * How far count * f(mean) can be from the sum of f over the samples of each bin, per sample. The samples' mean
 * lies between f's highest and lowest distance from its chord, and so does f of the mean; beside that the
 * mean is rounded by half a code.
 */
export function binErrors(edges: readonly number[], f: OfSurprisal): Float64Array {
  return Float64Array.from({ length: edges.length - 1 }, (_, b) => {
    const [low, width] = [edges[b]!, edges[b + 1]! - edges[b]!];
    const [left, right] = [f(low), f(edges[b + 1]!)];
    let [above, below] = [0, 0];
    for (let i = 1; i < WITHIN; i++) {
      const off = f(low + (i / WITHIN) * width) - (left + (i / WITHIN) * (right - left));
      above = Math.max(above, off);
      below = Math.min(below, off);
    }
    return above - below + Math.abs(right - left) / CODES;
  });
}

/** Mean losses of the points, NaN where a surprisal is not finite, and how far each can be from the exact mean. */
export function recolour(from: Surprisals, f: OfSurprisal): { values: Float64Array; errors: Float64Array } {
  const { edges, counts, places, samples } = from;
  const bins = edges.length - 1;
  const points = counts.length / bins;
  const ofBin = binErrors(edges, f);
  const [values, errors] = [new Float64Array(points), new Float64Array(points)];
  for (let p = 0, at = 0; p < points; p++) {
    let [sum, error, seen] = [0, 0, 0];
    for (let b = 0; b < bins; b++, at++) {
      const n = counts[at]!;
      if (n === 0) continue;
      seen += n;
      sum += n * f(edges[b]! + (places[at]! / CODES) * (edges[b + 1]! - edges[b]!));
      error += n * ofBin[b]!;
    }
    values[p] = seen === samples ? sum / samples : Number.NaN;
    errors[p] = seen === samples ? error / samples : Number.NaN;
  }
  return { values, errors };
}
