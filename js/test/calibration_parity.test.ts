import { describe, expect, it } from "vitest";
import { pairs, reliability, type Scheme } from "../src/core/reliability";
import { fitTemperature, type TemperatureFit } from "../src/core/temperature";
import { number, vectors } from "./vectors";

type Numbers = (number | string)[];
type Fit = Record<"temperature" | "nll_before" | "nll_after" | "ece_before" | "ece_after", number> & {
  at_bound: boolean;
};
interface Case {
  dataset: string;
  temperature: number;
  n_bins: number;
  scheme: Scheme;
  target_class: number | null;
  edges: number[];
  counts: number[];
  confidence: Numbers;
  accuracy: Numbers;
  gap: Numbers;
  ci_low: Numbers;
  ci_high: Numbers;
  ece: number;
  mce: number;
  brier: number;
  nll: number;
}
interface Vectors {
  datasets: Record<string, { logits: number[][]; labels: number[]; fit: Fit; fit_ece: Fit }>;
  cases: Case[];
}

const TOLERANCE = 1e-9;
const Z95 = 1.959963984540054; // Python's diagram has 95 % intervals by default
const { datasets, cases } = await vectors<Vectors>("calibration");

function expectNear(ours: ArrayLike<number>, python: Numbers): void {
  expect(ours.length).toBe(python.length);
  python.map(number).forEach((value, i) => {
    if (Number.isNaN(value)) expect(ours[i]).toBeNaN();
    else expect(Math.abs(ours[i]! - value)).toBeLessThanOrEqual(TOLERANCE);
  });
}

describe("the reliability diagram is Python's", () => {
  it.each(
    cases.map((c) => [
      `${c.dataset}, T ${c.temperature}, ${c.n_bins} bins, ${c.scheme}, class ${c.target_class}`,
      c,
    ]),
  )("%s", (_, c) => {
    const { logits, labels } = datasets[c.dataset]!;
    const p = pairs(logits.flat(), labels, logits[0]!.length, c.temperature, c.target_class);
    const r = reliability(p, c.n_bins, c.scheme, Z95);
    expect([...r.counts]).toEqual(c.counts);
    expectNear(r.edges, c.edges);
    expectNear(r.confidence, c.confidence);
    expectNear(r.accuracy, c.accuracy);
    expectNear(r.gap, c.gap);
    expectNear(r.low, c.ci_low);
    expectNear(r.high, c.ci_high);
    expectNear([r.ece, r.mce, p.brier, p.nll], [c.ece, c.mce, c.brier, c.nll]);
  });
});

describe("the fitted temperature is Python's", () => {
  const near = (ours: TemperatureFit, python: Fit) => {
    expectNear(
      [ours.temperature, ours.nllBefore, ours.nllAfter, ours.eceBefore, ours.eceAfter],
      [python.temperature, python.nll_before, python.nll_after, python.ece_before, python.ece_after],
    );
    expect(ours.atBound).toBe(python.at_bound);
  };

  it.each(Object.entries(datasets))("%s", (_, { logits, labels, fit, fit_ece }) => {
    const k = logits[0]!.length;
    near(fitTemperature(logits.flat(), labels, k), fit);
    near(fitTemperature(logits.flat(), labels, k, { objective: "ece" }), fit_ece);
  });
});
