import { describe, expect, it } from "vitest";
import { fitTemperature } from "../src/core/temperature";

const Z1 = [
  [2, 0, 0],
  [0, 1, 0],
  [0, 0, 3],
  [1, 0, 0],
  [0, 2, 0],
].flat();
const Y1 = [0, 1, 2, 1, 0];

describe("the fitted temperature", () => {
  it("is the contract's on Z1", () => {
    const fit = fitTemperature(Z1, Y1, 3);
    expect(fit.temperature).toBeCloseTo(1.480658445, 8);
    expect(fit.nllBefore).toBeCloseTo(0.935380383, 9);
    expect(fit.nllAfter).toBeCloseTo(0.899843103, 9);
    expect(fit.atBound).toBe(false);
  });

  it("for the least ECE is the contract's on Z1", () => {
    const fit = fitTemperature(Z1, Y1, 3, { objective: "ece", nBins: 5 });
    expect(fit.temperature).toBeCloseTo(1.664083442, 8);
    expect(fit.eceBefore).toBeCloseTo(0.163352571, 9);
    expect(fit.eceAfter).toBeCloseTo(0.009429844, 9);
  });

  it("scales with the logits", () => {
    const half = fitTemperature(
      Z1.map((z) => z / 2),
      Y1,
      3,
    );
    expect(half.temperature).toBeCloseTo(1.480658445 / 2, 8);
  });

  it("stops at the ends of its range, the hot end first", () => {
    expect(fitTemperature([5, 0, 0, 5], [0, 1], 2)).toMatchObject({ temperature: 0.05, atBound: true });
    expect(fitTemperature([5, 0, 0, 5], [1, 0], 2)).toMatchObject({ temperature: 20, atBound: true });
    expect(fitTemperature([0, 0, 0, 0], [1, 0], 2)).toMatchObject({ temperature: 20, atBound: true });
  });
});
