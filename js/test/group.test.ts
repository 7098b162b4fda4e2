import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Group, type Member, sameValue } from "../src/core/group";
import type { Dataset } from "../src/core/session";
import type { How } from "../src/core/store";

const dataset = (seed: number, n = 4): Dataset => ({
  name: "d",
  n,
  d: 1,
  k: 2,
  X: Float32Array.from({ length: n }, (_, i) => i + seed),
  y: new Int32Array(n),
  yClean: new Int32Array(n),
  train: new Int32Array(),
  validation: new Int32Array(),
  classNames: ["a", "b"],
  featureNames: ["x"],
  imageShape: null,
});

/** A view with a kernel behind it that hears final values, and may set values itself. */
class FakeView implements Member {
  readonly values = new Map<string, unknown>();
  readonly kernel = new Map<string, unknown>();
  accepted = 0;
  leave: () => void = () => {};

  constructor(
    readonly stream: string,
    readonly data: Dataset | null = dataset(0),
    readonly keys = ["temperature", "selection", "step", "pair", "hover"],
  ) {}
  dataset = () => this.data;
  has = (key: string) => this.keys.includes(key);
  get = (key: string) => this.values.get(key) ?? null;
  accept(key: string, value: unknown, how: How): void {
    this.accepted++;
    this.values.set(key, value);
    if (how === "final") this.kernel.set(key, value);
  }
  set(group: Group, key: string, value: unknown, how: How = "final"): void {
    this.values.set(key, value);
    if (how === "final") this.kernel.set(key, value);
    group.tell(this, key, value, how);
  }
}

describe("linked views", () => {
  it("take over what one of them shows; the kernel hears of it on release only", () => {
    const group = new Group();
    const [a, b] = [new FakeView("s"), new FakeView("s")];
    group.join(a);
    group.join(b);
    a.set(group, "temperature", 2, "live");
    expect(b.get("temperature")).toBe(2);
    expect(b.kernel.has("temperature")).toBe(false);
    a.set(group, "temperature", 2);
    expect(b.kernel.get("temperature")).toBe(2);
  });

  it("give a newcomer the values of the group, and keep none of one that left", () => {
    const group = new Group();
    const [a, b, c] = [new FakeView("s"), new FakeView("s"), new FakeView("s")];
    a.values.set("temperature", 3);
    const leave = group.join(a);
    group.join(b);
    expect(b.get("temperature")).toBe(3);
    leave();
    a.set(group, "temperature", 9);
    expect(b.get("temperature")).toBe(3);
    b.set(group, "selection", Int32Array.of(1));
    group.join(c);
    expect([c.get("temperature"), c.get("selection")]).toEqual([3, Int32Array.of(1)]);
    expect(group.size).toBe(2);
  });

  it("of different sources share temperature, of equal classes the pair, of equal samples the selection", () => {
    const group = new Group();
    const a = new FakeView("s");
    const same = new FakeView("t", dataset(0));
    const other = new FakeView("u", dataset(1));
    const foreign = new FakeView("v", { ...dataset(1), classNames: ["x", "y"] });
    const empty = new FakeView("w", null);
    for (const v of [a, same, other, foreign, empty]) group.join(v);
    a.set(group, "temperature", 2);
    a.set(group, "pair", [0, 1]);
    a.set(group, "selection", Int32Array.of(2));
    a.set(group, "step", 5);
    const shown = (v: FakeView) =>
      ["temperature", "pair", "selection", "step"].filter((k) => v.get(k) !== null);
    expect(shown(same)).toEqual(["temperature", "pair", "selection"]);
    expect(shown(other)).toEqual(["temperature", "pair"]);
    expect(shown(foreign)).toEqual(["temperature"]);
    expect(shown(empty)).toEqual(["temperature"]);
  });

  it("leave alone the keys a view has not", () => {
    const group = new Group();
    const [a, b] = [new FakeView("s"), new FakeView("s", dataset(0), ["temperature"])];
    group.join(a);
    group.join(b);
    a.set(group, "step", 3);
    expect(b.get("step")).toBeNull();
  });

  it("agree after any order of joining, leaving and setting, and no value goes round twice", () => {
    const action = fc.record({
      who: fc.integer({ min: 0, max: 4 }),
      what: fc.constantFrom("join", "leave", "live", "final"),
      key: fc.constantFrom("temperature", "selection", "pair", "hover"),
      value: fc.integer({ min: 0, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const group = new Group();
        const views = Array.from({ length: 5 }, () => new FakeView("s"));
        const inside = new Set<FakeView>();
        for (const { who, what, key, value } of actions) {
          const view = views[who]!;
          const before = views.map((v) => v.accepted);
          if (what === "join" && !inside.has(view)) {
            view.leave = group.join(view);
            inside.add(view);
          } else if (what === "leave") {
            view.leave();
            inside.delete(view);
          } else if (what === "live" || what === "final") {
            const given =
              key === "selection" ? Int32Array.of(value) : key === "pair" ? [value, value + 1] : value;
            if (inside.has(view)) {
              view.set(group, key, given, what);
              views.forEach((v, i) => {
                expect(v.accepted - before[i]!).toBeLessThanOrEqual(inside.has(v) && v !== view ? 1 : 0);
                if (inside.has(v)) expect(sameValue(v.get(key), given)).toBe(true);
                if (inside.has(v) && what === "final") expect(sameValue(v.kernel.get(key), given)).toBe(true);
              });
            } else view.values.set(key, given);
          }
          const [first, ...others] = [...inside];
          for (const other of others)
            for (const k of ["temperature", "selection", "pair", "hover"])
              expect(sameValue(other.get(k), first!.get(k))).toBe(true);
        }
      }),
    );
  });
});
