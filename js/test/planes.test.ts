import { describe, expect, test } from "vitest";
import { attackPlane, attackTold } from "../src/core/attackplane";
import { networkCells, patterns, whyNoCells } from "../src/core/cells";
import { forward, type Network } from "../src/core/forward";
import { InputGradient } from "../src/core/gradient";
import { dot } from "../src/core/linalg";
import { ldaPlane, planeLift } from "../src/core/plane";
import type { Dataset } from "../src/core/session";
import { bytes } from "./line";
import { vectors } from "./vectors";

interface LdaCase {
  X: number[][];
  y: number[];
  origin: number[];
  u: number[];
  v: number[];
  explained: number[];
}
interface NetworkCase {
  sizes: number[];
  theta: number[];
  X: number[][];
  y: number[];
  plane: { origin: number[]; u: number[]; v: number[] };
  lim: [number, number];
  side: number;
  patterns: number[][];
  cells: number;
  attack: {
    path: number[][];
    coords: number[][];
    distance: number;
    called: number[];
    neighbour: number;
    u: number[];
    v: number[];
  };
}

const python = await vectors<{ lda: LdaCase[]; networks: NetworkCase[] }>("boundary");

function close(got: ArrayLike<number>, wanted: readonly number[], tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    expect(Math.abs(got[i]! - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)));
  });
}

test.each(python.lda)("the discriminant plane agrees with Python", (c) => {
  const plane = ldaPlane(Float64Array.from(c.X.flat()), c.X.length, c.X[0]!.length, c.y);
  close(plane.origin, c.origin, 1e-9);
  close(plane.u, c.u, 1e-8);
  close(plane.v, c.v, 1e-8);
  close(plane.explained!, c.explained, 1e-8);
});

describe.each(python.networks)("a ReLU network $sizes in a plane", (c) => {
  const network: Network = { kind: "mlp", sizes: c.sizes };
  const theta = Float32Array.from(c.theta);
  const [u, v] = [Float64Array.from(c.plane.u), Float64Array.from(c.plane.v)];
  const plane = { origin: Float64Array.from(c.plane.origin), u, v };

  test("has the activation patterns of Python on the grid, and as many of them", () => {
    const hidden = c.sizes.slice(1, -1);
    const [low, high] = c.lim;
    const place = (i: number) => low + ((high - low) * i) / (c.side - 1);
    const X = Float32Array.from(
      c.patterns.flatMap((_, p) => [...planeLift(plane, place(p % c.side), place(Math.floor(p / c.side)))]),
    );
    const values = c.patterns[0]!.map(() => new Float32Array(c.patterns.length));
    forward(network, theta, X, c.patterns.length, undefined, (layer, from, rows, pre) => {
      const size = hidden[layer]!;
      const first = layer === 0 ? 0 : hidden[0]!;
      for (let r = 0; r < rows; r++)
        for (let o = 0; o < size; o++) values[first + o]![from + r] = pre[r * size + o]!;
    });
    for (const [p, row] of c.patterns.entries())
      expect(values.map((unit) => Number(unit[p]! > 0))).toEqual(row);
    expect(new Set(patterns(values, c.patterns.length)).size).toBe(c.cells);
    const cells = networkCells(network, theta, { plane, xlim: c.lim, ylim: c.lim, nx: c.side, ny: c.side });
    expect(cells.count).toBe(c.cells);
    expect(cells.borders.length % 4).toBe(0);
    expect(cells.borders.length).toBeGreaterThan(4 * c.side);
  });

  test("the plane along an attack agrees with Python", () => {
    const X = Float32Array.from(c.X.flat());
    const d = c.sizes[0]!;
    const rows = c.y.map((_, i) => i).slice(1);
    const y = Int32Array.from(c.y);
    const found = attackPlane(new InputGradient(network, theta), c.X[0]!, { X, y, d }, rows)!;
    expect(found.called).toEqual(c.attack.called);
    expect(found.success).toBe(true);
    expect(found.neighbour).toBe(c.attack.neighbour + 1); // there the sample itself is left out
    expect(found.distance).toBeCloseTo(c.attack.distance, 6);
    expect(found.path.length).toBe(c.attack.path.length);
    for (const [i, point] of c.attack.path.entries()) close(found.path[i]!, point, 1e-6);
    for (const [i, point] of c.attack.coords.entries()) close(found.coords[i]!, point, 1e-6);
    close(found.plane.u, c.attack.u, 1e-5);
    close(found.plane.v, c.attack.v, 1e-5);
    expect(Math.abs(dot(found.plane.u, found.plane.v))).toBeLessThan(1e-12);

    // as told by the kernel
    const { distance, called, neighbour } = found;
    const header = { kind: "attack_answer", error: "", by: "deepfool", distance, called, neighbour };
    const buffers = [bytes(Float64Array.from(found.path.flatMap((p) => [...p])))];
    expect(attackTold({ message: header, buffers }, { X, y, d } as Dataset)).toEqual(found);
    expect(
      attackTold({ message: { ...header, error: "no" }, buffers: [] }, { X, y, d } as Dataset),
    ).toBeNull();
  });
});

test("networks without cells say why", () => {
  expect(whyNoCells({ kind: "mlp", sizes: [2, 3, 2] })).toBeNull();
  expect(whyNoCells({ kind: "linear", sizes: [2, 2] })).toMatch(/one cell/);
  expect(whyNoCells({ kind: "mlp", sizes: [2, 2] })).toMatch(/one cell/);
  expect(whyNoCells({ kind: "rbf", sizes: [2, 3, 2] })).toMatch(/bumps/);
  expect(whyNoCells({ kind: "mlp", sizes: [2, 3, 2], activation: "tanh" })).toMatch(/tanh/);
  expect(whyNoCells(null)).toMatch(/kernel/);
});
