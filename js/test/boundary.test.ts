import { describe, expect, test } from "vitest";
import {
  callsB,
  pairData,
  pairOf,
  presentClasses,
  referenceRows,
  regularisedRule,
  shareRight,
  trainedPath,
} from "../src/core/boundary";
import {
  confidences,
  crossings,
  field,
  linearField,
  logOdds,
  networkField,
  restrictToPair,
  thinnable,
  thinned,
} from "../src/core/field";
import { forward, type Network, parameterCount } from "../src/core/forward";
import { dot, eigen, leadingTwo, norm } from "../src/core/linalg";
import { logisticL2 } from "../src/core/logistic";
import {
  explainedBy,
  type Plane,
  pcaPlane,
  planeFromPoints,
  planeLift,
  planeProject,
} from "../src/core/plane";
import { Session } from "../src/core/session";
import type { Shown } from "../src/core/shown";
import { softmaxRow } from "../src/core/softmax";
import {
  adversarialDistance,
  adversarialStrength,
  centroidsOf,
  deviationAngle,
  flatDirections,
  mirrorImage,
  tiltedClassifier,
  tiltingBasis,
  tiltPath,
} from "../src/core/tilt";
import { storedTilt } from "../src/views/boundary/tiltknobs";
import { vectors } from "./vectors";

interface Linear {
  w: number[];
  b: number;
}
interface TiltCase extends Linear {
  X: number[][];
  y: number[];
  nearest_centroid: Linear & { distance: number };
  deviation_angle: number;
  adversarial_strength: number;
  adversarial_distance: number;
  mirror_image: number[][];
  basis: { z: number[]; n: number[]; theta: number };
  midpoint: number[];
  tilted: (Linear & {
    theta: number;
    deviation_angle: number;
    adversarial_strength: number;
    adversarial_distance: number;
  })[];
  logistic_l2: (Linear & { lam: number })[];
}
interface PlaneNumbers {
  origin: number[];
  u: number[];
  v: number[];
  explained?: number[];
  coords?: number[][];
  projected: number[][];
  lifted: number[][];
}
interface PlaneCase {
  X: number[][];
  coords: [number, number][];
  pca_plane: PlaneNumbers;
  plane_from_points: PlaneNumbers;
}

const python = await vectors<{ tilt: TiltCase[]; planes: PlaneCase[] }>("boundary");

const rowsOf = (n: number) => Array.from({ length: n }, (_, i) => i);

function close(got: ArrayLike<number>, wanted: readonly number[], tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    expect(Math.abs(got[i]! - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)));
  });
}

describe.each(python.tilt.map((c) => ({ c, d: c.w.length })))(
  "tilt in $d dimensions agrees with Python",
  ({ c, d }) => {
    const X = Float64Array.from(c.X.flat());
    const centroids = centroidsOf(X, rowsOf(c.y.length), c.y, d);
    const given = { w: Float64Array.from(c.w), b: c.b };

    test("centroids", () => {
      close(centroids.z, c.nearest_centroid.w, 1e-9);
      close(centroids.midpoint, c.midpoint, 1e-9);
      expect(centroids.distance).toBeCloseTo(c.nearest_centroid.distance, 9);
    });

    test("angle, strength, distance, mirror images, basis", () => {
      expect(deviationAngle(given.w, centroids)).toBeCloseTo(c.deviation_angle, 9);
      expect(adversarialStrength(given, centroids)).toBeCloseTo(c.adversarial_strength, 8);
      expect(adversarialDistance(given, centroids)).toBeCloseTo(c.adversarial_distance, 9);
      c.mirror_image.forEach((row, i) => {
        close(mirrorImage(c.X[i]!, given), row, 1e-9);
      });
      const basis = tiltingBasis(given.w, centroids.z)!;
      close(basis.n, c.basis.n, 1e-9);
      expect(basis.theta).toBeCloseTo(c.basis.theta, 9);
    });

    test("tilted classifiers", () => {
      for (const t of c.tilted) {
        const rule = tiltedClassifier(c.basis.z, c.basis.n, t.theta, c.midpoint);
        close(rule.w, t.w, 1e-9);
        expect(rule.b).toBeCloseTo(t.b, 9);
        expect(deviationAngle(rule.w, centroids)).toBeCloseTo(t.deviation_angle, 6); // acos near 1
        close([adversarialStrength(rule, centroids)], [t.adversarial_strength], 1e-8);
        expect(adversarialDistance(rule, centroids)).toBeCloseTo(t.adversarial_distance, 9);
      }
    });

    test("L2-regularised logistic regression", () => {
      for (const fit of c.logistic_l2) {
        const rule = logisticL2(X, c.y, d, fit.lam);
        close(rule.w, fit.w, 1e-6);
        expect(Math.abs(rule.b - fit.b)).toBeLessThan(1e-6);
      }
    });
  },
);

