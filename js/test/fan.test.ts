import { expect, test } from "vitest";
import { pairData } from "../src/core/boundary";
import { compare } from "../src/core/compare";
import { type Fan, loading, memberLike, neighbour, placeOf, spots } from "../src/core/fan";
import { record } from "../src/core/record";
import { type Message, Session } from "../src/core/session";
import { memberShown, pinnedShown, present, shown, topPairs } from "../src/core/shown";
import { MemoryStore, SHARED } from "../src/core/store";
import { MemberNumbers, momentsOf } from "../src/views/fan/numbers";
import { layoutStrip, valueAt } from "../src/views/fan/picture";
import { number, vectors } from "./vectors";

interface Vectors {
  packets: { header: Message; buffers: [string, (number | string)[]][] }[];
  temperature: number;
  pair: [number, number];
  moments: {
    asked: number | null;
    step: number;
    accuracy: number[];
    ece: number[];
    margin: number[];
    angle: (number | string)[];
  }[];
  diverged: number[];
  compare: Record<string, number> & {
    pinned: { step: number; member: number; temperature: number };
    disagreeing: number[];
    negative_flips: number[];
    positive_flips: number[];
  };
}
const v = await vectors<Vectors>("fan");

const TYPES = { float32: Float32Array, int32: Int32Array } as const;
function give(session: Session, which: (kind: string) => boolean = () => true): void {
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
}
function opened(): { session: Session; fan: Fan; store: MemoryStore } {
  const session = new Session();
  give(session);
  return { session, fan: session.fan!, store: new MemoryStore() };
}

test("all weights of a fan arrive, and every moment knows its numbers", () => {
  const { fan } = opened();
  expect(fan.members.length).toBe(6);
  expect(fan.seeds.length).toBe(2);
  const { loaded, total } = loading(fan);
  expect(loaded).toBe(total);
  expect(fan.members.map((m) => m.divergedAt ?? -1)).toEqual(v.diverged);
  for (const all of fan.snapshots) expect(all.at(-1)!.metrics.validation_ece).toBeTypeOf("number");
});

test("accuracy, ECE, margin and angle of every network are those that Python gives", () => {
  const { session, fan } = opened();
  const pair = pairData(session.dataset!, ...v.pair);
  const numbers = new MemberNumbers(session);
  for (const moment of v.moments) {
    const at = momentsOf(session, fan, moment.asked);
    expect(at[1]!.step).toBe(moment.step);
    while (!numbers.work(at, v.temperature, pair));
    const found = numbers.read(at, v.temperature, pair, 100);
    expect(found.pending).toBe(0);
    expect(found.eceAt).toBe(v.temperature);
    fan.members.forEach((_, m) => {
      expect(found.accuracy[m]).toBeCloseTo(moment.accuracy[m]!, 9);
      expect(found.ece[m]).toBeCloseTo(moment.ece[m]!, 5);
      expect(found.margin[m]).toBeCloseTo(moment.margin[m]!, 5);
      if (fan.members[m]!.divergedAt === null)
        expect(found.angle[m]).toBeCloseTo(number(moment.angle[m]!), 2);
    });
  }
});

test("until weights are read, ECE is shown at the temperature it is known at, and the strip says so", () => {
  const { session, fan } = opened();
  const found = new MemberNumbers(session).read(momentsOf(session, fan, null), 2, null, 100);
  expect(found.eceAt).toBe(1);
  expect(found.ece[1]).toBeCloseTo(fan.snapshots[1]!.at(-1)!.metrics.validation_ece!, 6);
  expect(found.pending).toBe(6);
});

test("pinned against shown: the numbers are those of lab.compare()", () => {
  const { session, store } = opened();
  store.set("member", v.compare.member);
  const now = shown(session, store)!;
  const was = pinnedShown(session, v.compare.pinned)!;
  const k = session.dataset!.k;
  const c = compare(
    { logits: was.logits, pairs: topPairs(was, k, v.compare.pinned.temperature) },
    { logits: now.logits, pairs: topPairs(now, k, v.temperature) },
    now.labels,
    k,
  );
  expect(c.ece[1] - c.ece[0]).toBeCloseTo(v.compare.ece_difference!, 5);
  expect(c.accuracy[1] - c.accuracy[0]).toBeCloseTo(v.compare.accuracy_difference!, 9);
  expect(c.agreement).toBeCloseTo(v.compare.agreement!, 9);
  const names = (places: Int32Array) => [...places].map((i) => now.rows[i]!);
  expect(names(c.disagreeing)).toEqual(v.compare.disagreeing);
  expect(names(c.negative)).toEqual(v.compare.negative_flips);
  expect(names(c.positive)).toEqual(v.compare.positive_flips);
});

