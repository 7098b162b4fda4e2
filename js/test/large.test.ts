import { describe, expect, it, vi } from "vitest";
import { Crunch, type Order, type Reply } from "../src/core/crunch";
import { emptyHistogram, fineBins } from "../src/core/histogram";
import { eceInterval } from "../src/core/interval";
import { Predictions, reviveForm } from "../src/core/predictions";
import { keptAbove, type Pairs, reliability } from "../src/core/reliability";
import type { Pieces } from "../src/core/session";
import { type Answer, Engine, type Query } from "../src/views/reliability/large/engine";
import type { Helper } from "../src/views/reliability/large/helper";
import { number, vectors } from "./vectors";

interface Expected {
  temperature: number;
  target: number | null;
  n_bins: number;
  ece: number;
  low: number;
  high: number;
  equal_mass: number;
  nll: number;
  brier: number;
  kept: [number, number, number | string][];
}
interface Case {
  n: number;
  k: number;
  description: Record<string, unknown>;
  pieces: { message: Record<string, unknown>; buffers: { dtype: string; data: number[] }[] }[];
  expected: Expected[];
  best: number;
}
const cases = await vectors<Record<"quantised" | "compressed", Case>>("large");

const TYPES: Record<string, (data: number[]) => ArrayBuffer> = {
  float32: (data) => Float32Array.from(data).buffer,
  uint16: (data) => Uint16Array.from(data).buffer,
};

function arrive(c: Case): { predictions: Predictions; exact: { from: number; rows: Float32Array }[] } {
  const pieces = c.pieces.map(({ message, buffers }) => ({
    message,
    buffers: buffers.map((b) => TYPES[b.dtype]!(b.data)),
  })) as unknown as Pieces;
  const predictions = new Predictions(c.n, c.k, c.description);
  return { predictions, exact: predictions.take(pieces) };
}

/** An engine whose helper works in this thread; what it was told is kept. */
function engineOf(c: Case, withExact = true): { engine: Engine; orders: Order[]; changes: () => number } {
  const { predictions, exact } = arrive(c);
  const orders: Order[] = [];
  let changes = 0;
  const start = (hear: (reply: Reply) => void): Helper => {
    const crunch = new Crunch(hear, () => Promise.resolve());
    return {
      give(order) {
        orders.push(order);
        crunch.take(order);
      },
      end: () => crunch.stop(),
    };
  };
  const engine = new Engine(predictions, start, () => {
    changes++;
  });
  if (withExact) for (const { from, rows } of exact) engine.takeExact(from, rows);
  return { engine, orders, changes: () => changes };
}

const query = (e: Expected, more: Partial<Query> = {}): Query => ({
  temperature: e.temperature,
  target: e.target,
  nBins: e.n_bins,
  scheme: "equal_width",
  threshold: 0,
  ...more,
});

const name = (e: Expected) => `T ${e.temperature}, class ${e.target}, ${e.n_bins} bins`;
const rest = () => vi.advanceTimersByTimeAsync(200);

describe("at rest the browser has Python's numbers", () => {
  it.each(cases.quantised.expected.map((e) => [name(e), e] as const))("%s", async (_, e) => {
    vi.useFakeTimers();
    const { engine } = engineOf(cases.quantised);
    engine.ask(query(e));
    await rest();
    for (const [threshold, coverage, accuracy] of e.kept) {
      engine.ask(query(e, { threshold }));
      await rest();
      const a = engine.ask(query(e, { threshold }));
      expect(a.path).toBe("exact");
      expect(a.kept.coverage).toBeCloseTo(coverage, 9);
      if (coverage > 0) expect(a.kept.accuracy).toBeCloseTo(number(accuracy), 9);
      for (const [ours, python] of [
        [a.result.ece, e.ece],
        [a.nll, e.nll],
        [a.brier, e.brier],
        [a.interval[0], e.low],
        [a.interval[1], e.high],
      ] as const)
        expect(Math.abs(ours - python)).toBeLessThan(1e-9);
    }
    const mass = query(e, { scheme: "equal_mass" });
    expect(engine.ask(mass).path).toBe("sample");
    await rest();
    expect(engine.ask(mass).path).toBe("exact");
    expect(Math.abs(engine.ask(mass).result.ece - e.equal_mass)).toBeLessThan(1e-9);
    engine.end();
    vi.useRealTimers();
  });
});

describe("compressed predictions stay within the bound they state", () => {
  it.each(cases.compressed.expected.map((e) => [name(e), e] as const))("%s", (_, e) => {
    const { engine } = engineOf(cases.compressed);
    const a = engine.ask(query(e));
    expect(a.path).toBe("compressed");
    expect(Math.abs(a.result.ece - e.ece)).toBeLessThanOrEqual(a.bound + 1e-9);
    expect(a.bound).toBeLessThan(e.target === null ? 0.05 : 2);
    expect(Math.abs(a.nll - e.nll)).toBeLessThan(3e-4);
    expect(Math.abs(a.brier - e.brier)).toBeLessThan(1e-3);
    engine.end();
  });

  it("survives the way into a worker", () => {
    const { form } = arrive(cases.compressed).predictions;
    const again = reviveForm(structuredClone(form.parts()));
    const asked = { temperature: 1.3, target: null };
    const [a, b] = [form, again].map((f) => {
      const h = emptyHistogram(15);
      f.fill([h], asked, 15, 0, f.n);
      return h;
    });
    expect(b).toEqual(a);
  });
});

