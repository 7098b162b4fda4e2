/** Sets from outside, detectors and measures: the same numbers as in Python. */

import { describe, expect, it } from "vitest";
import { distanceField } from "../src/core/distancefield";
import type { Grid } from "../src/core/field";
import type { Network } from "../src/core/forward";
import {
  type Detector,
  featureScorer,
  features,
  logitScores,
  OF_FEATURES,
  oodMetrics,
  rank,
} from "../src/core/ood";
import { OUTSIDE, outsideSet } from "../src/core/outside";
import { ballTemperatures, scoresAt } from "../src/core/sampletemperature";
import type { Dataset } from "../src/core/session";
import { vectors } from "./vectors";

interface Made {
  X: number[][];
  d: number;
  train: number[];
  validation: number[];
  image_shape: [number, number] | null;
  sets: Record<string, { strength: number; seed: number; X: number[][] }[]>;
}
interface Vectors {
  datasets: Record<string, Made>;
  scores: { logits: number[][]; temperature: number; scores: Record<Detector, number[]> };
  metrics: {
    inside: number[];
    outside: number[];
    metrics: Record<string, number>[];
  }[];
  features: {
    network: Network;
    theta: number[];
    X: number[][];
    labels: number[];
    asked: number[][];
    features: number[][];
    scores: Record<Detector, number[]>;
    grid: Grid;
    field: Record<Detector, number[]>;
  }[];
}

const told = await vectors<Vectors>("ood");
const close = (got: ArrayLike<number>, expected: number[], digits: number) => {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const scale = Math.max(1, Math.abs(expected[i]!));
    expect(Math.abs(got[i]! - expected[i]!)).toBeLessThanOrEqual(10 ** -digits * scale);
  }
};

function dataset(made: Made): Dataset {
  return {
    name: "toy",
    n: made.X.length,
    d: made.d,
    k: 2,
    X: Float32Array.from(made.X.flat()),
    y: new Int32Array(made.X.length),
    yClean: new Int32Array(made.X.length),
    train: Int32Array.from(made.train),
    validation: Int32Array.from(made.validation),
    classNames: [],
    featureNames: [],
    imageShape: made.image_shape,
  };
}

describe.each(Object.entries(told.datasets))("sets of %s", (_name, made) => {
  const data = dataset(made);
  it("are those that Python has for such data", () => {
    const fits = Object.keys(OUTSIDE).filter((key) => OUTSIDE[key]!.fits(data));
    expect(fits).toEqual(Object.keys(made.sets));
  });
  it.each(Object.entries(made.sets))("%s: the same numbers", (name, cases) => {
    for (const { strength, seed, X } of cases) close(outsideSet(data, name, strength, 12, seed), X.flat(), 6);
  });
  it("are made once", () => {
    const [name] = Object.keys(made.sets);
    expect(outsideSet(data, name!, 1)).toBe(outsideSet(data, name!, 1));
  });
});

it("scores of logits agree with Python", () => {
  const { logits, temperature, scores } = told.scores;
  for (const [name, expected] of Object.entries(scores))
    close(logitScores(name as Detector, logits.flat(), 5, temperature), expected, 12);
});

it("measures agree with Python, ties included", () => {
  for (const { inside, outside, metrics } of told.metrics) {
    const ranking = rank(Float64Array.from(inside), Float64Array.from(outside));
    for (const m of metrics) {
      const got = oodMetrics(ranking, m.kept!);
      close(
        [got.auroc, got.fpr, got.threshold, got.auprIn, got.auprOut, got.detectionError],
        [m.auroc!, m.fpr!, m.threshold!, m.aupr_in!, m.aupr_out!, m.detection_error!],
        12,
      );
    }
  }
});

it("the ROC curve rises from corner to corner and encloses the AUROC", () => {
  for (const { inside, outside } of told.metrics) {
    const r = rank(Float64Array.from(inside), Float64Array.from(outside));
    const last = r.fpr.length - 1;
    expect([r.fpr[0], r.tpr[0], r.fpr[last], r.tpr[last]]).toEqual([0, 0, 1, 1]);
    let area = 0;
    for (let i = 1; i <= last; i++) area += ((r.tpr[i]! + r.tpr[i - 1]!) / 2) * (r.fpr[i]! - r.fpr[i - 1]!);
    expect(area).toBeCloseTo(r.auroc, 12);
  }
});

it("features and their scores agree with Python", () => {
  for (const c of told.features) {
    const theta = Float32Array.from(c.theta);
    const own = features(c.network, theta, Float32Array.from(c.X.flat()));
    const asked = features(c.network, theta, Float32Array.from(c.asked.flat()));
    close(asked.values, c.features.flat(), 5);
    const reference = { values: own.values, labels: Int32Array.from(c.labels), width: own.width };
    for (const name of OF_FEATURES) {
      close(featureScorer(name, reference)(asked.values), c.scores[name], 3);
      close(
        distanceField(c.network, theta, { detector: name, reference }, c.grid),
        c.field[name],
        name === "knn" ? 5 : 3,
      );
    }
  }
});

it("the neighbours of a point are the same whichever points were asked about before it", () => {
  const width = 11; // more than a block of features
  const noise = (n: number, seed: number) =>
    Float32Array.from({ length: n * width }, (_, i) => Math.sin(seed + 12.9898 * i * (1 + (i % 7))));
  const reference = { values: noise(60, 1), labels: new Int32Array(60), width };
  reference.values.fill(0, 0, 2 * width); // samples without a direction
  const asked = noise(40, 2);
  asked.fill(0, 3 * width, 4 * width);
  const score = featureScorer("knn", reference);
  const together = score(asked);
  const length = (x: Float32Array) => Math.hypot(...x) || 1;
  for (let r = 0; r < 40; r++) {
    const x = asked.subarray(r * width, (r + 1) * width);
    expect(score(x)[0]).toBe(together[r]);
    const apart = Array.from({ length: 60 }, (_, t) => {
      const a = reference.values.subarray(t * width, (t + 1) * width);
      return Math.hypot(...x.map((v, i) => v / length(x) - a[i]! / length(a)));
    });
    expect(together[r]).toBeCloseTo(-apart.sort((p, q) => p - q)[4]!, 6);
  }
});

interface Balls {
  logits: number[][];
  labels: number[];
  cases: { rho: number; low: number; high: number; temperature: number[]; nll: number; ece: number }[];
}

it("per-sample temperatures and what they are worth agree with Python", async () => {
  const { logits, labels, cases } = await vectors<Balls>("sample_temperature");
  for (const { temperature, nll, ece, ...ball } of cases) {
    const got = ballTemperatures(logits.flat(), 4, ball);
    close(got, temperature, 9);
    const scores = scoresAt(logits.flat(), labels, 4, (row) => got[row]!);
    close([scores.nll, scores.ece], [nll, ece], 9);
  }
});
