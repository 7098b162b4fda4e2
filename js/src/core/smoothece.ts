/** The smooth calibration error (same number as clsviz.calibration.smooth_ece without a sigma). */

import type { Outcomes } from "./reliability";

const GRID = 2000; // intervals of the integral over 0..1
const NARROWEST = 1e-3;
const WIDE = 0.1; // width that is tried first: most errors are below it, and it needs few terms
const REACH = 2.8; // sigma * j beyond which a factor is below 1e-16
const COSINE = Float64Array.from({ length: 2 * GRID }, (_, i) => Math.cos((Math.PI * i) / GRID));

/**
 * The width sigma at which the mean residual, smoothed by a Gaussian of that width reflected at 0 and 1, has an
 * integral of sigma. That Gaussian is 1 + 2 sum_j e^(-(pi j sigma)^2 / 2) cos(pi j v) cos(pi j t): narrow widths
 * need many terms, so they are added only when the search goes there.
 */
export function smoothEce(p: Outcomes): number {
  const means = cosineMeans(p);
  const excess = (sigma: number) => smoothed(means(Math.ceil(REACH / sigma)), sigma) - sigma;
  let high = 1;
  let low = WIDE;
  while (low > NARROWEST && excess(low) < 0) {
    high = low;
    low = Math.max(NARROWEST, low / 2);
  }
  let [atLow, atHigh] = [excess(low), excess(high)];
  if (low === NARROWEST && atLow <= 0) return atLow + NARROWEST;
  // the Illinois method: a secant that never leaves its bracket
  for (let i = 0; i < 100 && high - low > 1e-12; i++) {
    const sigma = (low * atHigh - high * atLow) / (atHigh - atLow);
    const here = excess(sigma);
    if (here === 0) return sigma;
    if (here > 0) {
      if (sigma - low < 1e-13) return sigma;
      [low, atLow, atHigh] = [sigma, here, atHigh / 2];
    } else {
      if (high - sigma < 1e-13) return sigma;
      [high, atHigh, atLow] = [sigma, here, atLow / 2];
    }
  }
  return (low + high) / 2;
}

/** Means of residual * cos(pi j v) for j up to what is asked for, by cos((j + 1) a) = 2 cos a cos j a - cos((j - 1) a). */
function cosineMeans({ value, hit }: Outcomes): (most: number) => Float64Array {
  const n = value.length;
  const twice = value.map((v) => 2 * Math.cos(Math.PI * v));
  let before = value.map((v) => Math.cos(Math.PI * v)); // j = -1
  let now = new Float64Array(n).fill(1);
  const means: number[] = [];
  return (most) => {
    for (let j = means.length; j <= most; j++) {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        sum += (hit[i]! - value[i]!) * now[i]!;
        before[i] = twice[i]! * now[i]! - before[i]!;
      }
      [before, now] = [now, before];
      means.push(sum / n);
    }
    return Float64Array.from(means.slice(0, most + 1));
  };
}

function smoothed(means: Float64Array, sigma: number): number {
  const weight = means.map((m, j) => (j ? 2 : 1) * m * Math.exp(-((Math.PI * j * sigma) ** 2) / 2));
  let area = 0;
  for (let t = 0; t <= GRID; t++) {
    let sum = 0;
    for (let j = 0, place = 0; j < weight.length; j++) {
      sum += weight[j]! * COSINE[place]!;
      place += t;
      if (place >= 2 * GRID) place -= 2 * GRID;
    }
    area += Math.abs(sum) * (t === 0 || t === GRID ? 0.5 : 1);
  }
  return area / GRID;
}
