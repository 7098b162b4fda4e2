import { describe, expect, it } from "vitest";
import { nearest } from "../src/core/neighbours";

const X = [0, 0, 3, 4, 0, 1, 1, 0, 6, 8, 0, 0];

describe("nearest samples", () => {
  it("come in order of distance, equal ones in the order of the candidates", () => {
    const found = nearest(X, 2, 0, [4, 3, 2, 1], 3);
    expect([...found.index]).toEqual([3, 2, 1]);
    expect([...found.distance]).toEqual([1, 1, 5]);
  });

  it("leave the sample itself out, not its twin", () => {
    expect([...nearest(X, 2, 0, [0, 1, 2, 3, 4, 5], 2).index]).toEqual([5, 2]);
  });

  it("are all candidates when fewer are there than asked for", () => {
    expect([...nearest(X, 2, 0, [4, 1], 9).index]).toEqual([1, 4]);
    expect([...nearest(X, 2, 0, [4, 1], 0).index]).toEqual([]);
  });

  it("agree with a full sort", () => {
    const cloud = Float32Array.from({ length: 600 }, (_, i) => (Math.sin(i * 78.233) * 43758.5453) % 1);
    const candidates = Int32Array.from({ length: 199 }, (_, i) => i + 1);
    const far = (i: number) =>
      Math.hypot(cloud[0]! - cloud[3 * i]!, cloud[1]! - cloud[3 * i + 1]!, cloud[2]! - cloud[3 * i + 2]!);
    const sorted = [...candidates].sort((a, b) => far(a) - far(b)).slice(0, 10);
    expect([...nearest(cloud, 3, 0, candidates, 10).index]).toEqual(sorted);
  });
});
