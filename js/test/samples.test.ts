import { describe, expect, it } from "vitest";
import { markedSample } from "../src/core/marked";
import { selectedMask, worstFirst } from "../src/core/samples";
import { Session } from "../src/core/session";
import { shown } from "../src/core/shown";
import { MemoryStore } from "../src/core/store";
import { barClasses } from "../src/views/inspector/bars";

describe("the selection as a mask", () => {
  it("is nothing when nothing is selected", () => {
    expect(selectedMask(null, 3)).toBeNull();
    expect(selectedMask(new Int32Array(), 3)).toBeNull();
  });

  it("marks the selected and passes over what is not in the data", () => {
    const selection = Int32Array.of(2, 0, 7, -1);
    expect([...selectedMask(selection, 4)!]).toEqual([1, 0, 1, 0]);
    expect(selectedMask(selection, 4)).toBe(selectedMask(selection, 4));
    expect([...selectedMask(selection, 8)!]).toEqual([1, 0, 1, 0, 0, 0, 0, 1]);
  });
});

describe("worst first", () => {
  const session = new Session();
  session.dataset = {
    name: "four",
    n: 4,
    d: 1,
    k: 2,
    X: Float32Array.of(0, 1, 2, 3),
    y: Int32Array.of(0, 0, 1, 1),
    yClean: Int32Array.of(0, 0, 1, 1),
    train: Int32Array.of(0),
    validation: Int32Array.of(1, 2, 3),
    classNames: ["a", "b"],
    featureNames: ["x"],
    imageShape: null,
  };
  const logits = Float32Array.of(0, 9, 2, 1, 5, 0, 0, 4); // samples 0 and 2 are wrong
  session.snapshots = [{ step: 0, epoch: 0, theta: null, logits, metrics: {} }];
  const store = new MemoryStore();
  const at = shown(session, store)!;

  it("goes from confidently wrong to confidently right", () => {
    expect([...worstFirst(session, at, at.rows)]).toEqual([2, 1, 3]);
    expect([...worstFirst(session, at, Int32Array.of(3, 0, 2))]).toEqual([0, 2, 3]);
  });

  it("begins with the sample that is marked by default", () => {
    expect(markedSample(session, store)).toBe(worstFirst(session, at, at.rows)[0]);
  });
});

describe("the classes with a bar", () => {
  it("are all of a few, and the likeliest with the true one of many", () => {
    expect(barClasses([3, 1, 2], 1)).toEqual([0, 1, 2]);
    const many = Array.from({ length: 40 }, (_, k) => k);
    expect(barClasses(many, 35)).toEqual([30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    expect(barClasses(many, 0)).toEqual([0, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
  });
});
