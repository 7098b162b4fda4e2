import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { insideBox, Lasso } from "../src/core/lasso";
import { click, combine, invert, selectionWords, setOp } from "../src/core/selection";
import type { Dataset } from "../src/core/session";

const indices = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 20 });
const list = (s: Int32Array | null) => [...(s ?? [])];
const keys = (shiftKey: boolean, ctrlKey: boolean, metaKey = false) => ({ shiftKey, ctrlKey, metaKey });

describe("selecting", () => {
  it("means the same by the same keys everywhere", () => {
    expect(setOp(keys(false, false))).toBe("replace");
    expect(setOp(keys(true, false))).toBe("add");
    expect(setOp(keys(false, true))).toBe("remove");
    expect(setOp(keys(false, false, true))).toBe("remove");
    expect(setOp(keys(true, true))).toBe("intersect");
  });

  it("is the algebra of sets, ascending and without repeats, null for none", () => {
    fc.assert(
      fc.property(indices, indices, (a, b) => {
        const before = combine(null, a, "replace");
        const [A, B] = [new Set(a), new Set(b)];
        const expected = {
          replace: B,
          add: new Set([...A, ...B]),
          remove: new Set([...A].filter((i) => !B.has(i))),
          intersect: new Set([...A].filter((i) => B.has(i))),
        };
        for (const [op, set] of Object.entries(expected)) {
          const out = combine(before, b, op as never);
          expect(list(out)).toEqual([...set].sort((p, q) => p - q));
          if (set.size === 0) expect(out).toBeNull();
        }
      }),
    );
  });

  it("lets go what is clicked once more", () => {
    const once = click(null, Int32Array.of(4, 2), "replace");
    expect(list(once)).toEqual([2, 4]);
    expect(click(once, Int32Array.of(2, 4), "replace")).toBeNull();
    expect(list(click(once, Int32Array.of(2), "replace"))).toEqual([2]);
    expect(list(click(once, Int32Array.of(2, 4), "add"))).toEqual([2, 4]);
  });

  it("inverts within a part, twice is back", () => {
    const rows = Int32Array.of(1, 3, 5, 7);
    expect(list(invert(Int32Array.of(3, 4), rows))).toEqual([1, 5, 7]);
    expect(list(invert(invert(Int32Array.of(3, 5), rows), rows))).toEqual([3, 5]);
    expect(invert(rows, rows)).toBeNull();
  });

  it("says when a view shows nothing of it because all of it was trained on", () => {
    const data = { n: 6, validation: Int32Array.of(0, 1, 2) } as Dataset;
    expect(selectionWords(Int32Array.of(0, 1), 2, data).join("")).toBe("2 selected");
    expect(selectionWords(Int32Array.of(0, 4), 1, data).join("")).toBe("1 of 2 selected");
    expect(selectionWords(Int32Array.of(4, 5), 0, data).join("")).toContain("training samples");
    expect(selectionWords(Int32Array.of(0, 5), 0, data).join("")).not.toContain("training samples");
  });
});

/** Even-odd rule by definition: crossings of a ray with all edges of the closed path. */
function inside(path: readonly (readonly [number, number])[], x: number, y: number): boolean {
  let odd = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [path[i]!, path[j]!];
    if (yi > y !== yj > y && x < xi + ((y - yi) / (yj - yi)) * (xj - xi)) odd = !odd;
  }
  return odd;
}

describe("the lasso", () => {
  const coordinate = fc.integer({ min: 0, max: 20 });
  const point = fc.tuple(coordinate, coordinate);

  it("finds what the whole path encloses, also where it crosses itself", () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), (path) => {
        // irrational: on no edge between corners of whole numbers
        const xs = Float64Array.from({ length: 100 }, (_, i) => (i % 10) * 2 + Math.SQRT1_2);
        const ys = Float64Array.from({ length: 100 }, (_, i) => Math.floor(i / 10) * 2 + Math.LN2);
        const lasso = new Lasso(xs, ys);
        path.forEach(([x, y], corner) => {
          lasso.extend(x, y);
          const expected = [...xs.keys()].filter((i) => inside(path.slice(0, corner + 1), xs[i]!, ys[i]!));
          expect(lasso.inside()).toEqual(expected);
        });
      }),
    );
  });

  it("encloses nothing with one point or a line there and back", () => {
    const lasso = new Lasso(Float64Array.of(1, 2), Float64Array.of(1, 2));
    lasso.extend(0, 0);
    expect(lasso.inside()).toEqual([]);
    lasso.extend(3, 2.5);
    expect(lasso.inside()).toEqual([]);
  });

  it("as a box takes its edges in, whichever corner comes first", () => {
    const [xs, ys] = [Float64Array.of(0, 1, 2, 3), Float64Array.of(0, 1, 2, 3)];
    expect(insideBox(xs, ys, [1, 1], [2, 3])).toEqual([1, 2]);
    expect(insideBox(xs, ys, [2, 3], [1, 1])).toEqual([1, 2]);
    expect(insideBox(xs, ys, [2.5, 0], [2.5, 9])).toEqual([]);
  });
});
