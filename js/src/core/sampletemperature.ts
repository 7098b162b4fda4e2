/** A temperature for each sample (same numbers as clsviz.calibration.tempnet_temperature), and what it is worth. */

import { pairs, reliability } from "./reliability";
import { argmax } from "./softmax";

export interface Ball {
  rho: number; // KL distance from uniform, nats
  low: number; // bounds of the temperature
  high: number;
}

/**
 * The temperature at which the softmax of each row of logits (n, k) lies at a KL distance from uniform. The
 * distance falls with the temperature; where it is beyond rho at the hottest, or below it at the coldest, the
 * bound stands for it.
 */
export function ballTemperatures(logits: ArrayLike<number>, k: number, ball: Ball): Float64Array {
  return Float64Array.from({ length: logits.length / k }, (_, i) => ballTemperature(logits, i * k, k, ball));
}

function ballTemperature(
  logits: ArrayLike<number>,
  from: number,
  k: number,
  { rho, low, high }: Ball,
): number {
  const max = logits[from + argmax(logits, from, k)]!;
  let slope = 0; // of the distance in beta = 1 / T, left by `excess`
  const excess = (beta: number): number => {
    let [sum, first, second] = [0, 0, 0];
    for (let j = 0; j < k; j++) {
      const z = logits[from + j]! - max;
      const e = Math.exp(beta * z);
      sum += e;
      first += e * z;
      second += e * z * z;
    }
    const mean = first / sum;
    slope = beta * (second / sum - mean * mean);
    return Math.log(k) + beta * mean - Math.log(sum) - rho;
  };
  let [near, far] = [1 / high, 1 / low];
  if (excess(near) >= 0) return high;
  if (excess(far) <= 0) return low;
  let beta = Math.sqrt(near * far);
  for (let i = 0; i < 200; i++) {
    const over = excess(beta);
    if (over === 0) break;
    if (over < 0) near = beta;
    else far = beta;
    const newton = beta - over / slope;
    const next = newton > near && newton < far ? newton : (near + far) / 2;
    const done = Math.abs(next - beta) <= 1e-13 * beta;
    beta = next;
    if (done) break;
  }
  return 1 / beta;
}

/** Mean negative log-likelihood and calibration error (top guess, 15 equal bins) with a temperature for each row. */
export function scoresAt(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  temperature: (row: number) => number,
): { nll: number; ece: number } {
  const scaled = Float64Array.from(logits, (z, i) => z / temperature(Math.floor(i / k)));
  const p = pairs(scaled, labels, k, 1);
  return { nll: p.nll, ece: reliability(p, 15, "equal_width").ece };
}
