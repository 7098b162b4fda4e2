/** Softmax at a temperature and what is read off it. Ties go to the lowest index. */

export function argmax(z: ArrayLike<number>, from = 0, k = z.length): number {
  let best = 0;
  for (let j = 1; j < k; j++) if (z[from + j]! > z[from + best]!) best = j;
  return best;
}

/** softmax(z / T) of the row that starts at `from`, written to `out`. */
export function softmaxRow(
  z: ArrayLike<number>,
  from: number,
  k: number,
  temperature: number,
  out: Float64Array = new Float64Array(k),
): Float64Array {
  const max = z[from + argmax(z, from, k)]!;
  let sum = 0;
  for (let j = 0; j < k; j++) sum += out[j] = Math.exp((z[from + j]! - max) / temperature);
  for (let j = 0; j < k; j++) out[j]! /= sum;
  return out;
}
