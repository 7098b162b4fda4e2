import { expect, it } from "vitest";
import {
  classMeans,
  classMedoids,
  decide,
  decodedPrototypes,
  letterOf,
  median,
  nearestRows,
  ruleAccuracy,
  similarity,
  tileBeside,
  twoMeans,
} from "../src/core/gallery";
import { vectors } from "./vectors";

interface Vectors {
  cases: {
    X: number[][];
    y: number[];
    n_classes: number;
    present: number[];
    means: number[][];
    two_means: number[][];
    medoids: number[];
    mean_nearest_indices: number[][];
    mean_nearest_distances: number[][];
    medoid_nearest_indices: number[][];
    medoid_nearest_distances: number[][];
    nearest_mean: number[];
    nearest_mean_distances: number[][];
  }[];
}

const rowsOf = (n: number) => Array.from({ length: n }, (_, i) => i);

it("gives the means, medoids, neighbours and decisions of clsviz.prototypes, to 1e-9", async () => {
  const { cases } = await vectors<Vectors>("gallery");
  for (const c of cases) {
    const [X, d, rows] = [c.X.flat(), c.X[0]!.length, rowsOf(c.y.length)];
    const means = classMeans(X, d, rows, c.y, c.n_classes);
    expect([...means.classes]).toEqual(c.present);
    const halves = twoMeans(X, d, rows, c.y, c.n_classes);
    // the square has no first axis: its two are equally long
    if (c.y.length > 5)
      for (const [i, v] of c.two_means.flat().entries()) expect(halves.vectors[i]).toBeCloseTo(v, 6);
    for (const [i, v] of c.means.flat().entries()) expect(means.vectors[i]).toBeCloseTo(v, 9);
    const medoids = classMedoids(X, d, rows, c.y, c.n_classes);
    expect([...medoids.source!]).toEqual(c.medoids);
    for (const [P, indices, distances] of [
      [means, c.mean_nearest_indices, c.mean_nearest_distances],
      [medoids, c.medoid_nearest_indices, c.medoid_nearest_distances],
    ] as const) {
      indices.forEach((wanted, p) => {
        const found = nearestRows(P, p, X, rows, wanted.length);
        expect(found.map((f) => f.row)).toEqual(wanted);
        for (const [i, f] of found.entries()) expect(f.distance).toBeCloseTo(distances[p]![i]!, 9);
      });
    }
    const decided = decide(means, X, rows);
    expect(Array.from(decided.nearest, (p) => means.classes[p])).toEqual(c.nearest_mean);
    for (const [i, s] of decided.squared.entries()) {
      expect(Math.sqrt(s)).toBeCloseTo(Math.min(...c.nearest_mean_distances[i]!), 9);
    }
  }
});

it("uses only the rows it is given", () => {
  const P = classMeans([0, 10, 2, 99], 1, [0, 2], [0, 1, 0, 1], 2);
  expect([P.m, P.vectors[0], P.classes[0]]).toEqual([1, 1, 0]);
});

it("splits a class at its mean along its longest axis, whatever the order of its samples", () => {
  // two lumps at (-5, 0) and (5, 1): the axis is nearly x, "a" the low side
  const points = [
    [-5, 0],
    [-5.2, 0.1],
    [-4.8, -0.1],
    [5, 1],
    [5.2, 1.1],
    [4.8, 0.9],
  ];
  for (const order of [
    [0, 1, 2, 3, 4, 5],
    [5, 2, 3, 0, 4, 1],
  ]) {
    const X = order.flatMap((i) => points[i]!);
    const P = twoMeans(X, 2, rowsOf(6), new Array(6).fill(0), 1);
    expect(P.letters).toEqual(["a", "b"]);
    for (const [i, v] of [-5, 0, 5, 1].entries()) expect(P.vectors[i]).toBeCloseTo(v, 9);
  }
  const one = twoMeans([3, 3, 3, 3], 2, [0, 1], [0, 0], 1);
  expect([one.m, one.letters[0]]).toEqual([1, ""]);
});

it("reads the class of a decoded prototype from its most negative weight", () => {
  const P = decodedPrototypes([1, 2, 3, 4, 5, 6], 2, [-1, 1, 1, -2, -3, 0], 2);
  expect([...P.classes]).toEqual([0, 1, 0]);
  expect(P.letters).toEqual(["a", "", "b"]);
  expect([letterOf(25), letterOf(26)]).toEqual(["z", "aa"]);
});

it("says how similar and how right", () => {
  const X = [0, 1, 10, 11, 4];
  const y = [0, 0, 1, 1, 1];
  const P = classMeans(X, 1, [0, 1, 2, 3], y, 2);
  const decided = decide(P, X, rowsOf(5));
  expect([...decided.nearest]).toEqual([0, 0, 1, 1, 0]);
  expect(ruleAccuracy(P, decided, rowsOf(5), y)).toBe(0.8);
  expect(median(decided.squared)).toBe(0.25);
  expect([median([1, 3]), similarity(0, 0.25), similarity(0.25, 0.25)]).toEqual([2, 1, Math.exp(-1)]);
  expect([similarity(0, 0), similarity(1, 0)]).toEqual([1, 0]);
});

it("walks between classes with left and right, within one with up and down", () => {
  const P = decodedPrototypes([1, 2, 3, 4, 5], 1, [-1, 0, 0, -1, -1, 0, 0, -1, -1, 0], 2); // classes 0 1 0 1 0
  const to = (p: number, key: string) => tileBeside(P, p, key);
  expect([to(0, "ArrowDown"), to(2, "ArrowDown"), to(4, "ArrowDown"), to(0, "ArrowUp")]).toEqual([
    2,
    4,
    null,
    null,
  ]);
  expect([to(4, "ArrowRight"), to(3, "ArrowLeft"), to(0, "ArrowLeft")]).toEqual([3, 2, null]);
  expect([to(4, "Home"), to(0, "End"), to(0, "x")]).toEqual([0, 1, null]);
});
