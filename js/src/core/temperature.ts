/** The temperature that fits the data best (same numbers as clsviz.calibration.fit_temperature). */

import { pairs, reliability } from "./reliability";
import { argmax } from "./softmax";

export interface TemperatureFit {
  temperature: number;
  nllBefore: number; // at temperature 1
  nllAfter: number;
  eceBefore: number; // top guess, equal width
  eceAfter: number;
  atBound: boolean;
}

export interface FitOptions {
  objective?: "nll" | "ece";
  bounds?: readonly [number, number];
  nBins?: number;
  nGrid?: number; // temperatures tried for "ece"
}

/** Costs some ten passes over the logits for "nll", `nGrid` passes for "ece": callers keep the answer. */
export function fitTemperature(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  { objective = "nll", bounds = [0.05, 20], nBins = 15, nGrid = 401 }: FitOptions = {},
): TemperatureFit {
  const at = (temperature: number) => {
    const p = pairs(logits, labels, k, temperature);
    return { nll: p.nll, ece: reliability(p, nBins, "equal_width").ece };
  };
  const [temperature, atBound] =
    objective === "nll" ? lowestNll(logits, labels, k, bounds) : lowestEce((t) => at(t).ece, bounds, nGrid);
  const before = at(1);
  const after = at(temperature);
  return {
    temperature,
    nllBefore: before.nll,
    nllAfter: after.nll,
    eceBefore: before.ece,
    eceAfter: after.ece,
    atBound,
  };
}

/** NLL is convex in beta = 1 / T: the root of its slope, by Newton steps kept inside a shrinking bracket. */
function lowestNll(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  [coldest, hottest]: readonly [number, number],
): [number, boolean] {
  const slope = (beta: number) => nllSlope(logits, labels, k, beta);
  let low = 1 / hottest;
  let high = 1 / coldest;
  if (slope(low)[0] >= 0) return [hottest, true];
  if (slope(high)[0] <= 0) return [coldest, true];
  let beta = Math.min(high, Math.max(low, 1));
  for (let i = 0; i < 100; i++) {
    const [g, curvature] = slope(beta);
    if (g === 0) break;
    if (g < 0) low = beta;
    else high = beta;
    const newton = beta - g / curvature;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    const done = Math.abs(next - beta) <= 1e-13 * beta;
    beta = next;
    if (done) break;
  }
  return [1 / beta, false];
}

/** First and second derivative of the mean NLL of softmax(beta * logits) in beta. */
function nllSlope(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  beta: number,
): [number, number] {
  let slope = 0;
  let curvature = 0;
  for (let i = 0; i < labels.length; i++) {
    const from = i * k;
    const max = logits[from + argmax(logits, from, k)]!;
    let sum = 0;
    let first = 0;
    let second = 0;
    for (let j = 0; j < k; j++) {
      const z = logits[from + j]! - max;
      const e = Math.exp(beta * z);
      sum += e;
      first += e * z;
      second += e * z * z;
    }
    const mean = first / sum;
    slope += mean - (logits[from + labels[i]!]! - max);
    curvature += second / sum - mean * mean;
  }
  return [slope / labels.length, curvature / labels.length];
}

/** ECE is a step function of T: the best of a log-spaced grid, ties to the one nearest 1. */
function lowestEce(
  eceAt: (temperature: number) => number,
  [coldest, hottest]: readonly [number, number],
  nGrid: number,
): [number, boolean] {
  const [a, b] = [Math.log(coldest), Math.log(hottest)];
  const grid = Array.from({ length: nGrid }, (_, i) => {
    if (i === 0) return coldest;
    return i === nGrid - 1 ? hottest : Math.exp(a + ((b - a) * i) / (nGrid - 1));
  });
  const errors = grid.map(eceAt);
  const least = Math.min(...errors);
  let best = errors.findIndex((e) => e <= least + 1e-12);
  for (let i = best + 1; i < nGrid; i++) {
    if (errors[i]! <= least + 1e-12 && Math.abs(Math.log(grid[i]!)) < Math.abs(Math.log(grid[best]!)))
      best = i;
  }
  return [grid[best]!, best === 0 || best === nGrid - 1];
}
