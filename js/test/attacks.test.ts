/** Input gradients, attacks and robust accuracy: the same numbers as torch autograd and clsviz.boundary. */

import { describe, expect, it } from "vitest";
import { deepfool, fgsm, fgsmSigns, logitMargins, robustAccuracy } from "../src/core/attacks";
import type { Network } from "../src/core/forward";
import { InputGradient, lossGradient } from "../src/core/gradient";
import { number, vectors } from "./vectors";

interface Case {
  network: Network;
  theta: number[];
  X: number[][];
  y: number[];
  logits: number[][];
  margins: number[];
  jacobian: number[][][];
  loss_gradient: number[][];
  epsilon: number;
  fgsm: number[][];
  deepfool: Record<
    string,
    { adversarial: number[][]; distance: number[]; iterations: number[]; success: boolean[] }
  >;
  correct: boolean[];
  radii: number[];
  curve: (number | string)[];
}

const { cases } = await vectors<{ cases: Case[] }>("attacks");
const close = (got: ArrayLike<number>, expected: number[], within = 1e-9) => {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(got[i]! - expected[i]!)).toBeLessThanOrEqual(
      within * Math.max(1, Math.abs(expected[i]!)),
    );
};

describe.each(cases.map((c) => [`${c.network.kind} ${c.network.sizes} ${c.network.activation}`, c] as const))(
  "%s",
  (_name, c) => {
    const net = new InputGradient(c.network, Float32Array.from(c.theta));

    it("has torch's logits and slopes", () => {
      c.X.forEach((x, i) => {
        close(net.logits(x), c.logits[i]!);
        c.jacobian[i]!.forEach((slope, k) => {
          close(net.pull(c.logits[i]!.map((_, j) => Number(j === k))), slope);
        });
        close(lossGradient(net, x, c.y[i]!), c.loss_gradient[i]!);
      });
    });

    it("is moved by FGSM and DeepFool to where clsviz.boundary moves it", () => {
      c.X.forEach((x, i) => {
        close(fgsm(x, fgsmSigns(net, x, c.y[i]!), c.epsilon), c.fgsm[i]!);
        for (const [overshoot, told] of Object.entries(c.deepfool)) {
          const found = deepfool(net, x, { overshoot: Number(overshoot) });
          expect(found.iterations).toBe(told.iterations[i]);
          expect(found.success).toBe(told.success[i]);
          close(found.adversarial, told.adversarial[i]!, 1e-7);
          close([found.distance], [told.distance[i]!], 1e-7);
        }
      });
    });

    it("has the same margins and accuracy against radius", () => {
      close(logitMargins(Float32Array.from(c.logits.flat()), c.y, net.k, 1), c.margins, 1e-5);
      const distances = c.X.map((x) => {
        const { distance, success } = deepfool(net, x);
        return success ? distance : Number.POSITIVE_INFINITY;
      });
      close(robustAccuracy(distances, c.correct.map(Number), c.radii), c.curve.map(number));
    });
  },
);

it("a linear network is exact in one step", () => {
  const net = new InputGradient({ kind: "linear", sizes: [2, 2] }, Float32Array.from([1, 1, -1, -1, 0, 0]));
  const found = deepfool(net, [1, 2], { overshoot: 0 });
  expect(found.iterations).toBe(1);
  expect(found.success).toBe(true);
  expect(found.distance).toBeCloseTo(3 / Math.SQRT2, 7);
});

it("a flat network is left where it is, without success", () => {
  const net = new InputGradient({ kind: "linear", sizes: [2, 2] }, Float32Array.from([0, 0, 0, 0, 1, 0]));
  expect(deepfool(net, [1, 2])).toMatchObject({ distance: 0, iterations: 0, success: false });
  expect([...fgsmSigns(net, [1, 2], 0)]).toEqual([0, 0]);
});

it("accuracy against radius counts those that are right and farther away than the radius", () => {
  const curve = robustAccuracy([0.2, Number.POSITIVE_INFINITY, 1], [1, 1, 0], [0, 0.5]);
  expect([...curve]).toEqual([2 / 3, 1 / 3]); // the contract's example
});
