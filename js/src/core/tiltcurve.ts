/** What turning the boundary of a pair costs and does: curves over the angle, and measured rules beside them. */

import { callsB, type PairData, type Rule, shareRight, type Trained } from "./boundary";
import { dot } from "./linalg";
import { regularisedAt, trainedOf } from "./overlay";
import type { Dataset, Session, Snapshot } from "./session";
import { memberShown, type Shown, shownAt } from "./shown";
import type { Store } from "./store";
import { adversarialType, type Classes, planeOf, tiltError } from "./tilttheory";

export const WIDEST = 85; // degrees to either side
/** Levels of the L2 path, as clsviz/widgets/tilt.py has them. */
export const LAMBDAS: readonly number[] = Array.from({ length: 43 }, (_, i) => 10 ** (-4 + i / 6));
const MOST_SNAPSHOTS = 40;
const TIE = 1e-9; // errors this near are equal: the smaller angle is the better one

const laws = new WeakMap<PairData, Classes>();

/** The pair's classes: as a set with controlled tilt was drawn, else with the covariance of its samples. */
export function classesOf(data: Dataset, pair: PairData): Classes {
  let found = laws.get(pair);
  if (!found) {
    found = data.tilt ? drawnClasses(data.tilt, data.d) : sampledClasses(data, pair);
    laws.set(pair, found);
  }
  return found;
}

function drawnClasses(drawn: Record<string, number>, d: number): Classes {
  const [a, t, rho, rest] = ["sigma_signal", "sigma_tilt", "rho", "sigma_rest"].map((key) => drawn[key]!) as [
    number,
    number,
    number,
    number,
  ];
  const z = new Float64Array(d);
  z[0] = 1;
  return {
    z,
    separation: drawn.separation!,
    covariance(u, v) {
      const own = a * a * u[0]! * v[0]! + t * t * u[1]! * v[1]!;
      const shared = rho * a * t * (u[0]! * v[1]! + u[1]! * v[0]!);
      return own + shared + rest * rest * (dot(u, v) - u[0]! * v[0]! - u[1]! * v[1]!);
    },
  };
}

function sampledClasses({ X, d }: Dataset, { rows, labels, centroids }: PairData): Classes {
  const means = [centroids.a, centroids.b] as const;
  const projected = new WeakMap<Float64Array, Float64Array>(); // a plane's axis is met at many angles
  const along = (u: Float64Array): Float64Array => {
    let found = projected.get(u);
    if (!found) {
      const middle = means.map((mean) => dot(mean, u)) as [number, number];
      found = Float64Array.from(rows, (row, r) => {
        let sum = 0;
        for (let i = 0; i < d; i++) sum += X[row * d + i]! * u[i]!;
        return sum - middle[labels[r] ? 1 : 0];
      });
      projected.set(u, found);
    }
    return found;
  };
  return {
    z: centroids.z,
    separation: centroids.distance,
    covariance: (u, v) => dot(along(u), along(v)) / rows.length,
  };
}

/** Error of a rule by the theory: of the boundary with its normal half-way between the classes. */
export function theoryError(w: Float64Array, classes: Classes): number {
  const { theta, ...plane } = planeOf(w, classes);
  return tiltError(theta, plane);
}

export interface TheoryCurve {
  degrees: Float64Array; // -85 .. 85
  theory: Float64Array; // error by the theory
  types: Uint8Array; // 0, 1, 2
  best: number; // degrees of the least error
  least: number; // that error
}

const curves = new WeakMap<Trained, TheoryCurve>();

