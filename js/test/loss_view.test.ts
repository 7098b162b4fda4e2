// @vitest-environment jsdom
/** The loss view in a page: what it says, what it selects, what it asks of the kernel. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Message, Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { mountLossView } from "../src/views/loss";
import { drawFrames, openPage } from "./dom";

const bytes = (array: ArrayLike<number> & ArrayBufferView): DataView =>
  new DataView(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

const K = 3;
/** Logits of 8 samples; the first 6 are trained on. Sample 2 is wrong, 3 and 4 are mislabelled. */
const LOGITS = [
  [3, 0, 0],
  [0, 2, 0],
  [2, 0, 1],
  [0, 4, 0],
  [0, 0, 1],
  [0, 1, 5],
  [1, 0, 0],
  [0, 1, 0],
];
const GIVEN = [0, 1, 2, 0, 1, 2, 0, 1];
const TRUTH = [0, 1, 2, 1, 2, 2, 0, 1];
const METRICS = { train_memorised: 0.25, train_recovered: 0.5 };

function trained(loss: string, metrics: Record<string, number> = METRICS): Session {
  const session = new Session();
  const n = GIVEN.length;
  session.receive(
    {
      kind: "run",
      dataset: {
        name: "toy",
        n,
        d: 1,
        k: K,
        class_names: ["a", "b", "c"],
        feature_names: ["x"],
        image_shape: null,
      },
      network: null,
      run: {
        id: "r",
        state: "paused",
        message: "",
        epochs: 3,
        experiment: null,
        loss: { name: loss, params: {} },
        trainable: true,
        changeable: true,
      },
    },
    [
      bytes(new Float32Array(n)),
      bytes(Int32Array.from(GIVEN)),
      bytes(Int32Array.from(TRUTH)),
      bytes(Int32Array.from([0, 1, 2, 3, 4, 5])),
      bytes(Int32Array.from([6, 7])),
    ],
  );
  session.receive({ kind: "snapshots", run_id: "r", items: [{ step: 3, epoch: 1, metrics }] }, [
    bytes(Float32Array.from(LOGITS.flat())),
  ]);
  return session;
}

const CATALOGUE = {
  loss: ["cross_entropy", "gce", "elr"].map((name) => ({ name, title: `The ${name}`, params: [] })),
};

function open(session: Session, state: Record<string, unknown> = {}) {
  const root = openPage();
  const against = { name: "cross_entropy", params: {} };
  const store = new MemoryStore({ catalogue: CATALOGUE, temperature: 1, against, ...state });
  const sent: Message[] = [];
  session.send = (message) => sent.push(message);
  const stop = mountLossView(root, { session, store });
  const said = () => {
    drawFrames();
    return root.querySelector("[role=status]")!.textContent!;
  };
  const [main, counts] = root.querySelectorAll("canvas") as unknown as [HTMLElement, HTMLElement];
  const press = (el: HTMLElement, key: string, more = {}) => {
    el.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
    drawFrames();
  };
  said();
  return { root, store, sent, stop, said, main, counts, press };
}

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("says mean loss, whose gradient it is, and what is memorised", () => {
  const { said, store, stop } = open(trained("gce"));
  expect(said()).toContain("The gce: mean loss");
  expect(said()).toContain("on 6 training samples");
  expect(said()).toContain("easy samples (50 % of all)");
  expect(said()).toContain("hard ones (17 %)");
  expect(said()).toContain("mislabelled ones (33 %)");
  expect(said()).toContain("With The cross_entropy");
  expect(said()).toContain("25 % are memorised, 50 % recovered");
  store.set("part", "validation");
  expect(said()).toContain("on 2 validation samples");
  stop();
});

it("follows temperature and score without a word to the kernel", () => {
  const { said, store, sent, stop } = open(trained("cross_entropy"));
  const seen = new Set([said()]);
  for (const [key, value] of [
    ["temperature", 2],
    ["score", -0.5],
    ["score", { name: "focal", params: { gamma: 2 } }],
  ] as const) {
    store.set(key, value);
    seen.add(said());
  }
  expect(seen.size).toBe(4);
  expect(said()).toContain("focal, gamma = 2");
  expect(sent).toEqual([]);
  stop();
});

it("walks through the samples by key, and selects and marks one", () => {
  const { store, main, press, stop } = open(trained("cross_entropy"));
  press(main, "Home");
  expect(main.getAttribute("aria-description")).toContain("sample 3, mislabelled, label a");
  press(main, "Enter");
  expect([...store.get<Int32Array>("selection")]).toEqual([3]);
  expect(store.get("marked")).toBe(3);
  press(main, "End");
  press(main, "Enter", { shiftKey: true });
  expect([...store.get<Int32Array>("selection")]).toEqual([3, 5]);
  press(main, "Escape");
  expect(store.get("selection")).toBeNull();
  stop();
});

it("selects the samples of the bars that the keys stretch over", () => {
  const { store, counts, press, stop, said } = open(trained("cross_entropy"));
  press(counts, "End");
  press(counts, "Enter");
  expect(store.get("selection")).toBeNull(); // no loss of 6 or more
  for (let i = 0; i < 7; i++) press(counts, "ArrowLeft", { shiftKey: true });
  press(counts, "Enter");
  expect([...store.get<Int32Array>("selection")]).toEqual([2, 3, 4]);
  expect(said()).toContain("3 selected");
  stop();
});

it("asks the kernel once for a loss that it does not compute, and the newest state after the answer", () => {
  const session = trained("elr");
  const { said, store, sent, stop } = open(session);
  expect(said()).toContain("The kernel computes The elr");
  store.set("temperature", 2);
  said();
  store.set("temperature", 3);
  said();
  expect(sent.length).toBe(1);
  expect(sent[0]).toMatchObject({
    kind: "loss",
    losses: [{ name: "elr" }],
    temperature: 1,
    part: "training",
  });
  const empty = Array.from({ length: 6 }, () => bytes(new Float32Array(0)));
  const terms = [6, 6, 6].map((n) => bytes(new Float32Array(n).fill(2)));
  const answer = (key: unknown) =>
    session.receive(
      {
        kind: "loss_answer",
        run_id: "r",
        key,
        items: [{ name: "elr", why: "it has a memory", why_no_terms: "" }],
      },
      [...empty, ...terms],
    );
  answer(sent[0]!.key);
  said();
  expect(sent.map((m) => m.temperature)).toEqual([1, 3]);
  answer(sent[1]!.key);
  expect(said()).toContain("The elr: mean loss 2.00");
  expect(said()).toContain("Computed by the kernel: The elr");
  expect(sent.length).toBe(2);
  session.setAlive(false);
  store.set("temperature", 4);
  expect(said()).toContain("only the kernel computes it");
  stop();
});

it("a simplex needs three classes, and one without flipped labels says what to set", () => {
  const session = trained("cross_entropy", {});
  session.dataset!.yClean = session.dataset!.y;
  const { root, store, said, stop } = open(session, { axis: "simplex" });
  expect(said()).toContain("mean loss");
  const label = root.querySelector<HTMLSelectElement>('select[aria-label="Label"]')!;
  expect(label.parentElement!.hidden).toBe(false);
  store.set("axis", "p");
  said();
  expect(label.parentElement!.hidden).toBe(true);
  expect(said()).not.toContain("memorised");
  stop();
});
