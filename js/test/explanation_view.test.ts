// @vitest-environment jsdom
/** The explanation view: what it says, what it asks the kernel, and why there is less of it for some models. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Session } from "../src/core/session";
import { mountExplanation } from "../src/views/explanation";
import { bytes, openView } from "./line";

const X = [1, 2, -1, 3, 2, -2];
const LABELS = [0, 1, 0];

/** A linear network of two features (or logits alone): z = (x0, x1 + 0.5). */
function session(runs: boolean, d = 2): Session {
  const session = new Session();
  session.receive(
    {
      kind: "run",
      dataset: {
        name: "toy",
        n: 3,
        d,
        k: 2,
        class_names: ["a", "b"],
        feature_names: ["first", "second"],
        image_shape: null,
      },
      all_rows: true,
      network: runs ? { kind: "linear", sizes: [2, 2] } : null,
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
      bytes(Int32Array.from(LABELS)),
      bytes(Int32Array.from(LABELS)),
      bytes(new Int32Array(0)),
      bytes(new Int32Array(0)),
    ],
  );
  const theta = Float32Array.from([1, 0, 0, 1, 0, 0.5]);
  const logits = Float32Array.from([1, 2.5, -1, 3.5, 2, -1.5]);
  session.receive({ kind: "snapshots", run_id: "r", items: [{ step: 7, epoch: 1, metrics: {} }] }, [
    bytes(runs ? theta : logits),
  ]);
  return session;
}

function open(from: Session, state: Record<string, unknown> = {}) {
  const opened = openView(mountExplanation, from, { marked: 0, ...state });
  const table = () => {
    opened.root.querySelector<HTMLButtonElement>('button[title="Show the numbers as a table"]')!.click();
    return [...opened.root.querySelectorAll("tbody tr")].map((tr) =>
      [...tr.querySelectorAll("td")].map((td) => td.textContent),
    );
  };
  return { ...opened, table };
}

beforeEach(() => vi.spyOn(console, "error").mockImplementation(() => {}));
afterEach(() => {
  expect(console.error).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("the explanation view", () => {
  it("says the map, its bias and the areas, without the kernel", () => {
    const { said, store, sent, table, stop } = open(session(true)); // sample (1, 2): logits 1 and 2.5
    expect(said()).toContain("Sample 0, class a, is called b (82 %)");
    expect(said()).toContain("gives exactly the logits (largest difference 0)");
    expect(said()).toContain("Of its logit 2.5000 the bias b has 0.5000");
    // the second feature speaks for b with 2, the first not at all
    expect(table().map((row) => [row[0], row[1], row[5]])).toEqual([
      ["second", "2", "2"],
      ["first", "1", "0"],
    ]);
    // deletion: logits (1, 2.5), (1, 0.5), (0, 0.5)
    const p = [1.5, -0.5, 0.5].map((v) => 1 / (1 + Math.exp(-v)));
    expect(said()).toContain(`Area under deletion ${(p[0]! / 4 + p[1]! / 2 + p[2]! / 4).toFixed(4)}`);
    store.set("temperature", 3);
    expect(said()).toContain("at T = 3");
    store.set("method", "integrated_gradients");
    expect(said()).toMatch(/miss what the logit gains from the baseline by −?0\.0000/);
    store.set("pinned", { step: 7 });
    expect(said()).toContain("100 % of the top 2 in common, rank correlation 1.0000, cosine 1.0000");
    expect(sent).toEqual([]);
    stop();
  });

  it("walks through the samples, the worst first", () => {
    const { root, store, stop } = open(session(true));
    [...root.querySelectorAll("button")].find((b) => b.textContent === "Next")!.click();
    expect(store.get("marked")).not.toBe(0);
    stop();
  });

  it("asks the kernel about a network that it cannot run, once, and says what came", () => {
    const from = session(false);
    const { said, sent, store, stop } = open(from, { method: "gradient", baseline: "mean" });
    expect(said()).toContain("The kernel explains this sample");
    const question = { sample: 0, method: "gradient", target: 1, baseline: "mean", step: 7, member: null };
    expect(sent).toEqual([{ kind: "explanation", ...question }]);
    const answer = (header: object, arrays: number[][]) =>
      from.receive(
        { kind: "explanation_answer", run_id: "r", question, error: "", gap: null, steady: null, ...header },
        arrays.map((a) => bytes(Float64Array.from(a))),
      );
    const walk = [1, 2.5, 1, 0.5, 0, 0.5];
    answer({ method: "occlusion", why: "this model has no gradient: only occlusion" }, [
      [1, 2.5],
      [],
      [],
      [0, 2],
      walk,
      walk,
      walk,
      walk,
    ]);
    expect(said()).toContain("It has no gradient: only occlusion");
    expect(said()).toContain("Computed by the kernel");
    store.set("temperature", 2); // needs no other answer
    expect(said()).toContain("at T = 2");
    expect(sent.length).toBe(1);
    answer({ error: "it broke" }, []);
    expect(said()).toContain("it broke");
    stop();
  });

  it("has nothing to explain of predictions alone", () => {
    const { root, stop } = open(session(false, 0));
    expect(root.textContent).toContain("Nothing to explain");
    stop();
  });
});