describe.each(python.planes.map((c) => ({ c, d: c.X[0]!.length })))(
  "planes in $d dimensions agree with Python",
  ({ c, d }) => {
    const X = Float64Array.from(c.X.flat());
    const n = c.X.length;

    test.each([
      ["pca_plane", () => pcaPlane(X, n, d)],
      ["plane_from_points", () => planeFromPoints(c.X[0]!, c.X[1]!, c.X[2]!)],
    ] as const)("%s", (name, make) => {
      const wanted = c[name];
      const plane: Plane = make();
      close(plane.origin, wanted.origin, 1e-9);
      close(plane.u, wanted.u, 1e-8);
      close(plane.v, wanted.v, 1e-8);
      if (wanted.explained) close(plane.explained!, wanted.explained, 1e-9);
      if (wanted.coords) close(plane.coords!.flat(), wanted.coords.flat(), 1e-9);
      close(planeProject(plane, X, rowsOf(n)), wanted.projected.flat(), 1e-7);
      c.coords.forEach(([s, t], i) => {
        close(planeLift(plane, s, t), wanted.lifted[i]!, 1e-7);
      });
    });

    test("the share a plane explains is that of its principal axes", () => {
      const plane = pcaPlane(X, n, d);
      expect(explainedBy(plane, X, rowsOf(n))).toBeCloseTo(plane.explained![0] + plane.explained![1], 9);
    });
  },
);

test("the leading axes of many features are found by iteration", () => {
  const d = 120;
  const C = new Float64Array(d * d);
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) C[i * d + j] = 0.97 ** Math.abs(i - j);
  const [fast, all] = [leadingTwo(C, d), eigen(C, d)];
  close(fast.values, all.values.slice(0, 2), 1e-9);
  for (const i of [0, 1]) expect(Math.abs(dot(fast.vectors[i]!, all.vectors[i]!))).toBeCloseTo(1, 9);
});

test("points on one line span no plane", () => {
  expect(() => planeFromPoints([0, 0], [1, 1], [2, 2])).toThrow(/one line/);
  expect(() => planeFromPoints([1, 0], [1, 0], [2, 2])).toThrow(/equal or lie/);
  expect(() => pcaPlane([0, 0, 1, 1, 2, 2], 3, 2)).toThrow(/one line/);
  expect(() => logisticL2([0, 1], [0, 1], 1, -1)).toThrow(/lam must be >= 0/);
});

/** Numbers in -0.5 .. 0.5, the same ones for the same seed. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647 - 0.5;
  };
}

/** Two classes that differ along axis 0; axis 1 varies more, axes 2 and 3 never do; the rest is noise. */
function toy(d: number): Session {
  const n = 200;
  const X = new Float32Array(n * d);
  const y = new Int32Array(n);
  const random = uniform(1);
  for (let i = 0; i < n; i++) {
    y[i] = i % 2;
    for (let j = 0; j < d; j++) X[i * d + j] = j === 2 || j === 3 ? 0 : random() * (j === 1 ? 2 : 1);
    X[i * d]! += y[i]! * 0.9;
  }
  const session = new Session();
  session.dataset = {
    name: "toy",
    n,
    d,
    k: 3,
    X,
    y,
    yClean: y,
    train: Int32Array.from({ length: 120 }, (_, i) => i),
    validation: Int32Array.from({ length: 80 }, (_, i) => 120 + i),
    classNames: ["p", "q", "absent"],
    featureNames: [],
    imageShape: null,
  };
  return session;
}

function shownFor(session: Session, network: Network, theta: Float32Array): Shown {
  const data = session.dataset!;
  const rows = data.validation;
  const X = data.X.subarray(rows[0]! * data.d);
  return {
    network,
    theta,
    rows,
    labels: data.y.subarray(rows[0]!),
    hovered: false,
    key: "k",
    member: null,
    awaited: null,
    snapshot: { step: 0, epoch: 0, theta, logits: null, metrics: {} },
    logits: forward(network, theta, X, rows.length),
  };
}

