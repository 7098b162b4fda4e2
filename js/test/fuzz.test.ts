// @vitest-environment jsdom
/** Whatever the kernel sends and the store holds: an error in the page, never an unhandled exception. */

import fc from "fast-check";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import index from "../../clsviz/catalogue/index.json";
import { type Message, Session } from "../src/core/session";
import { MemoryStore, SHARED, scoped } from "../src/core/store";
import { makePanel } from "../src/draw/panel";
import { mountBoundary } from "../src/views/boundary";
import { mountConfusion } from "../src/views/confusion";
import { guarded, withFaults } from "../src/views/guarded";
import { mountInspector } from "../src/views/inspector";
import { mountLab } from "../src/views/lab";
import { mountLandscape } from "../src/views/landscape";
import { mountLossView } from "../src/views/loss";
import { mountMultiplicity } from "../src/views/multiplicity";
import { mountPrototypes } from "../src/views/prototypes";
import { mountReliability } from "../src/views/reliability";
import { drawFrames, openPage } from "./dom";

const SEED = 4;
const PACKETS = 9450;
const STATES = 550; // spread over the views
const EACH = 26; // states of one mounted view
const LIMIT = 120_000; // ms; a busy machine takes its time

const menu = (kind: string) =>
  index.methods.filter((m) => m.kind === kind).map((m) => ({ ...m, name: m.id.split(".")[1] }));
const slider = (name: string, low: number, high: number, usual: number, log = false) => ({
  name,
  default: usual,
  range: { low, high, step: null, log, unit: null },
  choices: null,
});
const CATALOGUE = {
  temperature: slider("temperature", 0.05, 20, 1, true),
  n_bins: slider("n_bins", 1, 100, 15),
  label_noise: slider("rate", 0, 0.6, 0),
  data: menu("data"),
  model: menu("model"),
  loss: menu("loss"),
  optimizer: menu("optimizer"),
};

const bytes = (array: ArrayLike<number> & ArrayBufferView): DataView =>
  new DataView(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

const N = 12;
const RUN: [Message, DataView[]] = [
  {
    kind: "run",
    dataset: {
      name: "toy",
      n: N,
      d: 2,
      k: 2,
      class_names: ["a", "b"],
      feature_names: ["x", "y"],
      image_shape: null,
    },
    network: {
      layers: [{ kind: "linear", in: 2, out: 2, weight: 0, bias: 4 }],
      kind: "linear",
      n_features: 2,
      n_classes: 2,
    },
    run: { id: "r", state: "paused", message: "", epochs: 3, experiment: null, trainable: true },
  },
  [
    bytes(Float32Array.from({ length: 2 * N }, (_, i) => Math.sin(i))),
    bytes(Int32Array.from({ length: N }, (_, i) => i % 2)),
    bytes(Int32Array.from({ length: N }, (_, i) => i % 2)),
    bytes(Int32Array.from([0, 1, 2, 3, 4, 5])),
    bytes(Int32Array.from([6, 7, 8, 9, 10, 11])),
  ],
];
const SNAPSHOT: [Message, DataView[]] = [
  { kind: "snapshots", run_id: "r", items: [{ step: 3, epoch: 1, metrics: { validation_loss: 0.5 } }] },
  [bytes(Float32Array.from({ length: 2 * N }, (_, i) => Math.cos(i)))],
];

/** A session with data and one snapshot whose logits came with it. */
function trained(): Session {
  const session = new Session();
  session.receive({ ...RUN[0], network: null }, RUN[1]);
  session.receive(...SNAPSHOT);
  return session;
}

const KINDS = [
  "run",
  "state",
  "snapshots",
  "branch",
  "landscape",
  "landscape_table",
  "landscape_progress",
  "landscape_stopped",
  "prototypes",
  "field",
  "loss_answer",
  "calibrated",
  "error",
  "welcome",
  "ack",
  "fan",
  "nothing",
];
const FIELDS = [
  "run_id",
  "run",
  "dataset",
  "network",
  "items",
  "keep",
  "step",
  "id",
  "score",
  "landscape",
  "m",
  "key",
  "low",
  "scale",
  "progress",
  "where",
  "message",
];
const some = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant("r"), fc.integer(), fc.double());
const message = fc
  .tuple(fc.constantFrom(...KINDS), fc.dictionary(fc.constantFrom(...FIELDS), some, { maxKeys: 8 }))
  .map(([kind, fields]) => ({ ...fields, kind }) as Message);
/** A packet that was right once, with some fields replaced. */
const bent = fc
  .tuple(
    fc.constantFrom(RUN, SNAPSHOT),
    fc.dictionary(fc.constantFrom(...FIELDS), some, { maxKeys: 2 }),
    fc.integer({ min: 0, max: 5 }),
  )
  .map(([[head, buffers], fields, few]) => ({
    head: { ...head, ...fields } as Message,
    buffers: buffers.slice(0, few),
  }));
