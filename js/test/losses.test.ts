import { expect, it } from "vitest";
import {
  brier,
  crossEntropy,
  focal,
  gce,
  ldrKl,
  mae,
  negLogP,
  ROW_LOSSES,
  scoreName,
  scoreOfP,
  scoreSlope,
} from "../src/core/losses";
import { ROW_GRADIENTS } from "../src/core/rowgradients";
import { vectors } from "./vectors";

interface Vectors {
  logits: number[][];
  labels: number[];
  p_y: number[];
  cases: {
    loss: string;
    params: Record<string, number>;
    terms: number[];
    mean: number;
    gradient: number[][];
  }[];
}

const near = (value: number, wanted: number) =>
  expect(Math.abs(value - wanted)).toBeLessThanOrEqual(1e-9 * Math.abs(wanted) + 1e-14);

it("gives the terms that clsviz.losses gives, to 1e-9", async () => {
  const { logits, labels, cases } = await vectors<Vectors>("losses");
  expect(new Set(cases.map((c) => c.loss))).toEqual(new Set(Object.keys(ROW_LOSSES)));
  const k = logits[0]!.length;
  const flat = Float64Array.from(logits.flat());
  for (const { loss, params, terms, mean } of cases) {
    const own = labels.map((y, i) => ROW_LOSSES[loss]!(flat, i * k, k, y, params));
    for (const [i, value] of own.entries()) near(value, terms[i]!);
    near(own.reduce((a, b) => a + b) / own.length, mean);
  }
});

it("has the gradients that autograd has, to 1e-9", async () => {
  const { logits, labels, cases } = await vectors<Vectors>("losses");
  expect(Object.keys(ROW_GRADIENTS).sort()).toEqual(Object.keys(ROW_LOSSES).sort());
  const k = logits[0]!.length;
  const flat = Float64Array.from(logits.flat());
  const own = new Float64Array(k);
  for (const { loss, params, gradient } of cases) {
    labels.forEach((y, i) => {
      ROW_GRADIENTS[loss]!(flat, i * k, k, y, params, own);
      const size = Math.max(...gradient[i]!.map(Math.abs));
      gradient[i]!.forEach((wanted, j) => {
        const off = Math.abs(own[j]! - wanted);
        if (off > 1e-9 * size + 1e-13)
          throw new Error(`${loss} ${JSON.stringify(params)}, row ${i}: ${own} is not ${gradient[i]}`);
      });
    });
  }
});

it("scores probabilities as the losses of the line do", async () => {
  const { logits, labels, p_y } = await vectors<Vectors>("losses");
  const k = logits[0]!.length;
  const flat = Float64Array.from(logits.flat());
  labels.forEach((y, i) => {
    if (p_y[i]! < 1e-12 || p_y[i]! > 1 - 1e-9) return; // p in double precision has lost what the logits hold
    const at = [flat, i * k, k, y] as const;
    for (const [u, wanted] of [
      [-1, mae(...at) / 2],
      [-0.4, gce(...at, { q: 0.4 })],
      [0, crossEntropy(...at)],
      [0.5, focal(...at, { gamma: 2.5 })],
      [1, focal(...at, { gamma: 5 })],
    ] as const) {
      expect(scoreOfP(u, p_y[i]!)).toBeCloseTo(wanted, 6);
    }
  });
});

it("has the public vectors of the contract", () => {
  const Z = [2, -1, 0.5, 0, 1, -1];
  const mean = (loss: (from: number, y: number) => number) => (loss(0, 0) + loss(3, 2)) / 2;
  expect(mean((f, y) => crossEntropy(Z, f, 3, y, { tau: 2, label_smoothing: 0.1 }))).toBeCloseTo(1.116623, 5);
  expect(mean((f, y) => brier(Z, f, 3, y))).toBeCloseTo(0.704354, 5);
  expect(mean((f, y) => ldrKl(Z, f, 3, y, { lam: 0.2, margin: 1 }))).toBeCloseTo(1.288842, 5);
});

it("keeps its digits near zero and stays finite far out", () => {
  expect(negLogP([40, 0], 0, 2, 0)).toBeCloseTo(Math.exp(-40), 30);
  for (const loss of Object.values(ROW_LOSSES)) {
    for (const z of [
      [1e4, 0, -1e4],
      [-1e4, 0, 1e4],
      [1e4, 1e4, 1e4],
      [0, 0, 0],
    ]) {
      expect(Number.isFinite(loss(z, 0, 3, 0))).toBe(true);
    }
  }
  // lam -> infinity: mean gap, here (1 + 2) / 3
  expect(ldrKl([0, 1, 2], 0, 3, 0, { lam: 1e9 })).toBeCloseTo(1, 6);
});

it("truncates gce at p <= k", () => {
  expect(gce([0, 3], 0, 2, 0, { q: 0.5, k: 0.3 })).toBeCloseTo((1 - 0.3 ** 0.5) / 0.5, 12);
  expect(gce([3, 0], 0, 2, 0, { q: 0.5, k: 0.3 })).toBe(gce([3, 0], 0, 2, 0, { q: 0.5 }));
});

it("has the slope of its curve", () => {
  for (const u of [-1, -0.5, 0, 0.1, 0.5, 1]) {
    for (const p of [0.05, 0.3, 0.9]) {
      const slope = (scoreOfP(u, p + 1e-6) - scoreOfP(u, p - 1e-6)) / 2e-6;
      expect(scoreSlope(u, p)).toBeCloseTo(slope, 4);
    }
  }
  expect(scoreSlope(0.1, 1)).toBe(0);
});

it("names the places of the line", () => {
  expect([-1, -0.5, 0, 0.5].map(scoreName)).toEqual([
    "MAE (as 1 − p)",
    "GCE, q = 0.50",
    "cross-entropy",
    "focal, γ = 2.5",
  ]);
  expect([scoreOfP(-1, 0), scoreOfP(-0.5, 0), scoreOfP(0, 0)]).toEqual([1, 2, Number.POSITIVE_INFINITY]);
  expect(scoreOfP(1, 1)).toBe(0);
});
