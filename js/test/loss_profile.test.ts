import { expect, it } from "vitest";
import { lossProfile, lossSimplex, type ProfileAxis } from "../src/core/lossprofile";
import { groupShares, lossGroups, lossTerms } from "../src/core/lossterms";
import { vectors } from "./vectors";

interface Vectors {
  logits: number[][];
  labels: number[];
  truth: number[];
  groups: number[];
  temperature: number;
  cases: {
    loss: string;
    params: Record<string, number>;
    profiles: Record<ProfileAxis, { p: number[]; margin: number[]; value: number[]; gradient: number[] }>;
    simplex: { points: number[][]; value: number[]; flow: number[][] };
    terms: { value: number[]; norm: number[]; weight: number[] };
    shares: number[];
  }[];
}

const same = (own: ArrayLike<number>, wanted: readonly number[]) => {
  expect(own.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    expect(Math.abs(own[i]! - value)).toBeLessThanOrEqual(1e-9 * Math.abs(value) + 1e-12);
  });
};

it("draws the curves, the simplex and the samples that clsviz.losses.profile gives, to 1e-9", async () => {
  const v = await vectors<Vectors>("loss_profile");
  const k = v.logits[0]!.length;
  const flat = Float64Array.from(v.logits.flat());
  const groups = lossGroups(flat, v.labels, v.truth, k);
  expect([...groups]).toEqual(v.groups);
  for (const { loss, params, profiles, simplex, terms, shares } of v.cases) {
    const spec = { name: loss, params };
    for (const axis of ["p", "margin"] as const) {
      const own = lossProfile(spec, axis, k, 13)!;
      for (const key of ["p", "margin", "value", "gradient"] as const) same(own[key], profiles[axis][key]);
    }
    const field = lossSimplex(spec, 7)!;
    same(field.points, simplex.points.flat());
    same(field.value, simplex.value);
    same(field.flow, simplex.flow.flat());
    const own = lossTerms(spec, flat, v.labels, k, v.temperature)!;
    for (const key of ["value", "norm", "weight"] as const) same(own[key], terms[key]);
    same(groupShares(own.norm, groups), shares);
  }
});

it("leaves losses that it does not know to the kernel", () => {
  const elr = { name: "elr", params: {} };
  expect(lossProfile(elr, "p", 3)).toBeNull();
  expect(lossSimplex(elr)).toBeNull();
  expect(lossTerms(elr, [1, 0, 0], [0], 3, 1)).toBeNull();
});