/** The theory's curve of a network's boundary as it is turned. */
export function theoryCurve(data: Dataset, pair: PairData, trained: Trained): TheoryCurve {
  const found = curves.get(trained);
  if (found) return found;
  const classes = classesOf(data, pair);
  const degrees = Float64Array.from({ length: 2 * WIDEST + 1 }, (_, i) => i - WIDEST);
  const theory = degrees.map((v) => theoryError(trained.tilted(v).w, classes));
  const least = Math.min(...theory);
  const best = degrees.reduce(
    (best, v, i) => (theory[i]! <= least + TIE && Math.abs(v) < Math.abs(best) ? v : best),
    Number.POSITIVE_INFINITY,
  );
  const types = Uint8Array.from(degrees, (v, i) => adversarialType((v * Math.PI) / 180, theory[i]!, least));
  const curve = { degrees, theory, types, best, least };
  curves.set(trained, curve);
  return curve;
}

/** The kind of adversarial examples that a rule has, by the theory's errors. */
export function typeOf(data: Dataset, pair: PairData, trained: Trained, rule: Rule): 0 | 1 | 2 {
  const error = theoryError(rule.w, classesOf(data, pair));
  const angle = Number(rule.angle.toFixed(6)); // a turn by 30° is one, whatever the arc cosine says
  return adversarialType((angle * Math.PI) / 180, error, theoryCurve(data, pair, trained).least);
}

/** A rule as measured: on the validation samples, and by its distance to the centroids. */
export interface Measured {
  degrees: number; // off the centroid direction
  error: number; // share of the pair's validation samples called wrongly
  strength: number;
  distance: number;
}

export function measured(data: Dataset, at: Shown, pair: PairData, rule: Rule): Measured {
  const rows = at.rows.filter((i) => data.y[i] === pair.a || data.y[i] === pair.b);
  const error = 1 - shareRight(data, rows, callsB(data, at, rows, pair, rule), pair.b);
  return { degrees: rule.angle, error, strength: rule.strength, distance: rule.distance };
}

/** The sample's curve: the network's boundary turned to each of the degrees. */
export function sampleCurve(data: Dataset, at: Shown, pair: PairData, trained: Trained): Measured[] {
  return Array.from(theoryCurve(data, pair, trained).degrees, (v) =>
    measured(data, at, pair, trained.tilted(v)),
  );
}

const paths = new WeakMap<PairData, Map<number, Measured>>();

/** The L2 path as far as it is computed by `until` (ms of performance.now()), level by level. */
export function pathPoints(data: Dataset, at: Shown, pair: PairData, until: number): (Measured | null)[] {
  const kept = paths.get(pair) ?? new Map<number, Measured>();
  paths.set(pair, kept);
  return LAMBDAS.map((lam) => {
    const known = kept.get(lam);
    if (known || performance.now() > until) return known ?? null;
    const point = measured(data, at, pair, regularisedAt(data, pair, lam));
    if (!at.hovered) kept.set(lam, point);
    return point;
  });
}

export interface Moment extends Measured {
  epoch: number;
}

const moments = new WeakMap<Snapshot, Map<PairData, Moment>>();

/** The network at the epochs that are here, thinned evenly, as far as computed by `until`; null: not yet. */
export function epochPoints(
  session: Session,
  store: Store,
  pair: PairData,
  until: number,
): (Moment | null)[] {
  const data = session.dataset!;
  const member = memberShown(session, store);
  const all = session.of(member).filter((s) => s.theta !== null);
  const count = Math.min(MOST_SNAPSHOTS, all.length);
  return Array.from({ length: count }, (_, i) => {
    const snapshot = all[count > 1 ? Math.round((i * (all.length - 1)) / (count - 1)) : 0]!;
    const kept = moments.get(snapshot) ?? new Map<PairData, Moment>();
    moments.set(snapshot, kept);
    const known = kept.get(pair);
    if (known || performance.now() > until) return known ?? null;
    const at = shownAt(session, snapshot, member);
    if (!at) return null;
    const { rule } = trainedOf(session, store, at, pair);
    const point = { ...measured(data, at, pair, rule), epoch: snapshot.epoch };
    if (store.get("normal_at") !== "marked") kept.set(pair, point);
    return point;
  });
}
