/** The network on screen: that of a snapshot, or the one under the pointer in the landscape. */

import { takeRows } from "./arrays";
import { forward, type Network } from "./forward";
import { type Pairs, pairs } from "./reliability";
import type { Session, Snapshot } from "./session";
import type { Store } from "./store";

/** A point of the landscape, in its axis units. */
export interface Hover {
  a: number;
  b: number;
}

/** Hovering evaluates at most this many validation samples, so that it keeps up with the pointer. */
export const HOVER_SAMPLES = 512;

export interface Shown {
  snapshot: Snapshot;
  network: Network | null;
  theta: Float32Array | null;
  /** Sample indices that `logits` has rows for: the validation part (or its first 512). */
  rows: Int32Array;
  logits: Float32Array; // (rows, k)
  labels: Int32Array; // of these rows
  hovered: boolean;
  key: string; // changes with the network
  /** Lays the tilted rule over logits (rows, k) of inputs (rows, d), in place (core/overlay.ts). */
  tilted?: (logits: Float32Array, X: Float32Array) => void;
}

const cache = new WeakMap<Session, Map<string, Shown>>();
const KEPT = 4; // at the least: current, pinned, hovered, previous
const ROOM = 16e6; // bytes of logits kept beyond these: a run's epochs are computed once

/** What views show for this session and store; null while nothing is trained. */
export function shown(session: Session, store: Store): Shown | null {
  const snapshot = session.at(store.get<number | null>("step"));
  if (!snapshot) return null;
  const hover = store.get<Hover | null>("hover");
  const land = session.landscape;
  if (hover && land && session.network) {
    const { origin, dx, dy } = land;
    const theta = () => origin.map((o, i) => o + hover.a * dx[i]! + hover.b * dy[i]!);
    return build(session, snapshot, theta, `${land.id}:${hover.a}:${hover.b}`, true);
  }
  return shownAt(session, snapshot);
}

/** The network of a snapshot, whatever is hovered (for the pinned state). */
export function shownAt(session: Session, snapshot: Snapshot): Shown | null {
  return build(session, snapshot, () => snapshot.theta, `${snapshot.step}`, false);
}

function build(
  session: Session,
  snapshot: Snapshot,
  makeTheta: () => Float32Array | null,
  at: string,
  hovered: boolean,
): Shown | null {
  const data = session.dataset;
  if (!data || session.predictions) return null; // large predictions are not looked at one by one
  const key = `${session.run?.id}:${at}`;
  const entries = cache.get(session) ?? new Map<string, Shown>();
  cache.set(session, entries);
  const found = entries.get(key);
  if (found && found.snapshot === snapshot) {
    entries.delete(key); // the last used stay
    entries.set(key, found);
    return found;
  }
  const theta = makeTheta();
  const rows = hovered ? data.validation.subarray(0, HOVER_SAMPLES) : data.validation;
  const logits =
    theta && session.network
      ? forward(session.network, theta, takeRows(data.X, data.d, rows), rows.length)
      : takeRows(snapshot.logits!, data.k, rows);
  const labels = Int32Array.from(rows, (i) => data.y[i]!);
  const result: Shown = { snapshot, network: session.network, theta, rows, logits, labels, hovered, key };
  entries.delete(key);
  entries.set(key, result);
  let room = ROOM;
  [...entries].reverse().forEach(([old, { logits: z }], age) => {
    room -= z.byteLength;
    if (age >= KEPT && room < 0) entries.delete(old);
  });
  return result;
}

const outcomes = new WeakMap<Shown, { temperature: number; pairs: Pairs }>();

/** Top guesses at a temperature, shared by the views that need them; the last temperature is kept. */
export function topPairs(at: Shown, k: number, temperature: number): Pairs {
  const found = outcomes.get(at);
  if (found?.temperature === temperature) return found.pairs;
  const fresh = pairs(at.logits, at.labels, k, temperature);
  outcomes.set(at, { temperature, pairs: fresh });
  return fresh;
}

/** Logits of any samples under the network shown (training samples, one marked sample). */
export function logitsOf(session: Session, at: Shown, rows: ArrayLike<number>): Float32Array {
  const data = session.dataset!;
  const inputs = () => takeRows(data.X, data.d, rows);
  const logits =
    at.theta && at.network
      ? forward(at.network, at.theta, inputs(), rows.length)
      : takeRows(at.snapshot.logits!, data.k, rows);
  at.tilted?.(logits, inputs());
  return logits;
}