describe("the tilt of a linear network", () => {
  const d = 5;
  const session = toy(d);
  const data = session.dataset!;
  const network: Network = { kind: "linear", sizes: [d, 3] };
  const theta = Float32Array.from([-1, -0.2, -0.1, 0, 0.1, 1, 0.2, 0.1, 0, 0.2, 0, 0, 0, 0, 0, 0.9, 0, 0]);
  const at = shownFor(session, network, theta);
  const pair = pairData(data, 0, 1);
  const trained = trainedPath(data, at, pair, null);
  const rows = at.rows;
  const share = (rule: typeof trained.rule) => shareRight(data, rows, callsB(data, at, rows, pair, rule), 1);

  test("as trained it is the difference of the two class rows", () => {
    close(trained.rule.w, [2, 0.4, 0.2, 0, 0.1], 1e-6);
    expect(trained.rule.b).toBeCloseTo(-0.9, 6);
    expect(trained.degrees).toBeCloseTo(
      (deviationAngle([2, 0.4, 0.2, 0, 0.1], pair.centroids) * 180) / Math.PI,
      4,
    );
  });

  test("tilted to the trained angle it is the trained rule", () => {
    const same = trained.tilted(trained.degrees);
    expect(dot(same.w, trained.rule.w) / norm(trained.rule.w)).toBeCloseTo(1, 6);
    expect(share(same)).toBe(share(trained.rule));
  });

  test("the angle is the one asked for, and the boundary keeps passing through the crossing", () => {
    for (const degrees of [-85, -30, 0, 5, 20, 45, 60, 85]) {
      const rule = trained.tilted(degrees);
      expect(rule.angle).toBeCloseTo(Math.abs(degrees), 4);
      expect(rule.turned).toBeCloseTo(degrees, 4); // planes and fields are remembered by it
      expect(dot(rule.w, trained.through) + rule.b).toBeCloseTo(0, 6);
    }
  });

  test("beyond the trained angle accuracy stays, where features never vary, and strength grows", () => {
    const angles = [trained.degrees, 45, 60, 75, 85];
    for (const degrees of angles) expect(share(trained.tilted(degrees))).toBe(share(trained.rule));
    const strengths = angles.map((degrees) => trained.tilted(degrees).strength);
    expect(strengths).toEqual([...strengths].sort((p, q) => p - q));
    expect(strengths[4]! / strengths[0]!).toBeGreaterThan(8);
  });

  test("the way to zero ends at the nearest-centroid direction", () => {
    close(trained.tilted(0).w, [...pair.centroids.z], 1e-6);
  });

  test("a tilt is stored as null at the trained angle, as 0 near it, and no farther than the sliders reach", () => {
    expect(storedTilt(20.2, 20, 0.25)).toBeNull();
    expect(storedTilt(20.5, 20, 0.25)).toBe(20.5);
    expect(storedTilt(-0.2, 20, 0.25)).toBe(0);
    expect(storedTilt(-1.1, 20, 1.2)).toBe(0);
    expect(storedTilt(-120, 20, 1.2)).toBe(-85);
    expect(storedTilt(84.5, 130, 1.2)).toBeNull(); // a network that leans farther stands at the end
  });

  test("regularisation turns the boundary back", () => {
    const angles = [1e-4, 1e-2, 1, 100].map((lam) => regularisedRule(data, pair, lam).angle);
    expect(angles).toEqual([...angles].sort((p, q) => q - p));
    expect(angles[3]).toBeLessThan(3);
  });
});

test("the flat direction is the one of least variance, orthogonal to what it must be", () => {
  const d = 6;
  const C = new Float64Array(d * d);
  [4, 1, 0.01, 3, 0.5, 2].forEach((v, i) => {
    C[i * d + i] = v;
  });
  const flat = flatDirections(C, d);
  const axis = (i: number) => Float64Array.from({ length: d }, (_, j) => Number(i === j));
  expect(Math.abs(flat.orthogonalTo([axis(0)])![2]!)).toBeCloseTo(1, 6);
  expect(Math.abs(flat.orthogonalTo([axis(0), axis(2)])![4]!)).toBeCloseTo(1, 6);
  expect(flat.orthogonalTo(rowsOf(d).map(axis))).toBeNull();
});

test("in two dimensions there is nothing flat left: the boundary simply turns on", () => {
  const flat = flatDirections([1, 0, 0, 1], 2);
  const path = tiltPath([1, 0.5], Float64Array.of(1, 0), [0, 0], flat);
  close(path.at(1.2).w, [Math.cos(1.2), Math.sin(1.2)], 1e-12);
});

test("a network that does not tell the centroids apart still gets a sensible normal", () => {
  const session = toy(2);
  const network: Network = { kind: "mlp", sizes: [2, 4, 3], activation: "tanh" };
  const random = uniform(5);
  const theta = Float32Array.from({ length: parameterCount(network) }, () => 2 * random());
  const pair = pairData(session.dataset!, 0, 1);
  const trained = trainedPath(session.dataset!, shownFor(session, network, theta), pair, null);
  expect(Number.isFinite(trained.degrees)).toBe(true);
  expect(Number.isFinite(trained.tilted(30).strength)).toBe(true);
});

