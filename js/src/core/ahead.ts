/** Computes in idle moments what the epoch slider will ask for: the logits of a rested run's other snapshots. */

import { parameterCount } from "./forward";
import type { Session } from "./session";
import { shownAt } from "./shown";

const WORK = 4e7; // multiplications of one snapshot that an idle moment may take
const PAUSE = 100; // ms between snapshots where the browser does not say when it is idle

/** Begins anew whenever snapshots come or training rests; returns the stop. */
export function lookAhead(session: Session): () => void {
  let left: (typeof session.snapshots)[number][] = [];
  let waiting = 0;
  const idle = globalThis.requestIdleCallback ?? ((work: () => void) => Number(setTimeout(work, PAUSE)));
  const cancel = globalThis.cancelIdleCallback ?? clearTimeout;
  const next = () => {
    waiting = 0;
    const snapshot = left.pop();
    if (!snapshot) return;
    shownAt(session, snapshot);
    waiting = idle(next);
  };
  const begin = () => {
    cancel(waiting);
    waiting = 0;
    const { dataset, network, run, snapshots } = session;
    if (!dataset || !network || run?.state === "running") return;
    if (dataset.validation.length * parameterCount(network) > WORK) return;
    left = [...snapshots];
    waiting = idle(next);
  };
  begin();
  const stop = session.on(["snapshots", "run"], begin);
  return () => {
    stop();
    cancel(waiting);
  };
}
