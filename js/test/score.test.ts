import { expect, it } from "vitest";
import { surfaceAt } from "../src/core/landscape";
import { scoreOfP } from "../src/core/losses";
import { binErrors, recolour, type Surprisals } from "../src/core/recolour";
import { type LossSpec, ofSurprisal, onTheLine, specKey } from "../src/core/score";
import type { Landscape, Table } from "../src/core/session";
import { vectors } from "./vectors";

type Exact = LossSpec & { means: number[] };
interface Vectors {
  cases: {
    temperature: number;
    samples: number;
    edges: number[];
    counts: number[][];
    places: number[][];
    exact: Exact[];
  }[];
  classes: number;
  temperatures: number[];
  tables: Record<string, { codes: number[][]; low: number; scale: number; shift: number }>;
  at: number;
  exact: Exact[];
}

const histogram = (c: Vectors["cases"][number]): Surprisals => ({
  ...c,
  counts: Uint16Array.from(c.counts.flat()),
  places: Uint16Array.from(c.places.flat()),
});

function landscape(v: Vectors, over: Partial<Landscape>): Landscape {
  return {
    id: "1",
    plane: "path",
    step: 0,
    xs: [0, 1],
    ys: [0, 1],
    progress: 1,
    origin: new Float32Array(1),
    dx: new Float32Array(1),
    dy: new Float32Array(1),
    path: [],
    explained: 1,
    cosine: null,
    samples: 200,
    temperatures: v.temperatures,
    loss: "",
    classes: v.classes,
    tables: new Map(),
    surprisals: null,
    scoring: null,
    accuracy: null,
    ...over,
  };
}

const tablesOf = (v: Vectors): Map<string, Table> =>
  new Map(
    Object.entries(v.tables).map(([key, { codes, ...rest }]) => [
      key,
      { ...rest, values: Uint16Array.from(codes.flat()) },
    ]),
  );

it("gives every loss of the surprisal within the bound that it states, and the bound is small", async () => {
  const { cases } = await vectors<Vectors>("score");
  for (const c of cases) {
    for (const { name, params, means } of c.exact) {
      const { values, errors } = recolour(histogram(c), ofSurprisal({ name, params })!);
      expect(values[means.length], "a network whose logits are not finite").toBeNaN();
      means.forEach((wanted, i) => {
        const off = Math.abs(values[i]! - wanted);
        expect(off, `${name} ${JSON.stringify(params)}`).toBeLessThanOrEqual(
          errors[i]! + 1e-6 * (1 + wanted),
        );
        // sum-exponential grows like 1 / p: there the last bins are as wide as it is steep
        if (name !== "comp_sum" || (params.tau as number) >= 1) expect(off).toBeLessThan(0.01 * (1 + wanted));
      });
    }
  }
});

it("is exact for a loss that is linear in the surprisal", async () => {
  const { cases } = await vectors<Vectors>("score");
  const h = histogram(cases[0]!);
  expect(Math.max(...binErrors(h.edges, (m) => 3 * m))).toBeLessThan((3 * h.edges.at(-1)!) / 65535);
});

it("makes cross-entropy with any temperature and smoothing, and LDR, of two stored tables", async () => {
  const v = await vectors<Vectors>("score");
  const land = landscape(v, { tables: tablesOf(v) });
  for (const { name, params, means } of v.exact) {
    const found = surfaceAt(land, { name, params }, v.at)!;
    expect([found.mixed, found.instead, found.errors]).toEqual([false, false, null]);
    means.forEach((wanted, i) => {
      // the temperature is looked up between two of the table: as exact as the temperature slider is
      expect(Math.abs(found.values[i]! - wanted), `${name} ${JSON.stringify(params)}`).toBeLessThan(
        0.02 * (1 + Math.abs(wanted)),
      );
    });
  }
});

it("prefers the loss's own table, then the histogram at this temperature, then the line", async () => {
  const v = await vectors<Vectors>("score");
  const c = v.cases[1]!;
  const surprisals = { ...histogram(c) };
  const spec = { name: "gce", params: { q: 0.5 } };
  const tables = tablesOf(v);
  const stop = { low: Math.LN2, scale: 0, shift: 0, values: new Uint16Array(4 * v.temperatures.length) };
  tables.set("trained", { ...stop, low: 0 });
  expect(surfaceAt(landscape(v, { tables }), spec, 1)!.instead).toBe(true);
  tables.set("u=-0.50", stop);
  expect(surfaceAt(landscape(v, { tables }), spec, 1)).toMatchObject({ instead: false, errors: null });
  expect(surfaceAt(landscape(v, { tables, surprisals }), spec, 1)!.errors).not.toBeNull();
  expect(surfaceAt(landscape(v, { tables, surprisals }), spec, 2)!.errors).toBeNull();
  tables.set(specKey(spec), { ...stop, low: Math.log(4) });
  expect(surfaceAt(landscape(v, { tables, surprisals }), spec, 1)!.values[0]).toBeCloseTo(3, 9);
  // mae is twice the end of the line
  tables.set("u=-1.00", stop);
  expect(surfaceAt(landscape(v, { tables }), { name: "mae", params: {} }, 1)!.values[0]).toBeCloseTo(2, 9);
});

it("finds losses on the line, comp-sum among them, and none beside it", () => {
  const on = (name: string, params: Record<string, number> = {}) => onTheLine({ name, params });
  expect(on("comp_sum", { tau: 1.7 })!.u).toBeCloseTo(-0.7, 12);
  expect([on("comp_sum", { tau: 0.5 }), on("gce", { k: 0.1 }), on("focal", { gamma: 6 })]).toEqual([
    null,
    null,
    null,
  ]);
  const gce = ofSurprisal({ name: "gce", params: { q: 0.7 } })!;
  expect(gce(-Math.log(0.3))).toBeCloseTo(scoreOfP(-0.7, 0.3), 12);
});

it("names a loss alike whatever the order of its parameters", () => {
  expect(specKey({ name: "a", params: { x: 1, b: 2 } })).toBe(specKey({ name: "a", params: { b: 2, x: 1 } }));
});