test("a pair is two different classes that have samples", () => {
  const session = toy(3);
  session.run = {
    id: "r",
    state: "finished",
    message: "",
    epochs: 1,
    experiment: null,
    trainable: false,
    changeable: false,
  };
  const logits = new Float32Array(session.dataset!.n * 3);
  session.snapshots = [{ step: 1, epoch: 1, theta: null, logits, metrics: {} }];
  expect(presentClasses(session.dataset!)).toEqual([0, 1]);
  expect(pairOf(session, [1, 0])).toEqual([0, 1]);
  for (const wrong of [null, [0, 2], [1, 1], [7, 8], []]) expect(pairOf(session, wrong)).toEqual([0, 1]);
  const { train, validation, y } = session.dataset!;
  const ofClass0 = train.filter((i) => y[i] === 0);
  session.dataset = { ...session.dataset!, train: ofClass0 };
  expect(referenceRows(session.dataset)).toBe(validation); // one class to train on, another to be told from it
  expect(pairOf(session, null)).toEqual([0, 1]);
  session.dataset = { ...session.dataset, validation: validation.filter((i) => y[i] === 0) };
  expect(referenceRows(session.dataset)).toBe(ofClass0);
  expect(pairOf(session, null)).toBeNull();
});

describe("a field", () => {
  const plane: Plane = { origin: new Float64Array(2), u: Float64Array.of(1, 0), v: Float64Array.of(0, 1) };
  const grid = { plane, xlim: [-1, 1] as const, ylim: [0, 2] as const, nx: 5, ny: 3 };

  test("has the network's logits at its points, lowest row first", () => {
    const network: Network = { kind: "linear", sizes: [2, 3] };
    const f = networkField(network, Float32Array.from([1, 0, 0, 1, 0, 0, 0, 0, 0.5]), grid);
    close(f.logits.subarray(0, 3), [-1, 0, 0.5], 1e-6);
    close(f.logits.subarray(14 * 3), [1, 2, 0.5], 1e-6);
    expect([...f.margins.keys()].sort()).toEqual([0, 1, 2]);
    close(f.margins.get(2)!.subarray(0, 1), [0.5], 1e-6);
    const two = restrictToPair(f, 0, 1);
    close(two.logits.subarray(28), [0, 1], 1e-6);
  });

  test("is as sure as the softmax at its temperature, also far out", () => {
    const f = linearField({ w: Float64Array.of(1, 0), b: 0 }, 3, grid);
    expect(confidences(f, 2)[4]).toBeCloseTo(1 / (1 + Math.exp(-1.5)), 6);
    expect(logOdds(f, 2).get(1)![4]).toBeCloseTo(1.5, 6);
    expect([...f.top.subarray(0, 5)]).toEqual([0, 0, 0, 1, 1]);
    const far = linearField({ w: Float64Array.of(1, 0), b: 0 }, 100, grid);
    expect(logOdds(far, 1).get(1)![4]).toBeCloseTo(100, 3);
  });

  test("leaves out of a softmax only what no screen could show", () => {
    const k = 7;
    const logits = Float32Array.from({ length: 64 * k }, (_, i) => 40 * Math.sin(12.9898 * i));
    const f = field(logits, k, 8, 8);
    for (const temperature of [0.05, 1, 20]) {
      confidences(f, temperature).forEach((p, i) => {
        expect(p).toBeCloseTo(Math.max(...softmaxRow(logits, i * k, k, temperature)), 5);
        expect(logits[i * k + f.top[i]!]).toBe(Math.max(...logits.subarray(i * k, (i + 1) * k)));
      });
    }
  });

  test("is thinned to points of its own, ends included, or not at all", () => {
    const n = thinnable(256);
    const linear = (side: number) =>
      linearField({ w: Float64Array.of(1, 0), b: 0 }, 1, { ...grid, nx: side, ny: side });
    const fine = linear(n);
    const coarse = thinned(fine, 90);
    expect([n, coarse.nx, coarse.ny]).toEqual([256, 86, 86]);
    expect([...coarse.logits.subarray(0, 2 * 86)]).toEqual([...linear(86).logits.subarray(0, 2 * 86)]);
    expect(coarse.logits.at(-1)).toBe(fine.logits.at(-1));
    expect(thinned(linear(64), 90).nx).toBe(64);
    expect(thinned(linear(98), 90).nx).toBe(98); // 97 steps cannot be shared out
  });

  test("is crossed by its boundary where the linear rule is zero", () => {
    const f = linearField({ w: Float64Array.of(1, 0), b: 0.25 }, 1, grid);
    const pieces = crossings(f.margins.get(1)!, f.nx, f.ny, 0);
    expect(pieces).toHaveLength(8); // one piece in each of two rows
    for (let i = 0; i < 8; i += 2) expect(pieces[i]).toBeCloseTo(1.5, 6); // x = -0.25 in grid units
  });
});
