// @vitest-environment jsdom
/** The views of samples from outside and of per-sample temperatures: what they say, select and ask. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { mountOod } from "../src/views/ood";
import { mountTemperatures } from "../src/views/temperatures";
import { drawFrames } from "./dom";
import { bytes, openView as open, lineSession as session } from "./line";

beforeEach(() => vi.spyOn(console, "error").mockImplementation(() => {}));
afterEach(() => {
  expect(console.error).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("the OOD view", () => {
  it("scores made samples in the page and follows score, set, threshold and temperature", () => {
    const { said, store, sent, stop } = open(mountOod, session(true));
    expect(said()).toMatch(
      /AUROC 0\.\d{4}: max softmax tells 4 validation samples from 300 points of uniform noise/,
    );
    expect(said()).toContain("keeps 100.0 %");
    const before = said();
    store.set("temperature", 3);
    expect(said()).toContain("at T = 3");
    expect(said()).not.toBe(before);
    store.set("detector", "energy");
    store.set("outside", "gaussian");
    expect(said()).toMatch(/energy at T = 3 tells 4 validation samples from 4 samples with Gaussian noise/);
    store.set("strength", 0); // the samples themselves
    expect(said()).toContain("AUROC 0.5000");
    store.set("kept", 0.5);
    expect(said()).toContain("keeps 50.0 %");
    expect(said()).toContain("2 of the data's own are called out");
    store.set("detector", "knn");
    expect(said()).toContain("nearest neighbours tells");
    expect(sent).toEqual([]);
    stop();
  });

  it("selects the validation samples below the threshold, and lets them go", () => {
    const { button, store, stop } = open(mountOod, session(true), { kept: 0.75, detector: "max_logit" });
    button("Select those called out").click();
    expect([...store.get<Int32Array>("selection")]).toEqual([4]); // max logit 2, the least of 2, 3, 2.4, 2.5
    button("Select those called out").click();
    expect(store.get("selection")).toBeNull();
    stop();
  });

  it("asks the kernel about a network that it cannot run, once, and says so", () => {
    const from = session(false);
    const { said, sent, root, store, stop } = open(mountOod, from, { outside: "uniform" });
    const question = { outside: "uniform", strength: 1, detector: "", step: 7, member: null };
    expect(sent).toEqual([{ kind: "ood", ...question }]);
    expect(said()).toContain("The kernel computes the scores");
    from.receive({ kind: "ood_answer", run_id: "r", question, why: "" }, [
      bytes(Float32Array.from({ length: 600 }, (_, i) => i % 2)),
      bytes(new Float64Array(0)),
      bytes(new Float64Array(0)),
    ]);
    expect(said()).toMatch(/AUROC 1\.0000.*Computed by the kernel/);
    store.set("temperature", 2); // the logits are here
    expect(said()).toContain("at T = 2");
    expect(sent.length).toBe(1);
    store.set("detector", "knn");
    drawFrames();
    expect(sent.length).toBe(2);
    from.receive(
      {
        kind: "ood_answer",
        run_id: "r",
        question: { ...question, detector: "knn" },
        why: "it has no features",
      },
      [bytes(new Float32Array(600)), bytes(new Float64Array(0)), bytes(new Float64Array(0))],
    );
    expect(said()).toBe("it has no features");
    expect(root.querySelector(".clsviz-notice")!.textContent).toContain("it has no features");
    stop();
  });

  it("offers the user's own samples first", () => {
    const from = session(true);
    const own = { kind: "ood_own", run_id: "r", items: [{ name: "mine", m: 3, of: 900 }] };
    from.receive(own, [bytes(Float32Array.from([0, 0.1, -0.1]))]);
    const { said, root, stop } = open(mountOod, from);
    expect(said()).toContain("from 3 of 900 samples of mine");
    expect(said()).toContain("AUROC 1.0000");
    const sets = root.querySelectorAll("select")[1]!;
    expect([...sets.querySelectorAll("option")].map((o) => o.value)).toEqual(["mine", "uniform", "gaussian"]);
    stop();
  });

  it("says what is missing: no such set, nothing from outside", () => {
    const unknown = open(mountOod, session(true), { outside: "nowhere" });
    expect(unknown.root.querySelector(".clsviz-notice")!.textContent).toContain(
      "There is no set called nowhere",
    );
    unknown.stop();
    const alone = open(mountOod, session(false, 0));
    expect(alone.root.querySelector(".clsviz-notice")!.textContent).toContain("predictions alone");
    alone.stop();
  });
});

describe("the temperature view", () => {
  it("says temperatures of right, wrong and mislabelled samples and what they are worth", () => {
    const { said, store, sent, stop } = open(mountTemperatures, session(true), { part: "training" });
    expect(said()).toMatch(
      /Mean T \d\.\d{4} of 6 training samples, ρ = 0\.35 nats \(right ones .*mislabelled ones/,
    );
    const before = said();
    store.set("rho", 0.1);
    expect(said()).toContain("ρ = 0.10 nats");
    expect(said()).not.toBe(before);
    store.set("part", "validation");
    expect(said()).toContain("of 4 validation samples");
    expect(sent).toEqual([]);
    stop();
  });

  it("shows the hottest samples, marks one and selects the hottest", () => {
    const { root, store, button, stop } = open(mountTemperatures, session(true));
    const tiles = [...root.querySelectorAll<HTMLButtonElement>(".clsviz-hottest button")];
    expect(tiles[0]!.getAttribute("aria-label")).toMatch(/^Sample 5, class a as b, mislabelled, T \d/); // logit 3
    tiles[1]!.click();
    expect([6, 7]).toContain(store.get("marked"));
    button("Select the hottest 5 %").click();
    expect([...store.get<Int32Array>("selection")]).toEqual([5]);
    stop();
  });

  it("lets the kernel learn temperatures, and says where a model has none", () => {
    const from = session(true);
    const { said, sent, store, root, stop } = open(mountTemperatures, from, { by: "tempnet" });
    const question = { by: "tempnet", step: 7, member: null, part: "validation", most: 4000 };
    expect(sent).toEqual([{ kind: "temperatures", ...question }]);
    expect(said()).toContain("The kernel learns");
    from.receive({ kind: "temperatures_answer", run_id: "r", question, why: "" }, [
      bytes(Float64Array.from([1, 2, 3, 4])),
      bytes(new Float64Array(0)),
    ]);
    expect(said()).toMatch(/Mean T 2\.5000 .*TempNet, learnt.*five folds/);
    store.set("by", "model");
    drawFrames();
    from.receive(
      {
        kind: "temperatures_answer",
        run_id: "r",
        question: { ...question, by: "model" },
        why: "it gives none",
      },
      [bytes(new Float64Array(0)), bytes(new Float64Array(0))],
    );
    expect(said()).toBe("it gives none");
    expect(root.querySelector(".clsviz-notice")!.textContent).toContain("it gives none");
    store.set("by", "ball");
    expect(said()).toContain("nats");
    expect(root.querySelector<HTMLElement>(".clsviz-notice")!.hidden).toBe(true);
    stop();
  });

  it("multiplies a model's own temperatures back before one is fitted", () => {
    const from = session(true);
    const { said, stop } = open(mountTemperatures, from, { by: "model" });
    const question = { by: "model", step: 7, member: null, part: "validation", most: 4000 };
    const tau = bytes(Float64Array.from([0.5, 0.5, 0.5, 0.5]));
    from.receive({ kind: "temperatures_answer", run_id: "r", question, why: "" }, [tau, tau]);
    const own = said().match(/With them NLL (\d\.\d+)/)![1];
    const ball = open(mountTemperatures, session(true));
    const trained = ball.said().match(/at T = 1 (\d\.\d+)/)![1];
    expect(own).toBe(trained); // softmax of the logits as they came
    stop();
    ball.stop();
  });
});
