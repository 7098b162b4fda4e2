import { expect, it } from "vitest";
import {
  contourLevels,
  coordinates,
  cutAt,
  lossScale,
  scoreKey,
  scoreParts,
  surfaceAt,
  tableAt,
  valueAt,
} from "../src/core/landscape";
import type { Landscape, Table } from "../src/core/session";
import { vectors } from "./vectors";

interface Vectors {
  tables: {
    codes: number[][];
    offset: number;
    scale: number;
    shift: number;
    temperatures: number[];
    loss_at: { temperature: number; losses: (number | null)[] }[];
  }[];
  paths: { checkpoints: number[][]; origin: number[]; basis: number[][]; coords: number[][] }[];
}

const tableOf = (codes: number[][], low: number, scale: number, shift = 0): Table => ({
  values: Uint16Array.from(codes.flat()),
  low,
  scale,
  shift,
});

const plane = (over: Partial<Landscape> = {}): Landscape => ({
  id: "1",
  plane: "path",
  step: 3,
  xs: [0, 1],
  ys: [0, 1],
  progress: 1,
  origin: new Float32Array(2),
  dx: Float32Array.of(1, 0),
  dy: Float32Array.of(0, 1),
  path: [],
  explained: 1,
  cosine: null,
  samples: 5,
  temperatures: [1, 4],
  loss: "Cross-entropy",
  classes: 4,
  tables: new Map(),
  surprisals: null,
  scoring: null,
  accuracy: null,
  ...over,
});

it("reads tables at any temperature as clsviz.landscape.loss_at does, to 1e-9", async () => {
  const { tables } = await vectors<Vectors>("landscape");
  for (const { codes, offset, scale, shift, temperatures, loss_at } of tables) {
    for (const { temperature, losses } of loss_at) {
      const own = tableAt(tableOf(codes, offset, scale, shift), temperatures, temperature);
      losses.forEach((wanted, i) => {
        if (wanted === null) expect(own[i]).toBeNaN();
        else expect(Math.abs(own[i]! - wanted)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(wanted)));
      });
    }
  }
});

it("finds the coordinates of checkpoints in the plane of their path", async () => {
  const { paths } = await vectors<Vectors>("landscape");
  for (const { checkpoints, origin, basis, coords } of paths) {
    const land = plane({
      origin: Float32Array.from(origin),
      dx: Float32Array.from(basis[0]!),
      dy: Float32Array.from(basis[1]!),
    });
    checkpoints.forEach((theta, t) => {
      const { a, b } = coordinates(land, theta);
      expect(a).toBeCloseTo(coords[t]![0]!, 4); // the plane travels in single precision
      expect(b).toBeCloseTo(coords[t]![1]!, 4);
    });
  }
});

it("finds coordinates along directions that are not orthogonal", () => {
  const land = plane({ origin: Float32Array.of(1, 1), dx: Float32Array.of(2, 0), dy: Float32Array.of(1, 1) });
  expect(coordinates(land, [1 + 2 * 0.5 + 3, 1 + 3])).toEqual({ a: 0.5, b: 3 });
  expect(coordinates(plane({ dy: new Float32Array(2) }), [0.5, 9])).toEqual({ a: 0.5, b: 0 });
});

it("names tables by quarter steps of the score line", () => {
  expect([null, -1, -0.25, -0, 1].map(scoreKey)).toEqual([
    "trained",
    "u=-1.00",
    "u=-0.25",
    "u=0.00",
    "u=1.00",
  ]);
  expect(scoreParts(0.75)).toEqual([{ key: "u=0.75", weight: 1 }]);
  const parts = scoreParts(-0.1);
  expect(parts.map((p) => p.key)).toEqual(["u=-0.25", "u=0.00"]);
  expect(parts[0]!.weight).toBeCloseTo(0.4, 12);
  expect(parts[0]!.weight + parts[1]!.weight).toBe(1);
});

it("mixes two tables linearly in the score, and falls back on the loss trained with", () => {
  const flat = (code: number) =>
    tableOf(
      [
        [code, code],
        [code, code],
        [code, code],
        [code, code],
      ],
      0,
      1e-4,
    );
  const land = plane({
    tables: new Map([
      ["trained", flat(0)],
      ["u=0.00", flat(1000)],
      ["u=0.25", flat(2000)],
    ]),
  });
  const mixed = surfaceAt(land, 0.1, 2)!;
  expect(mixed.mixed).toBe(true);
  expect(mixed.values[0]).toBeCloseTo(0.6 * Math.expm1(0.1) + 0.4 * Math.expm1(0.2), 12);
  expect(surfaceAt(land, 0.25, 2)).toMatchObject({ mixed: false, instead: false });
  const instead = surfaceAt(land, 0.9, 2)!;
  expect([instead.instead, instead.values[0]]).toEqual([true, 0]);
  expect(surfaceAt(plane(), null, 1)).toBeNull();
});

it("is bilinear between grid points, NaN outside, untouched by a NaN neighbour of no weight", () => {
  const [xs, ys, v] = [
    [0, 1, 3],
    [0, 2],
    [0, 1, 3, 4, 5, Number.NaN],
  ];
  expect(valueAt(xs, ys, v, 2, 0)).toBe(2);
  expect(valueAt(xs, ys, v, 0.5, 1)).toBe(2.5);
  expect(valueAt(xs, ys, v, 3, 0)).toBe(3);
  expect(valueAt(xs, ys, v, 2, 2)).toBeNaN();
  expect(valueAt(xs, ys, v, 3.1, 0)).toBeNaN();
  expect([...cutAt(xs, ys, v, 0)]).toEqual([0, 1, 3]);
  expect([...cutAt(xs, ys, v, -5)]).toEqual([0, 1, 3]);
});

it("scales losses by their logarithm, and linearly where one is negative", () => {
  const log = lossScale([0.01, 1, Number.NaN, 100]);
  expect([log.log, log.low, log.high]).toEqual([true, 0.01, 100]);
  expect(log.of(1)).toBeCloseTo(0.5, 12);
  expect(log.at(0.75)).toBeCloseTo(10, 9);
  expect(log.of(Number.NaN)).toBeNaN();
  expect(contourLevels(log, 3).map((v) => Number(v.toPrecision(6)))).toEqual([0.1, 1, 10]);
  const linear = lossScale([-1, 3]);
  expect([linear.log, linear.of(1), linear.at(0.25)]).toEqual([false, 0.5, 0]);
  expect(lossScale([0, 2]).low).toBeGreaterThan(0);
  expect(lossScale([Number.NaN]).of(0.5)).toBeGreaterThanOrEqual(0);
  expect(lossScale([2, 2]).of(2)).toBe(0);
});
