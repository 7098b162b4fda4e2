// @vitest-environment jsdom
/** The robustness view: what it says, selects and attacks, and why there is less of it for some models. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Message, Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { mountRobustness } from "../src/views/robustness";
import { drawFrames, openPage } from "./dom";

const bytes = (array: ArrayBufferView): DataView =>
  new DataView(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

const X = [-3, -2, -1, 1, 2, 3, -2.4, 2.5];
const GIVEN = [0, 0, 0, 1, 1, 0, 0, 1];

/** A linear network on a line (or logits alone); the last four samples, 2, 3, -2.4, 2.5, are for validation. */
function session(runs: boolean, d = 1): Session {
  const session = new Session();
  const n = X.length;
  session.receive(
    {
      kind: "run",
      dataset: { name: "toy", n, d, k: 2, class_names: ["a", "b"], feature_names: ["x"], image_shape: null },
      network: runs ? { kind: "linear", sizes: [1, 2] } : null,
      run: {
        id: "r",
        state: "paused",
        message: "",
        epochs: 1,
        experiment: null,
        trainable: true,
        changeable: true,
      },
    },
    [
      bytes(Float32Array.from(d ? X : [])),
      bytes(Int32Array.from(GIVEN)),
      bytes(Int32Array.from(GIVEN)),
      bytes(Int32Array.from([0, 1, 2, 3, 4, 5])),
      bytes(Int32Array.from([4, 5, 6, 7])),
    ],
  );
  const theta = Float32Array.from([-1, 1, 0, 0]); // logits -x and x: the boundary is at 0
  const logits = Float32Array.from(X.flatMap((x) => [-x, x]));
  session.receive({ kind: "snapshots", run_id: "r", items: [{ step: 7, epoch: 1, metrics: {} }] }, [
    bytes(runs ? theta : logits),
  ]);
  return session;
}

function open(from: Session, state: Record<string, unknown> = {}) {
  const root = openPage();
  const store = new MemoryStore({ temperature: 1, ...state });
  const sent: Message[] = [];
  from.send = (message) => sent.push(message);
  const close = mountRobustness(root, { session: from, store });
  drawFrames();
  const said = () => {
    drawFrames();
    return root.querySelector('[role="status"]')!.textContent!;
  };
  const knob = (name: string) => root.querySelector<HTMLInputElement>(`input[aria-label="${name}"]`)!;
  const button = (name: string) => [...root.querySelectorAll("button")].find((b) => b.textContent === name)!;
  const stop = () => {
    drawFrames();
    close();
  };
  return { root, store, sent, said, knob, button, stop };
}

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
