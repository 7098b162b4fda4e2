// @vitest-environment jsdom
/** The multiplicity view on a real fan: what it says, what its sliders move, and what it offers without one. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { forecast, levelSet } from "../src/core/multiplicity";
import { type Message, Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { MemberLogits } from "../src/views/fan/logits";
import { momentsOf } from "../src/views/fan/numbers";
import { mountMultiplicity } from "../src/views/multiplicity";
import { layoutCurves, spread } from "../src/views/multiplicity/curves";
import { layoutRanges, rankAt } from "../src/views/multiplicity/ranges";
import { drawFrames, openPage } from "./dom";
import { number, vectors } from "./vectors";

const v = await vectors<{ packets: { header: Message; buffers: [string, (number | string)[]][] }[] }>("fan");
const TYPES = { float32: Float32Array, int32: Int32Array } as const;

/** A session with the fan of tests/parity/fan_vectors.py; `which` picks the messages that have come. */
function opened(which: (kind: string) => boolean = () => true): Session {
  const session = new Session();
  for (const { header, buffers } of v.packets) {
    if (!which(header.kind)) continue;
    const arrays = buffers.map(([type, values]) =>
      TYPES[type as keyof typeof TYPES].from(values.map(number)),
    );
    session.receive(
      header,
      arrays.map((a) => new DataView(a.buffer, a.byteOffset, a.byteLength)),
    );
  }
  return session;
}

