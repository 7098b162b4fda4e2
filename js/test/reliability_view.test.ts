// @vitest-environment jsdom
/** The reliability view in a page: what it asks of the kernel, what it says, what the keys do. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Message, Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { mountReliability } from "../src/views/reliability";
import { drawFrames, openPage } from "./dom";

const bytes = (array: ArrayLike<number> & ArrayBufferView): DataView =>
  new DataView(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

/** Logits of 4 samples of 2 classes; the last guess is wrong. */
const LOGITS = [2, 0, 0, 3, 1, 0, 0, 1];
const LABELS = [0, 1, 0, 0];
const CATALOGUE = { calibrator: ["beta", "platt"].map((name) => ({ name, title: `The ${name}` })) };

function trained(state = "paused"): Session {
  const session = new Session();
  const rows = bytes(Int32Array.from([0, 1, 2, 3]));
  const labels = bytes(Int32Array.from(LABELS));
  session.receive(
    {
      kind: "run",
      dataset: {
        name: "toy",
        n: 4,
        d: 0,
        k: 2,
        class_names: ["a", "b"],
        feature_names: [],
        image_shape: null,
      },
      network: null,
      run: { id: "r", state, message: "", epochs: 3, experiment: null, trainable: true },
    },
    [bytes(new Float32Array(0)), labels, labels, rows, rows],
  );
  session.receive({ kind: "snapshots", run_id: "r", items: [{ step: 3, epoch: 1, metrics: {} }] }, [
    bytes(Float32Array.from(LOGITS)),
  ]);
  return session;
}

function answer(session: Session, name: string, p: number[], why = ""): void {
  const header = { kind: "calibrated", run_id: "r", name, step: 3, member: null, folds: 5, why };
  session.receive(header, why ? [] : [bytes(Float64Array.from(p))]);
}

function open(session: Session, state: Record<string, unknown> = {}) {
  const root = openPage();
  const store = new MemoryStore({ catalogue: CATALOGUE, temperature: 1, ...state });
  const sent: Message[] = [];
  session.send = (message) => sent.push(message);
  stops.push(mountReliability(root, { session, store }));
  const said = () => {
    drawFrames();
    return root.querySelector("[role=status]")!.textContent!;
  };
  const canvas = root.querySelector("canvas")!;
  const press = (...keys: string[]) => {
    for (const key of keys) {
      canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      drawFrames();
    }
    return canvas.getAttribute("aria-valuetext");
  };
  said();
  return { root, store, sent, said, press };
}

const asked = (sent: Message[]) => sent.map((m) => (m.kind === "cancel" ? `cancel ${m.task}` : m.name));
const SURE = [1, 0, 0, 1, 1, 0, 1, 0]; // right and sure of all four

let stops: (() => void)[] = [];
beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  for (const stop of stops) stop();
  stops = [];
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("asks for a calibrator once, says that it is fitted, and shows what it made of the network", () => {
  const session = trained();
  const { store, sent, said } = open(session, { calibrator: "beta" });
  expect(said()).toContain("The beta: being fitted");
  store.set("n_bins", 7);
  said();
  expect(asked(sent)).toEqual(["beta"]);
  answer(session, "beta", SURE);
  expect(said()).toMatch(
    /^Before \(T = 1\.00\) ECE 0\.\d{4}; after \(The beta, 5-fold, out of fold\) ECE 0\.0000/,
  );
  store.set("temperature", 3); // acts on what is before
  expect(said()).toMatch(/^Before \(T = 3\.00\).*ECE 0\.0000/);
  expect(asked(sent)).toEqual(["beta"]);
});

it("another calibrator does not wait for the one on its way, and none cancels it", () => {
  const { store, sent, said } = open(trained(), { calibrator: "beta" });
  store.set("calibrator", "platt");
  said();
  store.set("calibrator", "");
  expect(said()).toMatch(/^ECE/);
  expect(asked(sent)).toEqual(["beta", "platt", "cancel calibrator"]);
});

