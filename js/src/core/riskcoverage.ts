/** Error rate of the most confident answers, for each number of them (clsviz.calibration.risk_coverage). */

import type { Judged } from "./judged";

export interface RiskCoverage {
  /** (n,) error rate of the k + 1 most confident; samples of equal confidence share their mean error. */
  risk: Float64Array;
  best: Float64Array; // (n,) of the same errors with all the right ones first
  value: Float64Array; // (n,) confidence of the least confident of them
  aurc: number; // mean risk
  eaurc: number; // its excess over the mean of `best`
}

export function riskCoverage(j: Judged): RiskCoverage {
  const { n, order } = j;
  const [risk, best, value] = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  let wrong = 0;
  for (let from = 0; from < n; ) {
    const v = j.value[order[n - 1 - from]!]!;
    let to = from;
    let missed = 0;
    while (to < n && j.value[order[n - 1 - to]!] === v) missed += 1 - j.hit[order[n - 1 - to++]!]!;
    for (let k = from; k < to; k++) {
      risk[k] = (wrong + (missed * (k + 1 - from)) / (to - from)) / (k + 1);
      value[k] = v;
    }
    wrong += missed;
    from = to;
  }
  const right = n - wrong;
  for (let k = right; k < n; k++) best[k] = (k + 1 - right) / (k + 1);
  const aurc = mean(risk);
  return { risk, best, value, aurc, eaurc: aurc - mean(best) };
}

const mean = (values: Float64Array): number => values.reduce((sum, v) => sum + v, 0) / values.length;
