/** The tilt view's numbers: the theory, and the curves and points over it, as Python has them. */

import { describe, expect, it } from "vitest";
import { callsB, pairData, shareRight } from "../src/core/boundary";
import { normalCdf } from "../src/core/normal";
import { regularisedAt, trainedOf } from "../src/core/overlay";
import { Session } from "../src/core/session";
import { shown } from "../src/core/shown";
import { MemoryStore } from "../src/core/store";
import {
  classesOf,
  epochPoints,
  measured,
  pathPoints,
  sampleCurve,
  theoryCurve,
  theoryError,
  typeOf,
} from "../src/core/tiltcurve";
import { adversarialType, optimalAngle, tiltError } from "../src/core/tilttheory";
import { bytes } from "./line";
import { vectors } from "./vectors";

interface Numbers {
  angle: number;
  error: number;
  theory_error: number;
  strength: number;
  distance: number;
  type: number;
}
interface Case {
  X: number[][];
  y: number[];
  train: number[];
  validation: number[];
  k: number;
  tilt: Record<string, number> | null;
  snapshots: { step: number; epoch: number; theta: number[] }[];
  trained: Numbers;
  turned: (Numbers & { tilt: number })[];
  regularised: Numbers & { lam: number };
  curve: { errors: number[]; theory: number[]; types: number[]; best: number; least: number };
  path: { lam: number; angle: number; error: number; strength: number }[];
  epochs: { epoch: number; angle: number; error: number }[];
}
interface Plane {
  separation: number;
  sigma_signal: number;
  sigma_tilt: number;
  rho: number;
  error: number[];
  optimal_angle: number;
}
const told = await vectors<{
  x: number[];
  ndtr: number[];
  angles: number[];
  planes: Plane[];
  types: { angle: number; error: number; optimal: number; type: number }[];
  cases: Case[];
}>("tilt");

function sessionOf(c: Case): Session {
  const session = new Session();
  const [n, d] = [c.X.length, c.X[0]!.length];
  const names = Array.from({ length: c.k }, (_, k) => `class ${k}`);
  session.receive(
    {
      kind: "run",
      dataset: {
        name: "toy",
        n,
        d,
        k: c.k,
        class_names: names,
        feature_names: [],
        image_shape: null,
        tilt: c.tilt,
      },
      network: { kind: "linear", sizes: [d, c.k] },
      run: {
        id: "r",
        state: "paused",
        message: "",
        epochs: 4,
        experiment: null,
        trainable: true,
        changeable: true,
      },
    },
    [
      bytes(Float32Array.from(c.X.flat())),
      bytes(Int32Array.from(c.y)),
      bytes(Int32Array.from(c.y)),
      bytes(Int32Array.from(c.train)),
      bytes(Int32Array.from(c.validation)),
    ],
  );
  const items = c.snapshots.map(({ step, epoch }) => ({ step, epoch, metrics: {} }));
  const thetas = c.snapshots.map(({ theta }) => bytes(Float32Array.from(theta)));
  session.receive({ kind: "snapshots", run_id: "r", items }, thetas);
  return session;
}

describe("the theory of tilting", () => {
  it("has the normal distribution function of scipy, in the tails too", () => {
    told.x.forEach((x, i) => {
      expect(normalCdf(x)).toBeCloseTo(told.ndtr[i]!, 14);
    });
    expect(normalCdf(-9) / told.ndtr[0]!).toBeCloseTo(1, 9);
    expect([normalCdf(Number.NEGATIVE_INFINITY), normalCdf(Number.POSITIVE_INFINITY)]).toEqual([0, 1]);
  });

  it("has the errors, best angles and types of clsviz.boundary", () => {
    for (const p of told.planes) {
      const plane = { separation: p.separation, signal: p.sigma_signal, tilt: p.sigma_tilt, rho: p.rho };
      told.angles.forEach((angle, i) => {
        expect(tiltError(angle, plane)).toBeCloseTo(p.error[i]!, 12);
      });
      expect(optimalAngle(plane)).toBeCloseTo(p.optimal_angle, 12);
    }
    for (const t of told.types) expect(adversarialType(t.angle, t.error, t.optimal)).toBe(t.type);
  });
});

