/** A fan in the browser: networks that differ in one setting, and which of their weights have arrived. No DOM. */

import { asFloat32 } from "./arrays";
import type { Message, RunState, Snapshot } from "./session";

/** A setting that differs between the networks. */
export interface Varied {
  path: string; // dotted path of the experiment
  title: string;
  values: number[];
  log: boolean;
  names?: string[]; // of the values, where they only number finished models
}

export interface FanMember {
  values: Record<string, number>; // by path
  seed: number;
  divergedAt: number | null; // step at which it was frozen
}

export interface Fan {
  id: string;
  /** The views are those of the fan itself: its member 0 is the run. */
  own: boolean;
  vary: Varied[];
  loss: string; // name of the loss trained with
  seeds: number[];
  members: FanMember[];
  /** Per member, ascending; `theta` and `logits` are null until they have arrived. */
  snapshots: Snapshot[][];
  state: RunState;
  message: string;
  epochs: number; // where training is to end
  note?: string; // what was lost when it took a former one's place
  /** Snapshots left out by the browser's byte budget. */
  skipped: number;
}

/** Whether it holds finished models, which go by names, and not networks that were trained side by side. */
export const isOfModels = (fan: Fan | null): boolean => fan?.vary[0]?.names !== undefined;

type Buffers = (DataView | ArrayBuffer)[];
type FanJson = Omit<Fan, "snapshots" | "skipped" | "members"> & {
  members: Omit<FanMember, "divergedAt">[];
};

export function readFan(message: Message): Fan {
  const json = message.fan as FanJson;
  return {
    ...json,
    members: json.members.map((m) => ({ ...m, divergedAt: null })),
    snapshots: json.members.map(() => []),
    skipped: 0,
  };
}

/** Numbers of new steps; steps that the kernel has thinned away go. */
export function readSteps(fan: Fan, message: Message, buffers: Buffers): void {
  const items = message.items as { step: number; epoch: number }[];
  const names = message.metrics as string[];
  const keep = new Set(message.keep as number[]);
  const values = asFloat32(buffers[0]!);
  fan.members.forEach((member, m) => {
    const since = (message.diverged as number[])[m]!;
    member.divergedAt = since < 0 ? null : since;
    const known = new Map(fan.snapshots[m]!.filter((s) => keep.has(s.step)).map((s) => [s.step, s]));
    items.forEach((item, i) => {
      const metrics: Record<string, number> = {};
      names.forEach((name, j) => {
        metrics[name] = values[(i * fan.members.length + m) * names.length + j]!;
      });
      known.set(item.step, { ...item, theta: null, logits: null, ...known.get(item.step), metrics });
    });
    fan.snapshots[m] = [...known.values()].sort((a, b) => a.step - b.step);
  });
}

/** Weights (or logits, where the browser cannot run the network); returns the (member, step) that came. */
export function readWeights(fan: Fan, message: Message, buffers: Buffers, runs: boolean): [number, number][] {
  const put = (m: number, step: number, numbers: Float32Array | null) => {
    const s = fan.snapshots[m]?.find((snapshot) => snapshot.step === step);
    if (s) Object.assign(s, runs ? { theta: numbers } : { logits: numbers });
  };
  for (const [m, step] of message.drop as [number, number][]) put(m, step, null);
  const items = message.items as [number, number][];
  const all = asFloat32(buffers[0]!);
  const size = all.length / Math.max(1, items.length);
  items.forEach(([m, step], i) => {
    // a copy: the message's buffer would live as long as one of its networks
    put(m, step, all.slice(i * size, (i + 1) * size));
  });
  fan.skipped = message.skipped as number;
  return items;
}

export const isLoaded = (s: Snapshot): boolean => s.theta !== null || s.logits !== null;

/** `wanted`, or the snapshot nearest to it in time whose weights have arrived; null: none has. */
export function nearestLoaded(all: readonly Snapshot[], wanted: Snapshot): Snapshot | null {
  let best: Snapshot | null = null;
  const far = (s: Snapshot) => Math.abs(s.step - wanted.step);
  for (const s of all) if (isLoaded(s) && (!best || far(s) <= far(best))) best = s;
  return best;
}

/** How many networks there are (members times steps), and how many of them have arrived. */
export function loading(fan: Fan): { loaded: number; total: number } {
  const all = fan.snapshots.slice(fan.own ? 1 : 0).flat();
  return { loaded: all.filter(isLoaded).length, total: all.length };
}

/** The member that differs from `from` in one setting (or the seed); the nearest where there is none. */
export function neighbour(fan: Fan, from: number, change: { path?: string; value: number }): number {
  const here = fan.members[from]!;
  const values = change.path ? { ...here.values, [change.path]: change.value } : here.values;
  const seed = change.path ? here.seed : change.value;
  const matches = (m: FanMember) => fan.vary.every((v) => m.values[v.path] === values[v.path]);
  const found = fan.members.findIndex((m) => matches(m) && m.seed === seed);
  return found >= 0 ? found : Math.max(0, fan.members.findIndex(matches));
}

/** The member nearest to settings of a run, as `get` tells them; its seed where there is one. */
export function memberLike(fan: Fan, get: (path: string) => number | null, seed: number | null): number {
  let at = 0;
  for (const v of fan.vary) {
    const now = get(v.path);
    if (now === null) continue;
    const place = placeOf(v);
    const far = (value: number) => Math.abs(place(value) - place(now));
    const value = v.values.reduce((best, u) => (far(u) < far(best) ? u : best), v.values[0]!);
    at = neighbour(fan, at, { path: v.path, value });
  }
  return seed !== null && fan.seeds.includes(seed) ? neighbour(fan, at, { value: seed }) : at;
}

/** Where a value stands on the axis of its setting, in any unit; zero on a log axis stands left of all. */
export function placeOf(v: Varied): (value: number) => number {
  if (!v.log) return (value) => value;
  const positive = v.values.filter((u) => u > 0);
  const least = Math.min(...positive, Number.POSITIVE_INFINITY);
  const most = Math.max(...positive, least);
  const stride = Math.log(most / least) / Math.max(1, v.values.length - 2) || 1;
  return (value) => (value > 0 ? Math.log(value) : Math.log(least) - stride);
}

/** One place on the axis of a strip: the networks with that value, over the seeds. */
export interface Spot {
  value: number;
  members: number[];
  mean: number; // nan: nothing known
  low: number;
  high: number;
}

/**
 * What a number of each member (nan: not known) is against one setting; the other settings as those of
 * member `at`. Diverged members do not count unless all have: their marks are drawn apart.
 */
export function spots(fan: Fan, path: string, at: number, values: ArrayLike<number>, step: number): Spot[] {
  const here = fan.members[at]!;
  const varied = fan.vary.find((v) => v.path === path)!;
  const place = placeOf(varied);
  return [...varied.values]
    .sort((a, b) => place(a) - place(b))
    .map((value) => {
      const members = fan.members.flatMap((m, i) =>
        fan.vary.every((v) => m.values[v.path] === (v.path === path ? value : here.values[v.path]))
          ? [i]
          : [],
      );
      const known = members.filter((m) => Number.isFinite(values[m]) && !isFrozen(fan, m, step));
      const numbers = known.map((m) => values[m]!);
      return {
        value,
        members,
        mean: numbers.reduce((sum, v) => sum + v, 0) / numbers.length, // 0 / 0: nan
        low: Math.min(...numbers),
        high: Math.max(...numbers),
      };
    });
}

/** Whether a member had diverged by this step. */
export function isFrozen(fan: Fan, member: number, step: number): boolean {
  const since = fan.members[member]!.divergedAt;
  return since !== null && since <= step;
}