const buffers = fc.array(
  fc.uint8Array({ maxLength: 24 }).map((b) => new DataView(b.buffer, b.byteOffset, b.byteLength)),
  { maxLength: 5 },
);
const packet = fc.oneof(
  bent,
  fc.tuple(message, buffers).map(([head, b]) => ({ head, buffers: b })),
  some.map((head) => ({ head: head as unknown as Message, buffers: [] as DataView[] })),
);

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it(
  `reads ${PACKETS} random packets without an exception, and says which it could not read`,
  () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.array(packet, { minLength: 9, maxLength: 9 }), (packets) => {
        const session = trained();
        for (const { head, buffers: b } of packets) {
          session.error = null;
          session.receive(head, b);
          if (session.error !== null) refused++;
          session.at(3);
        }
      }),
      { numRuns: PACKETS / 9, seed: SEED },
    );
    expect(refused).toBeGreaterThan(PACKETS / 20);
  },
  LIMIT,
);

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.double(),
  fc.integer({ min: -3, max: 20 }),
  fc.constant(null),
  fc.array(fc.integer({ min: -2, max: 30 }), { maxLength: 5 }).map((a) => Int32Array.from(a)),
  fc.record({ a: fc.double(), b: fc.double() }),
  fc.record({ step: fc.integer(), temperature: fc.double() }),
);
const OWN = [
  "n_bins",
  "mode",
  "target_class",
  "scheme",
  "plane",
  "kind",
  "chosen",
  "points",
  "normal_at",
  "view",
  "axis",
  "against",
  "part",
  "label",
  "histogram",
  "picture",
  "measures",
  "calibrator",
  "threshold",
  "epsilon",
  "delta",
  "baseline",
];
const state = fc.dictionary(fc.constantFrom(...SHARED.filter((k) => k !== "catalogue"), ...OWN), value);

const VIEWS = {
  reliability: mountReliability,
  boundary: mountBoundary,
  landscape: mountLandscape,
  loss: mountLossView,
  prototypes: mountPrototypes,
  confusion: mountConfusion,
  inspector: mountInspector,
  multiplicity: mountMultiplicity,
  lab: mountLab,
};

for (const [name, mount] of Object.entries(VIEWS)) {
  const times = Math.ceil(STATES / Object.keys(VIEWS).length / EACH);
  it(
    `${name} draws ${EACH * times} random states and packets, or says why not`,
    () => {
      const root = openPage();
      fc.assert(
        fc.property(fc.array(fc.tuple(state, packet), { minLength: EACH, maxLength: EACH }), (states) => {
          const session = trained();
          const store = new MemoryStore({ catalogue: CATALOGUE, temperature: 1 });
          store.onFault = (error) => session.fail("A view", error);
          const own = name === "lab" ? store : scoped(store, name);
          const unmount = withFaults(mount)(root, { session, store: own });
          drawFrames();
          for (const [values, { head, buffers: b }] of states) {
            for (const [key, v] of Object.entries(values)) own.set(key, v);
            session.receive(head, b);
            drawFrames();
          }
          unmount();
          expect(root.childNodes.length).toBe(0);
        }),
        { numRuns: times, seed: SEED },
      );
    },
    LIMIT,
  );
}

it("a view that breaks becomes a card, can be tried again, and its neighbour goes on", () => {
  const root = openPage();
  const [left, right] = [document.createElement("div"), document.createElement("div")];
  root.append(left, right);
  const session = trained();
  const store = new MemoryStore({ catalogue: CATALOGUE, temperature: 1 });
  let broken = true;
  const fragile = guarded("Fragile", (el, context) => {
    el.append(document.createElement("i"));
    if (broken) throw new RangeError("no such bin: 99");
    return mountConfusion(el, context);
  });
  const stop = fragile(left, { session, store });
  const stopOther = mountReliability(right, { session, store: scoped(store, "reliability") });
  drawFrames();
  expect(left.textContent).toContain("Fragile could not be shown");
  expect(left.textContent).toContain("no such bin: 99");
  expect(left.querySelector("i")).toBeNull();
  expect(right.querySelector("[role=status]")?.textContent).toContain("ECE");
  broken = false;
  [...left.querySelectorAll("button")].find((b) => b.textContent === "Try again")?.click();
  drawFrames();
  expect(left.querySelector("[role=status]")?.textContent).toContain("Accuracy");
  stop();
  stopOther();
});

it("a drawing that fails keeps its card until a drawing succeeds", () => {
  const root = openPage();
  const panel = makePanel(root, { view: "toy", title: "Toy", table: () => ({ columns: [], rows: [] }) });
  let broken = true;
  const draw = () => {
    panel.notice(null);
    if (broken) throw new Error("no pen");
  };
  panel.guard(draw);
  const card = root.querySelector(".clsviz-errorcard");
  panel.guard(draw);
  expect(root.querySelector(".clsviz-errorcard")).toBe(card); // a press on its button is not swallowed
  expect(root.querySelector<HTMLElement>(".clsviz-notice")?.hidden).toBe(false);
  broken = false;
  panel.guard(draw);
  expect(root.querySelector<HTMLElement>(".clsviz-notice")?.hidden).toBe(true);
});

it("the details of a card tell error, version and settings, but no data", () => {
  const root = openPage();
  const session = trained();
  const store = new MemoryStore({ catalogue: CATALOGUE, temperature: 2, selection: Int32Array.from([1, 2]) });
  const stop = withFaults(mountReliability)(root, { session, store: scoped(store, "reliability") });
  session.fail("A picture", new TypeError("x is undefined"));
  const card = root.querySelector(".clsviz-errorcard")!;
  card.querySelector("details")!.dispatchEvent(new Event("toggle"));
  const text = card.querySelector("pre")!.textContent!;
  expect(text).toContain("x is undefined");
  expect(text).toContain("clsviz ");
  expect(text).toContain('"temperature": 2');
  expect(text).toContain("2 samples");
  expect(text).not.toContain("toy");
  [...card.querySelectorAll("button")].find((b) => b.textContent === "Close")?.click();
  expect(root.querySelector(".clsviz-errorcard")).toBeNull();
  stop();
});