/** Many random predictions in the wire's form. */
function many(n: number, k: number): Case {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const logits = Float32Array.from({ length: n * k }, () => 8 * (random() + random() + random()));
  const gaps: number[] = [];
  const top: number[] = [];
  const labels: number[] = [];
  for (let i = 0; i < n; i++) {
    const row = logits.subarray(i * k, (i + 1) * k);
    const largest = Math.max(...row);
    top.push(row.indexOf(largest));
    labels.push(random() < 0.6 ? top[i]! : Math.floor(random() * k));
    gaps.push(...Array.from(row, (z) => Math.round((largest - z) * 128)));
  }
  const u16 = (data: number[]) => ({ dtype: "uint16", data });
  return {
    n,
    k,
    description: { form: "quantised", of: n },
    pieces: [
      { message: { kind: "predictions", from: 0 }, buffers: [u16(gaps), u16(top), u16(labels)] },
      {
        message: { kind: "predictions_exact", from: 0 },
        buffers: [{ dtype: "float32", data: [...logits] }],
      },
    ],
    expected: [],
    best: 1,
  };
}

describe("while a slider moves", () => {
  const big = many(20_000, 10);
  const ask = (temperature: number, more: Partial<Query> = {}): Query => ({
    temperature,
    target: null,
    nBins: 15,
    scheme: "equal_width",
    threshold: 0,
    ...more,
  });
  /** What the engine says once it has come to rest. */
  const rested = async (engine: Engine, q: Query): Promise<Answer> => {
    engine.ask(q);
    await rest();
    return engine.ask(q);
  };

  it("a pass that fits a frame is made at once, within the bound it states", async () => {
    vi.useFakeTimers();
    const { engine } = engineOf(big);
    engine.budget = Number.POSITIVE_INFINITY;
    for (const temperature of [0.07, 0.5, 1, 2.3, 11]) {
      const quick = engine.ask(ask(temperature));
      expect(quick.path).toBe("table");
      const exact = await rested(engine, ask(temperature));
      expect(exact.path).toBe("exact");
      expect(Math.abs(quick.result.ece - exact.result.ece)).toBeLessThanOrEqual(quick.bound);
      expect(Math.abs(quick.nll - exact.nll)).toBeLessThan(1e-4);
      expect(Math.abs(quick.brier - exact.brier)).toBeLessThan(1e-4);
    }
    engine.end();
    vi.useRealTimers();
  });

  it("one that takes longer is read between tabulated temperatures, within the bound it states", async () => {
    vi.useFakeTimers();
    const { engine, orders } = engineOf(big);
    engine.budget = -1;
    for (const more of [{}, { target: 3 }, { nBins: 7 }]) {
      await rested(engine, ask(1, more));
      await vi.advanceTimersByTimeAsync(1000);
      for (const temperature of [0.071, 0.52, 1.04, 2.35, 11.2]) {
        const quick = engine.ask(ask(temperature, { ...more, threshold: 0.6 }));
        expect(quick.path).toBe("tabulated");
        const exact = await rested(engine, ask(temperature, { ...more, threshold: 0.6 }));
        expect(exact.path).toBe("exact");
        expect(Math.abs(quick.result.ece - exact.result.ece)).toBeLessThanOrEqual(quick.bound);
        expect(quick.bound).toBeLessThan(0.02);
        expect(Math.abs(quick.kept.coverage - exact.kept.coverage)).toBeLessThan(0.01);
      }
    }
    // once exact at a temperature, bins of the menu and thresholds need nobody's help
    const told = orders.length;
    for (const nBins of [5, 10, 20, 25, 50, 100, 200, 500])
      expect(engine.ask(ask(11.2, { nBins, threshold: 0.123 })).path).toBe("exact");
    expect(orders.length).toBe(told);
    engine.end();
    vi.useRealTimers();
  });

  it("only the last of many values is computed exactly", async () => {
    vi.useFakeTimers();
    const { engine, orders } = engineOf(big);
    for (let i = 0; i < 30; i++) {
      engine.ask(ask(1 + i / 100));
      await vi.advanceTimersByTimeAsync(10);
    }
    await rest();
    const exact = orders.filter((o) => o.kind === "exact");
    expect(exact.map((o) => o.kind === "exact" && o.asked.temperature)).toEqual([1.29]);
    engine.end();
    vi.useRealTimers();
  });

  it("until exact numbers have come it says so by its path", async () => {
    vi.useFakeTimers();
    const { engine } = engineOf(big, false);
    expect((await rested(engine, ask(1))).path).toBe("table");
    engine.end();
    vi.useRealTimers();
  });
});

it("the temperature of the lowest NLL is Python's", async () => {
  const { engine } = engineOf(cases.quantised);
  await vi.waitFor(() => expect(engine.best).not.toBeNull(), 10_000);
  expect(Math.abs(Math.log(engine.best! / cases.quantised.best))).toBeLessThan(1e-3);
  engine.end();
});

it("edges of diagrams lie on edges of fine histograms", () => {
  for (const nBins of [1, 7, 15, 97, 500]) {
    const h = emptyHistogram(fineBins(nBins).at(-1)!);
    const each = h.count.length / nBins;
    for (let b = 0; b <= nBins; b++) expect(h.edges[b * each]).toBe(b / nBins);
  }
});

it("a threshold keeps what reaches it, and the interval covers its ECE", () => {
  const value = Float64Array.from([0.2, 0.5, 0.5, 0.9]);
  const p: Pairs = { value, hit: Uint8Array.from([0, 1, 0, 1]), nll: 0, brier: 0 };
  expect(keptAbove(p, 0.5)).toEqual({ coverage: 0.75, accuracy: 2 / 3 });
  expect(keptAbove(p, 0.95).accuracy).toBeNaN();
  const r = reliability(p, 5, "equal_width");
  const [low, high] = eceInterval(r);
  expect(low).toBeLessThanOrEqual(r.ece);
  expect(high).toBeGreaterThanOrEqual(r.ece);
});
