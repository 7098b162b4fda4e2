/** Input gradients, attacks and robust accuracy: the same numbers as torch autograd and clsviz.boundary. */

import { describe, expect, it } from "vitest";
import {
  deepfool,
  fgsm,
  fgsmSigns,
  lineDistance,
  logitMargins,
  nearestOther,
  pgd,
  pgdDistance,
  robustAccuracy,
  type Search,
} from "../src/core/attacks";
import { certificate } from "../src/core/certificates";
import type { Network } from "../src/core/forward";
import { InputGradient, lossGradient } from "../src/core/gradient";
import { spectralNorm } from "../src/core/linalg";
import { argmax } from "../src/core/softmax";
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
  pgd: number[][];
  pgd_distance: (number | string)[];
  other: number[];
  line_distance: (number | string)[];
  certificate: { by: string; lipschitz: number | string; radius: (number | string)[] };
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
const same = (got: number, expected: number | string, within = 1e-9) => {
  const told = number(expected);
  if (Number.isFinite(told)) close([got], [told], within);
  else expect(got).toBe(told);
};
const whole = (search: Search): number => {
  let next = search.next();
  while (!next.done) next = search.next();
  return next.value;
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

    it("is as far from another call as clsviz.boundary's searches find", () => {
      const calls = c.logits.map((z) => argmax(z));
      c.X.forEach((x, i) => {
        close(pgd(net, x, calls[i]!, c.epsilon, 5), c.pgd[i]!, 1e-7);
        same(whole(pgdDistance(net, x, 3, { steps: 7 })), c.pgd_distance[i]!, 1e-7);
        const other = nearestOther(x, calls[i]!, c.X, calls);
        expect(other).toBe(c.other[i]);
        if (other < 0) expect(number(c.line_distance[i]!)).toBe(Number.POSITIVE_INFINITY);
        else same(whole(lineDistance(net, x, c.X[other]!)), c.line_distance[i]!);
      });
    });

    it("is certified within the same radius, never farther than a search finds", () => {
      const proved = certificate(c.network, Float32Array.from(c.theta));
      expect(proved.by).toBe(c.certificate.by);
      same(proved.lipschitz, c.certificate.lipschitz);
      c.X.forEach((x, i) => {
        const radius = proved.radius(c.logits[i]!);
        same(radius, c.certificate.radius[i]!);
        const { distance, success } = deepfool(net, x);
        const found = [c.pgd_distance[i]!, c.line_distance[i]!].map(number);
        if (success) found.push(distance);
        for (const d of found) expect(radius).toBeLessThanOrEqual(d + 1e-9);
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

it("the largest singular value of a matrix, however it lies and however the others are", () => {
  const cases: [number[], number, number, number][] = [
    [[3, 0, 0, 4], 2, 2, 4],
    [[1, 1, 1, 1, 1, 1], 2, 3, Math.sqrt(6)],
    [[1, 1, 1, 1, 1, 1], 3, 2, Math.sqrt(6)],
    [[2, 0, 0, 0, 2, 0, 0, 0, 2], 3, 3, 2], // all are alike
    [[1, 0, 0, 1 + 1e-6], 2, 2, 1 + 1e-6], // nearly so
    [[1e-120, 0, 0, 1e-130], 2, 2, 1e-120],
    [[0, 0, 0, 0], 2, 2, 0],
  ];
  for (const [W, rows, columns, largest] of cases)
    expect(Math.abs(spectralNorm(W, rows, columns) - largest)).toBeLessThanOrEqual(1e-12 * largest);
});

it("what no input moves is certified everywhere where it leads, and nowhere where it is level", () => {
  const still = (bias: number[]) =>
    certificate({ kind: "linear", sizes: [1, 2] }, Float32Array.from([0, 0, ...bias])).radius(bias);
  expect(still([1, 0])).toBe(Number.POSITIVE_INFINITY);
  expect(still([1, 1])).toBe(0);
});
