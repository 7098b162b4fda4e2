import { describe, expect, it } from "vitest";
import { cellSamples, confusion, mostConfusedPair } from "../src/core/confusion";

const onehot = (classes: number[], k: number) =>
  classes.flatMap((c) => Array.from({ length: k }, (_, j) => (j === c ? 1 : 0)));

describe("the confusion matrix", () => {
  const labels = [0, 0, 1, 1, 2, 2, 2];
  const c = confusion(onehot([0, 2, 1, 2, 1, 1, 2], 3), labels, 3);

  it("counts true class by predicted class", () => {
    expect([...c.counts]).toEqual([1, 0, 1, 0, 1, 1, 0, 2, 1]);
    expect([...c.rowTotals]).toEqual([2, 2, 3]);
    expect(c.accuracy).toBeCloseTo(3 / 7, 15);
  });

  it("lists the samples of a cell by their index in the data", () => {
    const rows = [10, 11, 12, 13, 14, 15, 16];
    expect([...cellSamples(c, labels, rows, 2, 1)]).toEqual([14, 15]);
    expect([...cellSamples(c, labels, rows, 1, 0)]).toEqual([]);
  });

  it("names the pair that is confused most, both ways counted", () => {
    expect(mostConfusedPair(c)).toEqual([1, 2]);
    expect(mostConfusedPair(confusion(onehot([0, 1], 2), [0, 1], 2))).toBeNull();
  });

  it("gives a tie to the lowest class", () => {
    expect(confusion([0, 0, 0], [2], 3).predicted[0]).toBe(0);
  });
});
