import { expect, test } from "vitest";
import { forward, type Network, parameterCount, restrictToPlane } from "../src/core/forward";
import { pairGradient } from "../src/core/gradient";
import { vectors } from "./vectors";

interface Case {
  network: Network;
  theta: number[];
  X: number[][];
  logits: number[][];
  gradient_2_over_0: number[][];
}

const { cases } = await vectors<{ cases: Case[] }>("forward");
const D = 5;

const name = (c: Case) => `${c.network.kind} ${c.network.sizes.join("-")} ${c.network.activation ?? ""}`;

for (const c of cases) {
  const theta = Float32Array.from(c.theta);
  const X = Float32Array.from(c.X.flat());

  test(`${name(c)}: logits agree with torch`, () => {
    expect(parameterCount(c.network)).toBe(theta.length);
    const z = forward(c.network, theta, X, c.X.length);
    c.logits.flat().forEach((value, i) => {
      expect(Math.abs(z[i]! - value)).toBeLessThan(1e-5);
    });
  });

  test(`${name(c)}: pair gradient agrees with torch`, () => {
    c.gradient_2_over_0.forEach((row, r) => {
      const g = pairGradient(c.network, theta, c.X[r]!, 0, 2);
      row.forEach((value, i) => {
        expect(Math.abs(g[i]! - value)).toBeLessThan(1e-6);
      });
    });
  });

  test(`${name(c)}: pair gradient agrees with finite differences`, () => {
    const x = c.X[0]!;
    const step = 2e-3;
    const g = pairGradient(c.network, theta, x, 1, 2);
    for (let i = 0; i < D; i++) {
      const gap = (sign: number) => {
        const moved = Float32Array.from(x, (v, j) => v + (j === i ? sign * step : 0));
        const z = forward(c.network, theta, moved, 1);
        return z[2]! - z[1]!;
      };
      expect(Math.abs((gap(1) - gap(-1)) / (2 * step) - g[i]!)).toBeLessThan(5e-3);
    }
  });

  test(`${name(c)}: restricted to a plane it gives the logits of the lifted points`, () => {
    const origin = c.X[1]!;
    const u = [0.6, 0.8, 0, 0, 0];
    const v = [0, 0, 0, 0.28, 0.96];
    const flat = restrictToPlane(c.network, theta, { origin, u, v });
    const coordinates = [
      [0, 0],
      [1, -0.5],
      [-2, 1.5],
    ];
    const lifted = coordinates.flatMap(([s, t]) => origin.map((o, i) => o + s! * u[i]! + t! * v[i]!));
    const direct = forward(c.network, theta, Float32Array.from(lifted), 3);
    const through = forward(flat.network, flat.theta, Float32Array.from(coordinates.flat()), 3);
    direct.forEach((value, i) => {
      expect(Math.abs(through[i]! - value)).toBeLessThan(2e-5);
    });
  });
}

test("wrong parameter count, shape or row count is said in words", () => {
  const network: Network = { kind: "linear", sizes: [2, 3] };
  expect(() => forward(network, new Float32Array(8), new Float32Array(2), 1)).toThrow(/9 parameters, but 8/);
  expect(() => forward(network, new Float32Array(9), new Float32Array(2), 2)).toThrow(/2 rows of 2 features/);
  expect(() => forward({ kind: "rbf", sizes: [2, 3] }, new Float32Array(9), new Float32Array(2), 1)).toThrow(
    /cannot have sizes/,
  );
});
