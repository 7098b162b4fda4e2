/** How far confidences went from one set of predictions to another, of the same samples. */

import type { Judged } from "./judged";

export interface Moved {
  delta: Float64Array; // (n,) confidence after - before
  right: Uint8Array; // (n,) 1 where the guess before was right
  reach: number; // the histogram goes from -reach to reach
  index: Int32Array; // (n,) bin of each sample
  counts: Int32Array; // (2 B,) of each bin: wrong, right
  mean: [wrong: number, right: number]; // of delta; nan where there are none
  changed: number; // guesses that are another class after
  mended: number; // of these: wrong before and right after
  spoilt: number; // right before and wrong after
}

export const MOVED_BINS = 31; // odd: what stays stands in the middle
const REACHES = [0.05, 0.1, 0.25, 0.5, 1]; // an axis that follows every move would not hold still

export function moved(before: Judged, after: Judged): Moved {
  const { n } = before;
  const delta = after.value.map((v, i) => v - before.value[i]!);
  const most = delta.reduce((a, d) => Math.max(a, Math.abs(d)), 0);
  const reach = REACHES.find((r) => most <= r) ?? 1;
  const index = new Int32Array(n);
  const counts = new Int32Array(2 * MOVED_BINS);
  const [sums, each] = [
    [0, 0],
    [0, 0],
  ];
  let [changed, mended, spoilt] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const hit = before.hit[i]!;
    const b = Math.min(MOVED_BINS - 1, Math.floor(((delta[i]! + reach) / (2 * reach)) * MOVED_BINS));
    index[i] = b;
    counts[2 * b + hit]!++;
    sums[hit]! += delta[i]!;
    each[hit]!++;
    if (before.top[i] === after.top[i]) continue;
    changed++;
    if (after.hit[i]! > hit) mended++;
    if (after.hit[i]! < hit) spoilt++;
  }
  const mean = [sums[0]! / each[0]!, sums[1]! / each[1]!] as [number, number];
  return { delta, right: before.hit, reach, index, counts, mean, changed, mended, spoilt };
}
