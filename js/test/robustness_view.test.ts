// @vitest-environment jsdom
/** The robustness view: what it says, selects and attacks, and why there is less of it for some models. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Session } from "../src/core/session";
import { mountRobustness } from "../src/views/robustness";
import { openView, lineSession as session } from "./line";

const open = (from: Session, state?: Record<string, unknown>) => openView(mountRobustness, from, state);

beforeEach(() => vi.spyOn(console, "error").mockImplementation(() => {}));
afterEach(() => {
  expect(console.error).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("the robustness view", () => {
  it("says margins of the logits and the share below the threshold, at the temperature", () => {
    const { said, store, sent, stop } = open(session(true)); // margins 4, -6, 4.8, 5
    expect(said()).toContain("25.0 % of 4 validation samples have a logit margin below 0.0000 nats");
    expect(said()).toContain("the median is 4.4000, 1 are wrong");
    store.set("threshold", 4.9);
    expect(said()).toContain("75.0 % of 4 validation samples have a logit margin below 4.9000 nats");
    store.set("temperature", 2);
    expect(said()).toContain("100.0 % of 4 validation samples have a logit margin at T = 2 below");
    store.set("target_class", 1);
    expect(said()).toContain("of 2 validation samples of class b");
    expect(sent).toEqual([]);
    stop();
  });

  it("attacks in the page: distances, accuracy within the radius, and a copy of the marked sample", () => {
    const { said, store, sent, stop } = open(session(true), { margin: "distance", radius: 2.2 });
    // distances 2, -3, 2.4, 2.5
    expect(said()).toContain(
      "have a distance to the boundary below 0.0000; the median is 2.2000, 1 are wrong",
    );
    expect(said()).toContain(
      "Within radius 2.20 exactly 0.5000 stay right (of 4 samples); FGSM of that length, 2.20 in each feature, leaves 0.5000",
    );
    store.set("marked", 4); // at 2: its copy at -0.2
    expect(said()).toMatch(
      /Sample 4, class b, is called b \(0\.98\), its copy a \(0\.60\); boundary at 2\.0000/,
    );
    store.set("radius", 0);
    expect(said()).toContain("exactly 0.7500 stay right");
    store.set("temperature", 5); // moves no boundary
    expect(said()).toContain("the median is 2.2000");
    expect(sent).toEqual([]);
    stop();
  });

  it("selects the samples below the threshold, and lets them go", () => {
    const { button, store, stop } = open(session(true), { margin: "distance", threshold: 2.1 });
    button("Select those below").click();
    expect([...store.get<Int32Array>("selection")]).toEqual([4, 5]);
    button("Select those below").click();
    expect(store.get("selection")).toBeNull();
    stop();
  });

  it("has logit margins alone of a model that it cannot run, and says why", () => {
    for (const [d, why] of [
      [1, "cannot run this model"],
      [0, "predictions alone"],
    ] as const) {
      const { said, knob, root, stop } = open(session(false, d), { margin: "distance" });
      expect(said()).toContain("have a logit margin below");
      expect(said()).toContain(why);
      expect(knob("Radius").disabled).toBe(true);
      expect(root.querySelector("select")!.disabled).toBe(true);
      stop();
    }
  });

  it("keeps its sliders while their values move, and has others for another unit", () => {
    const { knob, store, said, stop } = open(session(true));
    said();
    const [threshold, radius] = [knob("Margin below"), knob("Radius")];
    store.set("threshold", 3);
    store.set("radius", 0.5);
    said();
    expect(knob("Margin below")).toBe(threshold);
    expect(knob("Radius")).toBe(radius);
    expect(Number(threshold.max)).toBe(10);
    store.set("margin", "distance");
    said();
    expect(knob("Margin below").max).toBe(radius.max);
    stop();
  });

  it("lists samples from the least margin on behind its dots", () => {
    const { root, stop, said } = open(session(true), { margin: "distance" });
    said();
    root.querySelector<HTMLButtonElement>('button[title="Show the numbers as a table"]')!.click();
    const rows = [...root.querySelectorAll("tbody tr")].map((tr) => tr.textContent);
    expect(rows.length).toBe(4);
    expect(rows[0]).toMatch(/^5ab/); // sample 5, labelled a, called b
    expect(rows[0]).toContain("3.0000");
    stop();
  });
});
