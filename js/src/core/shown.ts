/** The network on screen: that of a snapshot, or the one under the pointer in the landscape. */

import { takeRows } from "./arrays";
import { isLoaded, nearestLoaded } from "./fan";
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
  member: number | null; // of the fan; null: of the run
  network: Network | null;
  theta: Float32Array | null;
  /** Sample indices that `logits` has rows for: the validation part (or its first 512). */
  rows: Int32Array;
  logits: Float32Array; // (rows, k)
  labels: Int32Array; // of these rows
  hovered: boolean;
  key: string; // changes with the network
  /** The network asked for, while its weights are on their way and a nearby one is shown. */
  awaited: Snapshot | null;
  /** Lays the tilted rule over logits (rows, k) of inputs (rows, d), in place (core/overlay.ts). */
  tilted?: (logits: Float32Array, X: Float32Array) => void;
}

const cache = new WeakMap<Session, Map<string, Shown>>();
const KEPT = 5; // at the least: current, pinned, hovered, newest, previous
const ROOM = 16e6; // bytes of logits kept beyond these: a run's epochs are computed once

/** The member of the fan on screen; null: the run itself. */
export function memberShown(session: Session, store: Store): number | null {
  const member = store.get<number | null>("member");
  return session.fan && member !== null && member < session.fan.members.length ? member : null;
}

/**
 * The snapshot that views show, hovering aside: the one asked for, or the nearest of its network whose
 * weights have arrived, or the run's. `awaited` is the one asked for where that is another.
 */
export function present(
  session: Session,
  store: Store,
): { snapshot: Snapshot; member: number | null; awaited: Snapshot | null } | null {
  return presentAt(session, store.get<number | null>("step"), memberShown(session, store));
}

export function presentAt(
  session: Session,
  step: number | null,
  member: number | null,
): { snapshot: Snapshot; member: number | null; awaited: Snapshot | null } | null {
  const wanted = session.at(step, member);
  if (!wanted) return member === null ? null : presentAt(session, step, null);
  if (isLoaded(wanted)) return { snapshot: wanted, member, awaited: null };
  session.awaited = wanted;
  const near = nearestLoaded(session.of(member), wanted);
  if (near) return { snapshot: near, member, awaited: wanted };
  const own = session.at(step);
  return own && { snapshot: own, member: null, awaited: wanted };
}

/** What views show for this session and store; null while nothing is trained. */
export function shown(session: Session, store: Store): Shown | null {
  const here = present(session, store);
  if (!here) return null;
  const { snapshot, awaited } = here;
  const hover = store.get<Hover | null>("hover");
  const land = session.landscape;
  if (hover && land && session.network) {
    const { origin, dx, dy } = land;
    const theta = () => origin.map((o, i) => o + hover.a * dx[i]! + hover.b * dy[i]!);
    return build(session, snapshot, theta, `${land.id}:${hover.a}:${hover.b}`, true, null, null);
  }
  const at = keyOf(session, snapshot, here.member) + (awaited ? ` for ${awaited.step}` : "");
  return build(session, snapshot, () => snapshot.theta, at, false, awaited, here.member);
}

/** The network of a snapshot, whatever is hovered (for the pinned state); of the run unless a member is named. */
export function shownAt(session: Session, snapshot: Snapshot, member: number | null = null): Shown | null {
  const at = keyOf(session, snapshot, member);
  return build(session, snapshot, () => snapshot.theta, at, false, null, member);
}

const keyOf = (session: Session, snapshot: Snapshot, member: number | null) =>
  member === null ? `${snapshot.step}` : `${snapshot.step} of ${session.fan?.id}:${member}`;

function build(
  session: Session,
  snapshot: Snapshot,
  makeTheta: () => Float32Array | null,
  at: string,
  hovered: boolean,
  awaited: Snapshot | null,
  member: number | null,
): Shown | null {
  const data = session.dataset;
  if (!data || session.predictions) return null; // large predictions are not looked at one by one
  const key = `${session.run?.id}:${at}`;
  const entries = cache.get(session) ?? new Map<string, Shown>();
  cache.set(session, entries);
  const found = entries.get(key);
  if (found && found.snapshot === snapshot && (hovered || found.theta === snapshot.theta)) {
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
  const network = session.network;
  const result: Shown = { snapshot, member, network, theta, rows, logits, labels, hovered, key, awaited };
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

/** A state to compare with; without a temperature it is seen at the present one. */
export interface Pinned {
  step: number | null;
  member?: number | null;
  temperature?: number;
}

/** The pinned network, or null while nothing is pinned. */
export function pinnedShown(session: Session, pinned: Pinned | null): Shown | null {
  const here = pinned && presentAt(session, pinned.step, session.fan ? (pinned.member ?? null) : null);
  return here && shownAt(session, here.snapshot, here.member);
}
