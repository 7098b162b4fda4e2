import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Judged, judgedLogits, judgedProbs } from "../src/core/judged";
import { MEASURES, type Settings, USUAL_MEASURES } from "../src/core/measures";
import { MOVED_BINS, moved } from "../src/core/moved";
import type { Scheme } from "../src/core/reliability";
import { riskCoverage } from "../src/core/riskcoverage";
import { number, vectors } from "./vectors";

type Values = Record<string, number | string>;
interface Case {
  n_bins: number;
  scheme: Scheme;
  target_class: number | null;
  values: Values;
}
interface Vectors {
  datasets: Record<
    string,
    { probs: number[][]; labels: number[]; cases: Case[]; risk: number[]; aurc: number; eaurc: number }
  >;
  logits: { values: number[][]; labels: number[]; temperature: number; measures: Values };
  moved: { delta: number[]; changed: number };
}

const python = await vectors<Vectors>("measures");
const USUAL: Settings = { nBins: 15, scheme: "equal_width", target: null };
const of = (probs: number[][], labels: number[]) =>
  judgedProbs(Float64Array.from(probs.flat()), labels, probs[0]!.length);
const all = (j: Judged, s: Settings) =>
  Object.fromEntries(Object.entries(MEASURES).map(([name, m]) => [name, m.of(j, s)]));

function expectAll(ours: Record<string, number>, theirs: Values): void {
  expect(Object.keys(ours)).toEqual(Object.keys(theirs)); // one list in two languages
  for (const [name, value] of Object.entries(theirs)) {
    const expected = number(value);
    if (Number.isNaN(expected)) expect(ours[name], name).toBeNaN();
    // Python's bisection ends within 1e-9 of the root
    else expect(Math.abs(ours[name]! - expected), name).toBeLessThan(name === "smooth_ece" ? 2e-9 : 1e-9);
  }
}

describe("every measure is Python's", () => {
  for (const [name, { probs, labels, cases }] of Object.entries(python.datasets))
    it.each(cases)(`${name}, $n_bins bins, $scheme, class $target_class`, (c) => {
      const s = { nBins: c.n_bins, scheme: c.scheme, target: c.target_class };
      expectAll(all(of(probs, labels), s), c.values);
    });

  it("of logits at a temperature", () => {
    const { values, labels, temperature, measures } = python.logits;
    expectAll(all(judgedLogits(values.flat(), labels, 4, temperature), USUAL), measures);
  });
});

describe("the risk-coverage curve", () => {
  it.each(Object.entries(python.datasets))("of %s is Python's", (_, { probs, labels, risk, aurc, eaurc }) => {
    const curve = riskCoverage(of(probs, labels));
    expect(curve.aurc).toBeCloseTo(aurc, 12);
    expect(curve.eaurc).toBeCloseTo(eaurc, 12);
    risk.forEach((r, k) => expect(curve.risk[k]).toBeCloseTo(r, 12));
  });

  it("ends at the error rate, and no order is better than the oracle's", () => {
    const { probs, labels } = python.datasets.overconfident!;
    const j = of(probs, labels);
    const { risk, best, value } = riskCoverage(j);
    expect(risk[j.n - 1]).toBeCloseTo(1 - MEASURES.accuracy!.of(j, USUAL), 12);
    risk.forEach((r, k) => expect(r).toBeGreaterThanOrEqual(best[k]! - 1e-12));
    for (let k = 1; k < j.n; k++) expect(value[k]!).toBeLessThanOrEqual(value[k - 1]!);
  });
});

describe("what moved", () => {
  const [hot, cold] = [python.datasets.calibrated!, python.datasets.overconfident!];
  const [after, before] = [of(hot.probs, hot.labels), of(cold.probs, cold.labels)];

  it("is Python's, and every sample is in a bin", () => {
    const m = moved(before, after);
    python.moved.delta.forEach((d, i) => expect(m.delta[i]).toBeCloseTo(d, 12));
    expect(m.changed).toBe(python.moved.changed);
    expect(m.counts.reduce((a, b) => a + b, 0)).toBe(before.n);
    m.index.forEach((b, i) => {
      const width = (2 * m.reach) / MOVED_BINS;
      expect(Math.abs(m.delta[i]! - (-m.reach + (b + 0.5) * width))).toBeLessThanOrEqual(width / 2 + 1e-12);
    });
  });

  it("is nothing between a set of predictions and itself", () => {
    const m = moved(before, before);
    expect([m.changed, m.mended, m.spoilt]).toEqual([0, 0, 0]);
    expect(m.counts[MOVED_BINS - 1]! + m.counts[MOVED_BINS]!).toBe(before.n); // the middle bin
  });

  it("tells apart guesses that became right and those that became wrong", () => {
    const two = (p: number[]) => judgedProbs(Float64Array.from(p.flatMap((q) => [q, 1 - q])), [0, 1, 0], 2);
    const m = moved(two([0.9, 0.8, 0.4]), two([0.4, 0.3, 0.4]));
    expect([m.changed, m.mended, m.spoilt]).toEqual([2, 1, 1]);
    expect(m.mean[1]).toBeCloseTo(-0.3, 12);
  });
});

it("binned and bin-free errors stay in [0, 1], and no permutation of untied samples changes any", () => {
  const row = fc.tuple(
    fc.double({ min: 0.01, max: 1, noNaN: true }),
    fc.double({ min: 0.01, max: 1, noNaN: true }),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(row, { minLength: 2, maxLength: 30, selector: ([a, b]) => (a / (a + b)).toFixed(6) }),
      (rows) => {
        const probs = rows.map(([a, b]) => [a / (a + b), b / (a + b)]);
        const labels = rows.map((_, i) => i % 2);
        const tops = new Set(probs.map(([a, b]) => Math.max(a!, b!).toFixed(6)));
        fc.pre(tops.size === probs.length);
        const values = all(of(probs, labels), USUAL);
        const turned = all(of([...probs].reverse(), [...labels].reverse()), USUAL);
        for (const [name, value] of Object.entries(values)) {
          if (Number.isNaN(value)) continue;
          expect(turned[name], name).toBeCloseTo(value, 7);
          expect(value, name).toBeGreaterThanOrEqual(0);
          if (name !== "nll" && name !== "brier") expect(value, name).toBeLessThanOrEqual(1 + 1e-12);
        }
      },
    ),
    { numRuns: 100, seed: 3 },
  );
});

it("each measure names its convention, and the usual ones exist", () => {
  for (const m of Object.values(MEASURES)) expect(m.convention(USUAL, "").length).toBeGreaterThan(10);
  expect(MEASURES.ece!.convention(USUAL, "")).toBe(
    "top label, 15 equal-width bins, left-closed, l1: mean gap over samples",
  );
  for (const name of USUAL_MEASURES) expect(MEASURES[name]).toBeDefined();
});
