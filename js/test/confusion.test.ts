import { describe, expect, it } from "vitest";
import { cellSamples, confusion, mostConfusedPair, rankedApart, unseenClass } from "../src/core/confusion";

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

  it("knows a class of two that was not trained on, and how well the two are ranked apart", () => {
    const data = { k: 2, y: Int32Array.of(0, 0, 1, 0, 1), train: Int32Array.of(0, 1) };
    expect(unseenClass(data)).toBe(1);
    expect(unseenClass({ ...data, train: Int32Array.of(4) })).toBe(0);
    expect(unseenClass({ ...data, train: Int32Array.of(0, 2) })).toBeNull();
    expect(unseenClass({ ...data, train: new Int32Array(0) })).toBeNull(); // predictions alone
    expect(unseenClass({ ...data, k: 3 })).toBeNull();
    // logits of class 1 less those of class 0: -3, -1, -1 of class 0; -2, -1 of class 1; all are called 0
    const logits = [3, 0, 1, 0, 0, -1, 2, 0, 0, -1];
    const labels = [0, 0, 0, 1, 1];
    expect(rankedApart(logits, labels, 1)).toBeCloseTo((1 + 0 + 0 + 1 + 0.5 + 0.5) / 6, 12);
    expect(rankedApart(logits, labels, 0)).toBeCloseTo(0.5, 12); // either way the same pairs
    expect(rankedApart(logits.slice(0, 6), [0, 0, 0], 1)).toBeNaN();
  });

  it("gives a tie to the lowest class", () => {
    expect(confusion([0, 0, 0], [2], 3).predicted[0]).toBe(0);
  });
});
