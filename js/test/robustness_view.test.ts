// @vitest-environment jsdom
/** The robustness view: what it says, selects and attacks, and why there is less of it for some models. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { samplesBy } from "../src/core/criteria";
import type { Session } from "../src/core/session";
import { shown } from "../src/core/shown";
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
    expect(said()).toContain("25.0 % of 4 validation samples have a logit margin below 0 nats");
    expect(said()).toContain("the median is 4.4, 1 are wrong");
    store.set("threshold", 4.9);
    expect(said()).toContain("75.0 % of 4 validation samples have a logit margin below 4.9 nats");
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
    expect(said()).toContain("have a distance to the boundary below 0; the median is 2.2, 1 are wrong");
    expect(said()).toContain(
      "Within radius 2.2 exactly 50.00 % stay right (of 4 samples); FGSM of that length, 2.2 in each feature, leaves 50.00 %",
    );
    store.set("marked", 4); // at 2: its copy at -0.2
    expect(said()).toMatch(
      /Sample 4, class b, is called b \(98 %\), its copy a \(60 %\); boundary at 2\.0000/,
    );
    store.set("radius", 0);
    expect(said()).toContain("exactly 75.00 % stay right");
    store.set("temperature", 5); // moves no boundary
    expect(said()).toContain("the median is 2.2,");
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

  it("certifies a part of what it attacks, and says how", () => {
    const { said, store, stop } = open(session(true, 1, true), { margin: "distance", radius: 1.1 });
    // distances 2, -3, 2.4, 2.5; certified half of them: the layers stretch by at most sqrt(2) and 2
    expect(said()).toContain(
      "Within radius 1.1 at most 75.00 % stay right (upper bound by DeepFool on 4 samples), certainly (Lipschitz constant ≤ 2.83) at least 50.00 % do; FGSM",
    );
    store.set("marked", 4);
    expect(said()).toContain("boundary at 2.0400, none within 1.0000."); // overshot by 2 %
    store.set("distance_by", "line");
    expect(said()).toContain(
      "upper bound by a walk towards the nearest sample called otherwise on 4 samples",
    );
    expect(said()).toContain("boundary at 2.0000, none within 1.0000.");
    store.set("distance_by", "pgd");
    store.set("radius", 1);
    expect(said()).toContain("upper bound by PGD on 4 samples");
    expect(said()).toMatch(/boundary at 2\.000\d/);
    stop();
  });

  it("knows of a linear network what a search should have found", () => {
    const { said, stop } = open(session(true), { radius: 2.2, distance_by: "line" });
    expect(said()).toMatch(
      /at most 50\.00 % stay right \(.*\), in truth \(a linear network's boundaries are known\) 50\.00 % do;/,
    );
    stop();
  });

  it("selects by margins of probabilities just what the lab's own criterion selects", () => {
    const from = session(true);
    for (const value of [-0.5, 0, 0.97, 0.99]) {
      const { button, said, store, stop } = open(from, {
        margin: "probability",
        threshold: value,
        temperature: 2,
      });
      expect(said()).toContain("a margin of probabilities at T = 2 below");
      button("Select those below").click();
      const at = shown(from, store)!;
      const own = samplesBy(from, at, "validation", { by: "margin_below", value }, 2);
      expect([...(store.get<Int32Array | null>("selection") ?? [])]).toEqual([...own]);
      stop();
    }
  });

  it("lets the threshold be taken by pointer and keys on the histogram", () => {
    const { root, store, said, stop } = open(session(true)); // margins 4, -6, 4.8, 5
    said();
    const canvas = root.querySelector("canvas")!;
    canvas.setPointerCapture = () => {};
    const at = (type: string, x: number) => {
      const event = new MouseEvent(`pointer${type}`, { button: 0 });
      Object.defineProperties(event, { offsetX: { value: x }, offsetY: { value: 100 } });
      canvas.dispatchEvent(event);
    };
    const key = (name: string) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
    key("ArrowUp");
    expect(store.get("threshold")).toBe(0.1);
    key("PageDown");
    expect(store.get("threshold")).toBe(-0.9);
    key("ArrowLeft"); // is of the bins
    expect(store.get("threshold")).toBe(-0.9);
    store.set("threshold", -1000); // stands at the left end, as far as it is drawn
    said();
    let left = 0;
    while (canvas.style.cursor !== "ew-resize" && left < 300) at("move", left++);
    at("down", left);
    at("move", 4000);
    const end = store.get<number>("threshold")!;
    expect(end).toBeGreaterThan(4);
    at("up", 4000);
    expect(store.get("threshold")).toBe(end);
    expect(store.get("selection")).toBeNull(); // the bars did not take it for theirs
    key("ArrowUp");
    expect(store.get("threshold")).toBe(end);
    stop();
  });

  it("lets one stop a long search, and go on", () => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => {
      now += 5; // each look at the clock: few steps fit into a frame
      return now;
    });
    const { said, button, stop } = open(session(true, 1, true), { distance_by: "pgd" });
    const off = () => button("Stop")?.hidden;
    expect(off()).toBe(true);
    for (let i = 0; i < 40 && off(); i++) said();
    expect(said()).toMatch(/on \d samples, \d more to come\)/);
    button("Stop").click();
    const rest = said();
    expect(rest).toMatch(/on \d samples, stopped; \d more to come\)/);
    said();
    expect(said()).toBe(rest);
    button("Go on").click();
    for (let i = 0; i < 200 && said().includes("more to come"); i++);
    expect(said()).toContain("by PGD on 4 samples)");
    expect(off()).toBe(true);
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
      const [margin, method] = root.querySelectorAll("select");
      expect([...margin!.options].filter((o) => o.disabled).map((o) => o.value)).toEqual(["distance"]);
      expect(method!.disabled).toBe(true);
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
