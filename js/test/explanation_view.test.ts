// @vitest-environment jsdom
/** The explanation view: what it says, what it asks the kernel, and why there is less of it for some models. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Snapshot } from "../src/core/session";
import { Session } from "../src/core/session";
import { shownAt } from "../src/core/shown";
import { mountExplanation } from "../src/views/explanation";
import { earlierOf, pastOf } from "../src/views/explanation/past";
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

  it("compares the attribution with those of other epochs, the one before in words", () => {
    const from = session(true);
    const { root, said, store, stop } = open(from, { target_class: 1 });
    const strip = root.querySelector<HTMLElement>(".clsviz-past")!;
    expect(strip.hidden).toBe(true); // a single moment
    const later = Float32Array.from([1, 0, -1, 1, 0, 0.5]);
    const items = [8, 9, 10].map((step) => ({ step, epoch: (step - 5) / 2, metrics: {} }));
    from.receive({ kind: "snapshots", run_id: "r", items }, Array(3).fill(bytes(later)));
    // of sample (1, 2) the weights for b are (0, 1) at epoch 1, 1.5 the later ones (-1, 1): terms (0, 2), (-1, 2)
    const cosine = 4 / Math.sqrt(4 * 5);
    expect(said()).toContain("With its own map at epoch 1.5: 100 % of the top 2 in common");
    expect(said()).toContain("rank correlation 1.0000, cosine 1.0000");
    expect(strip.hidden).toBe(false);
    store.set("step", 9);
    expect(said()).toContain(`With its own map at epoch 1: 100 % of the top 2 in common`);
    expect(said()).toContain(`cosine ${cosine.toFixed(4)}.`);
    store.set("step", 7);
    expect(said()).not.toContain("its own map"); // nothing was recorded before
    expect(strip.hidden).toBe(false);
    stop();
  });

  it("takes the last moment an epoch before; within the first epoch the first", () => {
    const line = [0, 1, 2, 10, 20, 30].map((step) => ({ step, epoch: step / 10 }) as Snapshot);
    const before = [30, 20, 10, 2, 1, 0].map((step) => earlierOf(line, line.find((s) => s.step === step)!));
    expect(before.map((s) => s?.step ?? null)).toEqual([20, 10, 0, 0, 0, null]);
  });

  it("reckons many epochs over several frames, and shows at most forty and the one before", () => {
    const from = session(true);
    const items = Array.from({ length: 200 }, (_, i) => ({ step: 8 + i, epoch: 2 + i, metrics: {} }));
    from.receive(
      { kind: "snapshots", run_id: "r", items },
      items.map(({ epoch }) => bytes(Float32Array.from([1, 0, 1 / epoch, 1, 0, 0.5]))),
    );
    const at = shownAt(from, from.at(107)!)!;
    const asked = { sample: 0, method: "gradient", target: 1, baseline: "zero" } as const;
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (now += 5));
    const reckon = () => pastOf(from, at, from.dataset!, asked, [0, 1])!;
    const first = reckon();
    expect(first.complete).toBe(false);
    expect(first.earlier).toMatchObject({ epoch: 100 });
    let past = first;
    for (let i = 0; i < 100 && !past.complete; i++) past = reckon();
    expect(past.complete).toBe(true);
    expect(past.moments.length).toBeGreaterThan(first.moments.length);
    expect(past.moments.length).toBeLessThanOrEqual(42);
    expect(past.moments.map((m) => m.epoch)).toEqual(expect.arrayContaining([1, 100, 101, 201]));
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
        {
          kind: "explanation_answer",
          run_id: "r",
          question,
          error: "",
          gap: null,
          steady: null,
          earlier: { epoch: 0.5, agreed: { topk: 0.5, spearman: null, kendall: null, cosine: 0.25 } },
          ...header,
        },
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
    expect(said()).toContain(
      "its own map at epoch 0.5: 50 % of the top 2 in common, rank correlation undefined, cosine 0.2500",
    );
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
