import { describe, expect, it } from "vitest";
import { binEdges, binIndex, pairs, reliability, type Scheme, wilson } from "../src/core/reliability";

const E1 = [
  [0.9, 0.1],
  [0.8, 0.2],
  [0.6, 0.4],
  [0.3, 0.7],
  [0.55, 0.45],
]
  .flat()
  .map(Math.log);
const Y = [0, 0, 1, 1, 0];
const Z1 = [
  [2, 0, 0],
  [0, 1, 0],
  [0, 0, 3],
  [1, 0, 0],
  [0, 2, 0],
].flat();

const e1 = (bins: number, scheme: Scheme = "equal_width", target: number | null = null) =>
  reliability(pairs(E1, Y, 2, 1, target), bins, scheme);

describe("the bin rule", () => {
  it("closes bins on the left and the last one on both sides", () => {
    const edges = binEdges(new Float64Array(1), 5, "equal_width");
    const counts = [0, 0, 0, 0, 0];
    for (const v of [0, 0.2, 0.4, 0.6, 0.8, 1]) counts[binIndex(v, edges)]!++;
    expect(counts).toEqual([1, 1, 1, 1, 2]);
    expect(edges[3]).toBe(0.6);
  });

  it("gives equal masses without duplicate edges", () => {
    const values = Float64Array.from([0.2, 0.2, 0.2, 0.2, 0.9, 1, 1, 1]);
    const edges = binEdges(values, 4, "equal_mass");
    expect([...edges]).toEqual([0, 0.2, 0.55, 1]);
    expect([...binEdges(values, 1, "equal_mass")]).toEqual([0, 1]);
  });
});

describe("the contract's example E1", () => {
  it("has these counts and gaps in 5 bins", () => {
    const r = e1(5);
    expect([...r.counts]).toEqual([0, 0, 1, 2, 2]);
    expect(r.gap[0]).toBeNaN();
    expect(r.gap[2]).toBeCloseTo(0.45, 12);
    expect(r.gap[3]).toBeCloseTo(-0.15, 12);
    expect(r.gap[4]).toBeCloseTo(0.15, 12);
    expect(r.ece).toBeCloseTo(0.21, 12);
    expect(r.mce).toBeCloseTo(0.45, 12);
  });

  it("has these errors with other bins and for one class", () => {
    expect(e1(2, "equal_mass").ece).toBeCloseTo(0.15, 12);
    expect(e1(5, "equal_width", 1).ece).toBeCloseTo(0.15, 12);
    const one = e1(1);
    expect(one.ece).toBeCloseTo(Math.abs(one.meanAccuracy - one.meanConfidence), 12);
  });

  it("has these scores and Wilson limits", () => {
    const p = pairs(E1, Y, 2, 1);
    expect(p.nll).toBeCloseTo(0.439861348711, 11);
    expect(p.brier).toBeCloseTo(0.281, 12);
    const z95 = 1.959963984540054;
    const low = [
      [1, 1],
      [0.5, 2],
      [1, 2],
    ].map(([share, n]) => wilson(share!, n!, z95)[0]);
    expect(low[0]).toBeCloseTo(0.206549314, 9);
    expect(low[1]).toBeCloseTo(0.094531206, 9);
    expect(low[2]).toBeCloseTo(0.342380228, 9);
  });
});

describe("identities", () => {
  it("temperature never changes the guess, and label ties go to the lowest class", () => {
    const labels = [0, 1, 2, 1, 0];
    for (const t of [0.05, 1, 20]) expect([...pairs(Z1, labels, 3, t).hit]).toEqual([1, 1, 1, 0, 0]);
    expect([...pairs([1, 1, 0], [0], 3, 1).hit]).toEqual([1]);
  });

  it("right and sure is without error", () => {
    const p = pairs([800, 0, 0, 800], [0, 1], 2, 0.5);
    expect(p.nll).toBe(0);
    expect(p.brier).toBe(0);
    expect(reliability(p, 15, "equal_width").ece).toBe(0);
  });

  it("samples land in the bin that their index says, also with 500 bins", () => {
    const logits = Array.from({ length: 600 }, (_, i) => Math.sin(i * 12.9898) * 4);
    const p = pairs(
      logits,
      Array.from({ length: 200 }, (_, i) => i % 3),
      3,
      0.7,
    );
    for (const scheme of ["equal_width", "equal_mass"] as const) {
      const r = reliability(p, 500, scheme);
      expect(r.counts.reduce((a, b) => a + b, 0)).toBe(200);
      r.index.forEach((b, i) => {
        expect(p.value[i]!).toBeGreaterThanOrEqual(r.edges[b]!);
        expect(p.value[i]!).toBeLessThanOrEqual(r.edges[b + 1]!);
      });
    }
  });
});

describe("what cannot be drawn is said", () => {
  it("no samples, no bins, no temperature", () => {
    expect(() => pairs([], [], 2, 1)).toThrow(/at least one sample/);
    expect(() => pairs(E1, Y, 2, 0)).toThrow(/temperature must be above 0/);
    expect(() => e1(0)).toThrow(/n_bins must be 1 or more/);
  });
});