it("says why there is no answer: what the kernel said, training, no kernel", () => {
  const session = trained();
  const { said, store, root } = open(session, { calibrator: "beta" });
  answer(session, "beta", [], "a class is missing");
  expect(said()).toContain("The beta: a class is missing");
  session.setAlive(false);
  store.set("calibrator", "platt");
  expect(said()).toContain("only the kernel fits calibrators");
  const [, beta, platt] = root.querySelectorAll<HTMLOptionElement>("select[aria-label=Calibrate] option");
  expect([beta!.disabled, platt!.disabled]).toEqual([false, true]); // what was answered is here

  const busy = open(trained("running"), { calibrator: "beta" });
  expect(busy.said()).toContain("fitted when training rests");
  expect(busy.sent).toEqual([]);
});

it("asks again for what failed when it is chosen again", () => {
  const session = trained();
  const { store, sent, said } = open(session, { calibrator: "beta" });
  session.receive({ kind: "error", where: "calibrator", message: "the kernel stumbled" }, []);
  store.set("n_bins", 3);
  expect(said()).toContain("The beta: no answer");
  store.set("calibrator", "");
  said();
  store.set("calibrator", "beta");
  expect(said()).toContain("being fitted");
  expect(asked(sent)).toEqual(["beta", "cancel calibrator", "beta"]);
});

it("answers of another run, or of the wrong size, are not taken", () => {
  const session = trained();
  answer(session, "beta", [1, 0]);
  expect(session.error?.message).toContain("2 probabilities for 4 samples");
  session.receive({ kind: "calibrated", run_id: "other", name: "beta", step: 3, folds: 5, why: "" }, []);
  session.receive({ kind: "branch", step: 2 }, []);
  expect(session.calibrated.size).toBe(0);
});

it("what moved: nothing at T = 1, then the guesses that changed, and its bars select samples", () => {
  const session = trained();
  const { said, store, press } = open(session, { picture: "moved" });
  expect(said()).toContain("Nothing has moved yet");
  store.set("temperature", 2);
  expect(said()).toContain("no guess changed");
  answer(session, "beta", SURE);
  store.set("calibrator", "beta");
  expect(said()).toContain("1 of 4 guesses changed: 1 became right, 0 wrong");
  expect(press("End")).toMatch(/right, \d wrong before/);
  press("Enter");
  expect((store.get<Int32Array>("selection") ?? []).length).toBeGreaterThan(0);
});

it("risk and coverage: Enter sets the threshold so that just these answers are kept", () => {
  const { press, store, said } = open(trained(), { picture: "risk_coverage" });
  expect(said()).toMatch(/^AURC 0\.1042/); // mean of 0, 0, 1/6 and 1/4: the last two are tied, one is wrong
  press("Home", "Enter");
  expect(said()).toContain("keeps 25.0");
  press("End", "Enter");
  expect(store.get("threshold")).toBe(0);
});

it("a class of the small multiples is looked at alone", () => {
  const { press, store, said } = open(trained(), { picture: "classes" });
  expect(said()).toContain("ECE of each class's probability: mean");
  expect(press("Home", "ArrowRight")).toContain("class b");
  press("Enter");
  expect(["mode", "target_class", "picture"].map((key) => store.get(key))).toEqual([
    "per_class",
    1,
    "diagram",
  ]);
});

it("the table of measures has a row for each, with its convention", () => {
  const { root, store } = open(trained(), { measures: ["accuracy", "brier", "nope"] });
  const rows = () => [...root.querySelectorAll("tr[data-measure]")];
  [...root.querySelectorAll("button")].find((b) => b.textContent === "Measures")!.click();
  drawFrames();
  expect(rows().map((r) => r.querySelector("td")!.textContent)).toEqual(["0.3116", "0.7500"]);
  expect(rows()[0]!.textContent).toContain("summed: 0 to 2");
  const box = [...root.querySelectorAll("label")]
    .find((l) => l.textContent === "AURC")!
    .querySelector("input")!;
  box.click();
  expect(store.get("measures")).toEqual(["brier", "aurc", "accuracy"]);
});
