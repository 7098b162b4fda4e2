/** One engine for all who show the same large predictions; it ends with the last of them. */

import { Predictions } from "../../../core/predictions";
import type { Session } from "../../../core/session";
import type { LargeUse } from "../../mount";
import { Engine } from "./engine";
import { startHelper } from "./helper";

/** What all who show a session's predictions share. */
interface Shared {
  predictions: Predictions;
  engine: Engine | null; // once all rows are there
  exact: { from: number; rows: Float32Array }[]; // until then
  listeners: Set<() => void>;
}
const all = new WeakMap<object, Shared>();

export function useLarge(session: Session, changed: () => void): LargeUse {
  let joined: Session["predictions"] = null;
  const leave = () => {
    const shared = joined && all.get(joined);
    if (!joined || !shared) return;
    shared.listeners.delete(changed);
    if (shared.listeners.size === 0) {
      shared.engine?.end();
      all.delete(joined);
    }
    joined = null;
  };
  const join = (): Shared | null => {
    const now = session.predictions;
    if (joined !== now) leave();
    const { dataset } = session;
    if (!now || !dataset) return null;
    const shared = all.get(now) ?? {
      predictions: new Predictions(dataset.n, dataset.k, now.description),
      engine: null,
      exact: [],
      listeners: new Set(),
    };
    all.set(now, shared);
    shared.listeners.add(changed);
    joined = now;
    read(shared, now.pieces);
    return shared;
  };
  const stop = session.on(["predictions", "data"], () => {
    join();
    changed();
  });
  return {
    engine: () => join()?.engine ?? null,
    notice() {
      const { predictions } = join() ?? {};
      if (!predictions || predictions.complete) return null;
      const { n } = predictions.form;
      return {
        tone: "plain",
        title: "Receiving predictions",
        text: `${predictions.received.toLocaleString("en")} of ${n.toLocaleString("en")} samples`,
        progress: predictions.received / n,
      };
    },
    end() {
      stop();
      leave();
    },
  };
}

/** Puts the pieces that have come where they belong. */
function read(shared: Shared, pieces: NonNullable<Session["predictions"]>["pieces"]): void {
  if (pieces.length === 0) return;
  shared.exact.push(...shared.predictions.take(pieces));
  if (!shared.predictions.complete) return;
  shared.engine ??= new Engine(shared.predictions, startHelper, () => {
    for (const listener of [...shared.listeners]) listener();
  });
  for (const { from, rows } of shared.exact.splice(0)) shared.engine.takeExact(from, rows);
}
