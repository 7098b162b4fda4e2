import { afterEach, expect, it, vi } from "vitest";
import { lookAhead } from "../src/core/ahead";
import * as network from "../src/core/forward";
import { type Dataset, type RunInfo, Session } from "../src/core/session";
import { shownAt } from "../src/core/shown";

afterEach(() => vi.useRealTimers());

/** A run of `steps` snapshots of a linear network on four samples. */
function session(steps: number, state: RunInfo["state"]): Session {
  const s = new Session();
  const validation = Int32Array.of(0, 1, 2, 3);
  s.dataset = {
    n: 4,
    d: 1,
    k: 2,
    X: Float32Array.of(1, 2, 3, 4),
    y: new Int32Array(4),
    validation,
  } as Dataset;
  s.network = { kind: "linear", sizes: [1, 2] };
  s.run = { id: "r", state } as RunInfo;
  s.snapshots = Array.from({ length: steps }, (_, step) => {
    return { step, epoch: step, theta: Float32Array.of(0, step, 0, 0), logits: null, metrics: {} };
  });
  return s;
}

it("has computed every snapshot before one asks for it, the newest first, once training rests", () => {
  vi.useFakeTimers();
  const forward = vi.spyOn(network, "parameterCount");
  const s = session(5, "running");
  const stop = lookAhead(s);
  vi.advanceTimersByTime(5000);
  expect(forward).not.toHaveBeenCalled();
  s.run = { ...s.run!, state: "finished" };
  s.notify("run");
  vi.advanceTimersByTime(5000);
  const known = s.snapshots.map((snapshot) => shownAt(s, snapshot));
  // thetas are read once: what is kept does not see them change
  for (const snapshot of s.snapshots) snapshot.theta!.fill(Number.NaN);
  known.forEach((shown, step) => expect(shown!.logits[1]).toBe(step));
  expect(s.snapshots.map((snapshot) => shownAt(s, snapshot))).toEqual(known);
  stop();
});

it("stops when it is told to", () => {
  vi.useFakeTimers();
  const s = session(5, "finished");
  lookAhead(s)();
  expect(vi.getTimerCount()).toBe(0);
});