let root: HTMLElement;
let end = () => {};
beforeEach(() => {
  root = openPage();
});
afterEach(() => {
  end();
  end = () => {};
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function mounted(session: Session, state: Record<string, unknown> = {}) {
  const store = new MemoryStore({ temperature: 1, ...state });
  end = mountMultiplicity(root, { session, store });
  drawFrames(20);
  const status = () => root.querySelector("[role=status]")!.textContent!.replaceAll("\u00a0", " ");
  const set = (key: string, value: unknown) => {
    store.set(key, value);
    drawFrames(20);
    return status();
  };
  return { store, status, set };
}

const within = (words: string) => /^(\d+) of (\d+) networks? /.exec(words)!.slice(1).map(Number);

test("it counts the networks within epsilon of the best, at the temperature and epoch on screen", () => {
  const session = opened();
  const { status, set } = mounted(session, { epsilon: 0.02 });
  const fan = session.fan!;
  const { k } = session.dataset!;
  const logits = new MemberLogits(session);
  const expected = (step: number | null, temperature: number, epsilon: number) => {
    const losses = momentsOf(session, fan, step).map((s) => {
      const z = logits.compute(s!);
      return forecast(z, logits.labels(), k, temperature, null).loss;
    });
    return [levelSet(losses, epsilon).length, fan.members.length];
  };
  expect(within(status())).toEqual(expected(null, 1, 0.02));
  expect(within(set("epsilon", 3))).toEqual(expected(null, 1, 3));
  expect(within(set("temperature", 0.3))).toEqual(expected(null, 0.3, 3));
  const early = fan.snapshots[1]![1]!.step;
  set("epsilon", 0.01);
  expect(within(set("step", early))).toEqual(expected(early, 0.3, 0.01));
});

test("with epsilon at nothing the best network stands alone and nothing changes", () => {
  const { status } = mounted(opened(), { epsilon: 0 });
  expect(status()).toContain("1 of 6 networks lies within 0.000 nats");
  expect(status()).toContain("0 % of 30 samples change their answer (ambiguity)".replace("30", String(n())));
  expect(status()).toContain("capacity 1.00");
});
const n = () => opened().dataset!.validation.length;

test("a mark, a class and the network shown as baseline are followed", () => {
  const session = opened();
  const { status, set } = mounted(session, { epsilon: 3 });
  const sample = session.dataset!.validation[4]!;
  expect(set("marked", sample)).toContain(`Sample ${sample}: p of`);
  const name = session.dataset!.classNames[2]!;
  expect(set("target_class", 2)).toContain(`p of ${name} from`);
  const before = status();
  set("member", 5); // diverged: it says something else than the best
  expect(set("baseline", "shown")).not.toBe(before);
});

test("networks whose weights are not here yet are not counted, and the line says so", () => {
  const { status } = mounted(opened((kind) => kind !== "fan_weights"));
  expect(status()).toContain("1 of 1 network lies within");
  expect(status()).toContain("5 networks are on their way");
});

test("without a fan it offers to train one", () => {
  const session = opened((kind) => !kind.startsWith("fan"));
  Object.assign(session.run!, { changeable: true, experiment: { seed: 3 } });
  const sent: Message[] = [];
  session.send = (message) => sent.push(message);
  mounted(session);
  const buttons = [...root.querySelectorAll<HTMLButtonElement>(".clsviz-notice button")];
  expect(buttons.map((b) => b.textContent)).toEqual([
    "Fan out over 16 seeds",
    "the weight decay",
    "the label noise",
  ]);
  for (const b of buttons) b.click();
  expect(sent.map((m) => m.path)).toEqual(["seed", "optimizer.weight_decay", "label_noise.rate"]);
  expect(sent[0]).toMatchObject({
    kind: "fan",
    seeds: 1,
    values: Array.from({ length: 16 }, (_, i) => 3 + i),
  });
});

test("without a kernel and a fan it says how it is made", () => {
  const session = opened((kind) => !kind.startsWith("fan"));
  session.alive = false;
  mounted(session);
  expect(root.querySelector(".clsviz-notice")!.textContent).toContain("from_predictions");
  expect(root.querySelectorAll(".clsviz-notice button").length).toBe(0);
});

test("the table has a row for each sample, in the order of the picture", () => {
  mounted(opened(), { epsilon: 3 });
  [...root.querySelectorAll("button")].find((b) => b.textContent === "Table")!.click();
  const rows = [...root.querySelectorAll("tbody tr")].map((tr) =>
    [...tr.querySelectorAll("td")].map((td) => td.textContent!),
  );
  expect(rows.length).toBe(n());
  const baseline = rows.map((r) => Number(r[2]));
  expect(baseline).toEqual([...baseline].sort((a, b) => a - b));
  for (const [, , own, low, high, , capacity] of rows.map((r) => r.map(Number))) {
    expect(low).toBeLessThanOrEqual(own! + 1e-3);
    expect(high).toBeGreaterThanOrEqual(own! - 1e-3);
    expect(capacity).toBeGreaterThanOrEqual(1);
  }
});

test("keys walk along the samples, mark and select", () => {
  const { store, status } = mounted(opened(), { epsilon: 3 });
  const canvas = root.querySelector<HTMLCanvasElement>("canvas[role=application]")!;
  const press = (key: string, more: object = {}) => {
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
    drawFrames(5);
  };
  press("End");
  press("ArrowLeft");
  const words = /Sample (\d+)/.exec(status())![1]!;
  press("Enter");
  expect(store.get("marked")).toBe(Number(words));
  press(" ");
  expect([...store.get<Int32Array>("selection")]).toEqual([Number(words)]);
  expect(status()).toContain("1 selected");
  press("Escape");
  expect(store.get("selection")).toBeNull();
});

test("labels are moved apart and stay inside", () => {
  const out = spread([10, 11, 12, 90], 0, 95, 13);
  const sorted = [...out].sort((a, b) => a - b);
  for (let i = 1; i < sorted.length; i++) expect(sorted[i]! - sorted[i - 1]!).toBeGreaterThanOrEqual(13);
  expect(Math.max(...spread([93, 94, 95], 0, 95, 13))).toBe(95);
});

test("boxes do not change size while epsilon or delta move", () => {
  const canvas = document.createElement("canvas");
  canvas.style.fontSize = "12px";
  root.append(canvas);
  const g = canvas.getContext("2d")!;
  const words = { y: "", x: "", baseline: "best network", delta: "0.10" };
  expect(layoutRanges(g, 500, 300, 40, words)).toEqual(
    layoutRanges(g, 500, 300, 40, { ...words, delta: "0.75" }),
  );
  const shares = { ambiguity: Float64Array.of(0, 0.2), discrepancy: Float64Array.of(0, 0.1) };
  const grown = { order: [0, 1], epsilon: Float64Array.of(0, 0.1), moved: shares, answers: shares };
  const layout = layoutCurves(g, 300, 300, grown);
  expect(layout.shares.ylim[1]).toBe(0.2);
  const ranges = layoutRanges(g, 500, 300, 40, words);
  const { x, y, w } = ranges.axes.box;
  expect(rankAt(ranges, x + 1, y + 5)).toBe(0);
  expect(rankAt(ranges, x + w - 1, y + 5)).toBe(39);
  expect(rankAt(ranges, x + w + 30, y + 5)).toBeNull();
  expect(rankAt(ranges, x + w + 30, y + 5, true)).toBe(39);
});
