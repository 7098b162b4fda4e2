/** Local maps, attributions and curves: the same numbers as clsviz.boundary. */

import { describe, expect, it } from "vitest";
import {
  affine,
  agreement,
  attribute,
  changed,
  curveOf,
  METHODS,
  type Method,
  type Mode,
  randomWeights,
  ranked,
  steadiness,
  walk,
} from "../src/core/attribution";
import type { Network } from "../src/core/forward";
import { InputGradient } from "../src/core/gradient";
import { vectors } from "./vectors";

interface Agreed {
  topk: number;
  spearman: number;
  cosine: number;
}
interface Case {
  network: Network;
  theta: number[];
  x: number[];
  blank: number[];
  target: number;
  temperature: number;
  A: number[][];
  b: number[];
  maps: Record<Method, number[]>;
  gap: number;
  curves: Record<Mode, { curve: number[]; auc: number }>;
  agreement: Agreed;
  steady: [number, number];
}

const { cases, ties } = await vectors<{ cases: Case[]; ties: Agreed }>("attribution");
const close = (got: ArrayLike<number>, expected: number[]) => {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(got[i]! - expected[i]!)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected[i]!)));
};

describe.each(cases.map((c) => [`${c.network.kind} ${c.network.sizes} ${c.network.activation}`, c] as const))(
  "%s",
  (_name, c) => {
    const net = new InputGradient(c.network, Float32Array.from(c.theta));

    it("has the map of linear_interpreter; of switches its offset is found by itself", () => {
      const map = affine(net, c.x);
      map.A.forEach((row, k) => {
        close(row, c.A[k]!);
      });
      close(map.b, c.b);
      expect(map.exact).toBe(c.network.kind === "linear" || c.network.activation === "relu");
      expect(map.gap).toBeLessThan(1e-12);
    });

    it.each(METHODS)("has the map of %s", (method) => {
      const found = attribute(net, method, c.x, c.target, c.blank);
      close(found.values, c.maps[method]);
      if (method === "integrated_gradients") close([found.gap!], [c.gap]);
      else expect(found.gap).toBeNull();
    });

    it.each(["deletion", "insertion"] as const)("has the curve of %s at a temperature", (mode) => {
      const logits = walk(net, c.x, c.blank, ranked(c.maps.occlusion), mode);
      const { p, auc } = curveOf(logits, net.k, c.target, c.temperature);
      close(p, c.curves[mode].curve);
      close([auc], [c.curves[mode].auc]);
    });

    it("has the same agreement and steadiness", () => {
      const { topk, spearman, cosine } = agreement(c.maps.gradient, c.maps.occlusion, 3);
      close([topk, spearman!, cosine!], [c.agreement.topk, c.agreement.spearman, c.agreement.cosine]);
      const { mean, worst } = steadiness(net, c.x, c.target)!;
      close([mean, worst], c.steady);
    });
  },
);

it("equal values share their rank; constant and zero maps have no correlation", () => {
  const found = agreement([1, 1, 2, 0, 2], [3, 1, 1, 1, 0], 2);
  close([found.topk, found.spearman!, found.cosine!], [ties.topk, ties.spearman, ties.cosine]);
  expect(agreement([1, 1], [1, 2], 1).spearman).toBeNull();
  expect(agreement([0, 0], [1, 2], 1).cosine).toBeNull();
});

it("the largest weight goes first, ties in their own order, and a flat network has no steadiness", () => {
  expect([...ranked([1, 3, 1, 2])]).toEqual([1, 3, 0, 2]);
  expect([...changed([1, 2, 3], [0, 0, 0], ranked([1, 3, 2]), 2, "deletion")]).toEqual([1, 0, 0]);
  expect([...changed([1, 2, 3], [0, 0, 0], ranked([1, 3, 2]), 2, "insertion")]).toEqual([0, 2, 3]);
  expect(randomWeights(4)).toEqual(randomWeights(4));
  const flat = new InputGradient({ kind: "linear", sizes: [2, 2] }, Float32Array.from([0, 0, 0, 0, 1, 0]));
  expect(steadiness(flat, [1, 2], 0)).toBeNull();
});
