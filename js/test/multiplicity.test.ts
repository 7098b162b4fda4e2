import { describe, expect, it } from "vitest";
import {
  forecast,
  growth,
  levelSet,
  moves,
  rashomonCapacity,
  sharesAt,
  viableRange,
} from "../src/core/multiplicity";
import { vectors as read } from "./vectors";

interface Case {
  temperature: number;
  target: number | null;
  delta: number;
  baseline: number;
  p: number[][];
  guess: number[][];
  losses: number[];
  sets: {
    epsilon: number;
    members: number[];
    viable: [number, number][];
    moved: [number, number];
    answers: [number, number];
  }[];
  epsilon: number[];
  ambiguity: number[];
  discrepancy: number[];
  label_ambiguity: number[];
  label_discrepancy: number[];
}
const v = await read<{
  labels: number[];
  logits: number[][][];
  cases: Case[];
  capacities: { rows: number[][]; capacity: number }[];
}>("multiplicity");

const near = (found: ArrayLike<number>, wanted: number[]) => {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((w, i) => {
    expect(found[i]).toBeCloseTo(w, 9);
  });
};
const k = v.logits[0]![0]!.length;
const told = (c: Case) => v.logits.map((z) => forecast(z.flat(), v.labels, k, c.temperature, c.target));

describe("predictive multiplicity, the same as Python's", () => {
  it("forecasts, losses and guesses", () => {
    for (const c of v.cases) {
      told(c).forEach((f, m) => {
        near(f.p, c.p[m]!);
        expect([...f.guess]).toEqual(c.guess[m]);
        expect(f.loss).toBeCloseTo(c.losses[m]!, 9);
      });
    }
  });

  it("level sets, viable ranges, ambiguity and discrepancy at every epsilon", () => {
    for (const c of v.cases) {
      const models = told(c);
      const grown = growth(models, models[c.baseline]!, c.delta);
      for (const s of c.sets) {
        const members = levelSet(c.losses, s.epsilon);
        expect(members).toEqual(s.members);
        expect([...grown.order.slice(0, members.length)].sort((a, b) => a - b)).toEqual(members);
        const { low, high } = viableRange(members.map((m) => models[m]!.p));
        near(
          low,
          s.viable.map(([a]) => a),
        );
        near(
          high,
          s.viable.map(([, b]) => b),
        );
        const moved = sharesAt(grown.moved, members.length);
        const answers = sharesAt(grown.answers, members.length);
        near([moved.ambiguity, moved.discrepancy], s.moved);
        near([answers.ambiguity, answers.discrepancy], s.answers);
      }
      near(grown.epsilon, c.epsilon);
      near(grown.moved.ambiguity, c.ambiguity);
      near(grown.moved.discrepancy, c.discrepancy);
      near(grown.answers.ambiguity, c.label_ambiguity);
      near(grown.answers.discrepancy, c.label_discrepancy);
    }
  });

  it("capacities", () => {
    for (const { rows, capacity } of v.capacities) expect(rashomonCapacity(rows)).toBeCloseTo(capacity, 9);
  });
});

describe("predictive multiplicity", () => {
  it("a difference of just delta counts, also where its last digit is lost", () => {
    expect(moves(0.3, 0.1, 0.2)).toBe(true); // 0.3 - 0.1 = 0.19999999999999998
    expect(moves(0.3, 0.11, 0.2)).toBe(false);
  });

  it("ranges hold the baseline and widen with epsilon, and both shares grow, ambiguity above", () => {
    const c = v.cases[0]!;
    const models = told(c);
    const { order, moved, answers } = growth(models, models[c.baseline]!, c.delta);
    expect(order[0]).toBe(c.baseline);
    let width = new Float64Array(v.labels.length);
    order.forEach((_, j) => {
      const { low, high } = viableRange(order.slice(0, j + 1).map((m) => models[m]!.p));
      const now = high.map((h, i) => h - low[i]!);
      now.forEach((w, i) => {
        expect(w).toBeGreaterThanOrEqual(width[i]!);
        expect(low[i]).toBeLessThanOrEqual(models[c.baseline]!.p[i]!);
        expect(high[i]).toBeGreaterThanOrEqual(models[c.baseline]!.p[i]!);
      });
      width = now;
      for (const of of [moved, answers]) {
        expect(of.ambiguity[j]).toBeGreaterThanOrEqual(of.discrepancy[j]!);
        if (j) expect(of.ambiguity[j]).toBeGreaterThanOrEqual(of.ambiguity[j - 1]!);
        if (j) expect(of.discrepancy[j]).toBeGreaterThanOrEqual(of.discrepancy[j - 1]!);
      }
    });
    expect([moved.ambiguity[0], answers.ambiguity[0]]).toEqual([0, 0]); // the best against itself
  });

  it("the capacity of equal forecasts is 1, of two that have nothing in common 2", () => {
    expect(rashomonCapacity([[0.2, 0.8], [0.2, 0.8]])).toBeCloseTo(1, 12); // biome-ignore format: rows
    expect(rashomonCapacity([[1, 0, 0], [0, 0, 1]])).toBeCloseTo(2, 12); // biome-ignore format: rows
  });

  it("reads the class asked for, in place of the label", () => {
    const logits = [1, 0, 0, 2];
    expect([...forecast(logits, [0, 0], 2, 1, 1).p]).toEqual([
      expect.closeTo(1 / (1 + Math.E), 12),
      expect.closeTo(1 / (1 + Math.exp(-2)), 12),
    ]);
  });
});