describe.each(told.cases)("curves and points of case $#", (c) => {
  const session = sessionOf(c);
  const data = session.dataset!;
  const store = new MemoryStore();
  const at = shown(session, store)!;
  const pair = pairData(data, 0, 1);
  const trained = trainedOf(session, store, at, pair);
  const close = (of: Parameters<typeof measured>[3], n: Numbers) => {
    const m = measured(data, at, pair, of);
    expect(m.error).toBeCloseTo(n.error, 9);
    expect(m.degrees).toBeCloseTo(Math.abs(n.angle), 3);
    expect(m.strength).toBeCloseTo(n.strength, 4);
    expect(m.distance).toBeCloseTo(n.distance, 5);
    expect(theoryError(of.w, classesOf(data, pair))).toBeCloseTo(n.theory_error, 5);
    expect(typeOf(data, pair, trained, of)).toBe(n.type);
  };

  it("are Python's as trained, turned to either side, and regularised", () => {
    close(trained.rule, c.trained);
    for (const t of c.turned) close(trained.tilted(t.tilt), t);
    close(regularisedAt(data, pair, c.regularised.lam), c.regularised);
    const rows = at.rows.filter((i) => data.y[i]! < 2);
    const share = shareRight(data, rows, callsB(data, at, rows, pair, trained.rule), 1);
    expect(measured(data, at, pair, trained.rule).error).toBe(1 - share); // what the boundary view says
  });

  it("are Python's at every angle", () => {
    const { theory, types, best, least } = theoryCurve(data, pair, trained);
    c.curve.theory.forEach((v, i) => {
      expect(theory[i]!).toBeCloseTo(v, 5);
    });
    expect(least).toBeCloseTo(c.curve.least, 6);
    expect(Math.abs(best - c.curve.best)).toBeLessThanOrEqual(1);
    expect([...types].filter((v, i) => v !== c.curve.types[i]).length).toBeLessThanOrEqual(1); // at a threshold
    const wrong = sampleCurve(data, at, pair, trained).map((m) => m.error);
    expect(wrong.filter((v, i) => Math.abs(v - c.curve.errors[i]!) > 1e-9).length).toBeLessThanOrEqual(1);
  });

  it("are Python's along the L2 path and over the epochs", () => {
    const path = pathPoints(data, at, pair, Number.POSITIVE_INFINITY);
    expect(path).toHaveLength(43);
    for (const p of c.path) {
      const m = path[Math.round(6 * (Math.log10(p.lam) + 4))]!;
      expect(m.degrees).toBeCloseTo(p.angle, 4);
      expect(m.error).toBeCloseTo(p.error, 9);
      expect(m.strength).toBeCloseTo(p.strength, 5);
    }
    const moments = epochPoints(session, store, pair, Number.POSITIVE_INFINITY);
    expect(moments).toHaveLength(c.epochs.length);
    c.epochs.forEach((p, i) => {
      expect(moments[i]!.epoch).toBeCloseTo(p.epoch, 9);
      expect(moments[i]!.degrees).toBeCloseTo(p.angle, 2);
      expect(moments[i]!.error).toBeCloseTo(p.error, 9);
    });
  });

  it("measures only as long as it may, and goes on where it stopped", () => {
    const other = sessionOf(c);
    const late = pairData(other.dataset!, 0, 1);
    const state = new MemoryStore();
    expect(pathPoints(other.dataset!, shown(other, state)!, late, 0).every((m) => m === null)).toBe(true);
    expect(epochPoints(other, state, late, 0).every((m) => m === null)).toBe(true);
  });
});