test("without its weights the nearest moment of a network is shown, and the wanted one is named", () => {
  const { session, fan, store } = opened();
  const all = fan.snapshots[2]!;
  const wanted = all[3]!;
  store.set("member", 2);
  store.set("step", wanted.step);
  expect(present(session, store)).toEqual({ snapshot: wanted, member: 2, awaited: null });
  wanted.theta = null;
  const here = present(session, store)!;
  expect(here.awaited).toBe(wanted);
  expect(here.member).toBe(2);
  expect(Math.abs(here.snapshot.step - wanted.step)).toBe(
    Math.min(...all.filter((s) => s.theta).map((s) => Math.abs(s.step - wanted.step))),
  );
  for (const s of all) s.theta = null;
  expect(present(session, store)!.member).toBe(null); // the run's own, rather than nothing
  expect(shown(session, store)!.awaited).toBe(wanted);
});

test("weights redraw the views only when one waits for them", () => {
  const { session, fan, store } = opened();
  let drawn = 0;
  session.on(["snapshots"], () => drawn++);
  const weights = (kind: string) => kind === "fan_weights";
  give(session, weights);
  expect(drawn).toBe(0);
  const wanted = fan.snapshots[4]!.at(-1)!;
  wanted.theta = null;
  store.set("member", 4);
  shown(session, store);
  give(session, weights);
  expect(drawn).toBe(1);
  expect(shown(session, store)!.awaited).toBe(null);
});

test("a closed fan leaves the run on screen, whatever member was asked for", () => {
  const { session, store } = opened();
  store.set("member", 3);
  expect(memberShown(session, store)).toBe(3);
  session.receive({ kind: "fan_closed" }, []);
  expect(memberShown(session, store)).toBe(null);
  expect(shown(session, store)!.snapshot).toBe(session.snapshots.at(-1));
});

test("messages of another fan change nothing", () => {
  const { session, fan } = opened();
  session.receive({ kind: "fan_state", id: "other", fan: { state: "failed" } }, []);
  expect(fan.state).toBe("finished");
});

test("the slider finds the network that differs in one setting alone", () => {
  const { fan } = opened();
  const at = fan.members.findIndex((m) => m.values["optimizer.lr"] === 0.1 && m.seed === fan.seeds[1]);
  const other = neighbour(fan, at, { path: "optimizer.lr", value: 0.01 });
  expect(fan.members[other]).toMatchObject({ values: { "optimizer.lr": 0.01 }, seed: fan.seeds[1] });
  expect(fan.members[neighbour(fan, at, { value: fan.seeds[0]! })]!.values).toEqual({ "optimizer.lr": 0.1 });
  const like = memberLike(fan, () => 0.06, fan.seeds[1]!);
  expect(fan.members[like]).toMatchObject({ values: { "optimizer.lr": 0.1 }, seed: fan.seeds[1] });
});

test("mean and band are over the seeds, and diverged networks do not count", () => {
  const { fan } = opened();
  const values = Float64Array.of(1, 3, 10, 20, 5, 7);
  const step = fan.snapshots[0]!.at(-1)!.step;
  const [a, b, c] = spots(fan, "optimizer.lr", 0, values, step);
  expect([a!.mean, a!.low, a!.high]).toEqual([2, 1, 3]);
  expect(b!.mean).toBe(15);
  const healthy = v.diverged.slice(4).every((d) => d < 0);
  expect(Number.isNaN(c!.mean)).toBe(!healthy);
});

test("zero stands left of everything on a logarithmic axis", () => {
  const place = placeOf({ path: "p", title: "", values: [0.1, 0, 0.01], log: true });
  expect(place(0)).toBeLessThan(place(0.01));
  expect(place(0.01)).toBeLessThan(place(0.1));
  const one = placeOf({ path: "p", title: "", values: [0], log: true });
  expect(Number.isNaN(one(0))).toBe(false);
});

test("a point of any panel belongs to the nearest value", () => {
  const varied = { path: "p", title: "", values: [0, 1, 4], log: false };
  const strip = layoutStrip(varied, 360, 340);
  for (const box of strip.boxes) {
    expect(valueAt(strip, box.x + 1, box.y + 5)).toBe(0);
    expect(valueAt(strip, box.x + 0.3 * box.w, box.y + 5)).toBe(1);
    expect(valueAt(strip, box.x + box.w - 1, box.y + 5)).toBe(2);
  }
  expect(valueAt(strip, -100, -100)).toBe(null);
});

test("a saved notebook holds every network of the fan as it is now", () => {
  const { session, fan } = opened();
  const again = new Session();
  const extent = {
    landscape: false,
    lossLine: false,
    prototypes: false,
    field: false,
    calibrated: false,
    outside: false,
    fan: true,
  };
  for (const { header, buffers } of record(session, { ...extent, snapshots: session.snapshots }))
    again.receive(
      JSON.parse(JSON.stringify(header)) as Message,
      buffers.map((b) => new DataView(b.buffer, b.byteOffset, b.byteLength)),
    );
  const store = new MemoryStore();
  for (let m = 0; m < fan.members.length; m++) {
    store.set("member", m);
    expect(shown(again, store)!.logits).toEqual(shown(session, store)!.logits);
    expect(again.at(null, m)!.metrics).toEqual(session.at(null, m)!.metrics);
  }
  expect(again.fan!.members).toEqual(fan.members);
  expect(loading(again.fan!)).toEqual({ loaded: 5, total: 5 });
});

test("the member is shared by all views of a lab", () => {
  expect(SHARED).toContain("member");
});
