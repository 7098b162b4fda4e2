/** The boundary between two classes of a session: centroids, normal, tilt, regularised rule. No DOM. */

import { confusion, mostConfusedPair } from "./confusion";
import { forward } from "./forward";
import { pairGradient } from "./gradient";
import { addScatter, cholesky, dot, norm, plus, solve } from "./linalg";
import { logisticL2 } from "./logistic";
import type { Dataset, Session } from "./session";
import { type Shown, shownAt } from "./shown";
import {
  adversarialDistance,
  adversarialStrength,
  type Centroids,
  centroidsOf,
  deviationAngle,
  type FlatDirections,
  flatDirections,
  type Tilted,
  type TiltPath,
  tiltPath,
} from "./tilt";

const DEGREE = Math.PI / 180;

/** Two classes of a data set, from its reference samples; labels 0 = a, 1 = b. */
export interface PairData {
  a: number;
  b: number;
  rows: Int32Array; // reference samples of the two classes
  labels: Uint8Array;
  centroids: Centroids;
  flat: FlatDirections;
  /** Direction of linear discriminant analysis: pooled covariance with a small ridge. */
  discriminant(): Float64Array;
}

const LDA_RIDGE = 1e-3; // of the mean variance

const pairsOf = new WeakMap<Dataset, Map<string, PairData>>();

export function pairData(data: Dataset, a: number, b: number): PairData {
  const kept = pairsOf.get(data) ?? new Map<string, PairData>();
  pairsOf.set(data, kept);
  const found = kept.get(`${a},${b}`);
  if (found) return found;
  const { X, y, d } = data;
  const rows = referenceRows(data).filter((i) => y[i] === a || y[i] === b);
  const labels = Uint8Array.from(rows, (i) => Number(y[i] === b));
  const centroids = centroidsOf(X, rows, labels, d);
  const C = new Float64Array(d * d); // pooled within the classes
  addScatter(
    C,
    X,
    rows.filter((_, r) => !labels[r]),
    d,
    centroids.a,
  );
  addScatter(
    C,
    X,
    rows.filter((_, r) => labels[r]),
    d,
    centroids.b,
  );
  for (let i = 0; i < C.length; i++) C[i]! /= rows.length;
  let lda: Float64Array | null = null;
  const pair: PairData = {
    a,
    b,
    rows,
    labels,
    centroids,
    flat: flatDirections(C, d),
    discriminant() {
      if (lda) return lda;
      let trace = 0;
      for (let i = 0; i < d; i++) trace += C[i * d + i]!;
      const S = Float64Array.from(C);
      for (let i = 0; i < d; i++) S[i * d + i]! += LDA_RIDGE * (trace / d) + 1e-12;
      const L = cholesky(S, d);
      const gap = plus(centroids.b, -1, centroids.a);
      lda = L ? solve(L, gap) : gap;
      return lda;
    },
  };
  kept.set(`${a},${b}`, pair);
  return pair;
}

interface Reference {
  rows: Int32Array;
  classes: number[];
}
const references = new WeakMap<Dataset, Reference>();

/** The training part, or where it has one class only the validation part; and its classes, ascending. */
function reference(data: Dataset): Reference {
  const kept = references.get(data);
  if (kept) return kept;
  const of = (rows: Int32Array): Reference => {
    const classes = new Set(Array.from(rows, (i) => data.y[i]!));
    return { rows, classes: [...classes].sort((p, q) => p - q) };
  };
  const [train, held] = [of(data.train), of(data.validation)];
  const found = train.classes.length < 2 && held.classes.length > train.classes.length ? held : train;
  references.set(data, found);
  return found;
}

/** The samples that centroids are made of. */
export const referenceRows = (data: Dataset): Int32Array => reference(data).rows;

/** Classes that have such samples, ascending. */
export const presentClasses = (data: Dataset): number[] => reference(data).classes;

interface DefaultPair {
  run: string;
  epoch: number;
  pair: [number, number];
}
const defaults = new WeakMap<Session, DefaultPair>();

/** The most confused pair of the newest network, looked for again when training rests: it does not
 *  flicker while a network trains. */
function mostConfused(session: Session, present: number[]): [number, number] {
  const run = session.run!;
  const last = session.snapshots[session.snapshots.length - 1]!;
  const found = defaults.get(session);
  if (found?.run === run.id) {
    const stale = run.state === "running" ? found.epoch < 1 && last.epoch >= 1 : found.epoch !== last.epoch;
    if (!stale) return found.pair;
  }
  const at = shownAt(session, last)!;
  const errors = mostConfusedPair(confusion(at.logits, at.labels, session.dataset!.k));
  const known = errors?.every((k) => present.includes(k)) ? errors : null;
  const pair: [number, number] = known ?? [present[0]!, present[1]!];
  defaults.set(session, { run: run.id, epoch: last.epoch, pair });
  return pair;
}

/** The chosen pair, lower class first, or the default; null when the data have fewer than two classes. */
export function pairOf(session: Session, chosen: readonly number[] | null): [number, number] | null {
  const present = presentClasses(session.dataset!);
  if (present.length < 2) return null;
  const [a, b] = [...(chosen ?? [])].sort((p, q) => p - q);
  if (a !== undefined && b !== undefined && a !== b && present.includes(a) && present.includes(b))
    return [a, b];
  return mostConfused(session, present);
}

/** What the slope of a network is taken from. */
export type Runnable = Pick<Shown, "network" | "theta">;

export type RuleKind = "trained" | "tilted" | "l2";

/** A linear rule of the pair: exact, or the trained network's slope at one point. */
export interface Rule extends Tilted {
  kind: RuleKind;
  gain: number; // log odds of class b per unit of w.x + b
  angle: number; // degrees between normal and centroid direction, 0..180
  turned: number; // the same, negative where it was turned to the other side
  strength: number; // adversarial, 1 is best
  distance: number; // adversarial, input units
}

export interface Trained extends TiltPath {
  rule: Rule;
  through: Float64Array; // point of the boundary that all tilted ones pass through
  degrees: number; // trained angle
  /** The slope is the network's own (false: its discriminant, since only the kernel can run it). */
  exact: boolean;
  tilted(degrees: number): Rule;
}

/** The trained classifier's normal between the centroids (or at sample `marked`), and the tilts that start there. */
export function trainedPath(data: Dataset, at: Runnable, pair: PairData, marked: number | null): Trained {
  const { a, b, centroids } = pair;
  const { network, theta } = at;
  const exact = network !== null && theta !== null;
  const crossed = exact ? crossing(at, pair) : null;
  const through = crossed ?? centroids.midpoint;
  let w: Float64Array;
  if (!exact) w = pair.discriminant();
  else if (marked !== null)
    w = pairGradient(network, theta, data.X.subarray(marked * data.d, (marked + 1) * data.d), a, b);
  else
    w =
      crossed || network.kind === "linear"
        ? pairGradient(network, theta, through, a, b)
        : meanSlope(data, at, pair);
  // a network that is flat there (untrained, dead units) has no normal: the centroid direction stands in
  if (!(norm(w) > 1e-9)) w = centroids.z.map((v) => v * 1e-9);
  const path = tiltPath(w, centroids.z, through, pair.flat);
  const along = Math.max(dot(w, centroids.z), 0.1 * norm(w)); // stays the same under tilting
  const ownBias = exact && network.kind === "linear" ? biasGap(at, a, b) : -dot(w, through);
  const start = path.at(path.trained);
  const rule = describe({ w, b: ownBias, n: start.n }, "trained", 1, centroids);
  return {
    ...path,
    rule,
    through,
    exact,
    degrees: rule.angle,
    tilted(degrees) {
      const theta = degrees * DEGREE;
      return describe(path.at(theta), "tilted", along / Math.max(Math.cos(theta), 0.01), centroids);
    },
  };
}

/** The L2-regularised linear classifier of the pair; flat directions stand in where it does not lean. */
export function regularisedRule(data: Dataset, pair: PairData, lam: number): Rule {
  const { d } = data;
  const X = new Float64Array(pair.rows.length * d);
  pair.rows.forEach((row, r) => {
    for (let i = 0; i < d; i++) X[r * d + i] = data.X[row * d + i]!;
  });
  const fit = logisticL2(X, pair.labels, d, lam);
  const { n } = tiltPath(fit.w, pair.centroids.z, pair.centroids.midpoint, pair.flat).at(0);
  return describe({ ...fit, n }, "l2", 1, pair.centroids);
}

function describe(rule: Tilted, kind: RuleKind, gain: number, centroids: Centroids): Rule {
  const angle = deviationAngle(rule.w, centroids) / DEGREE;
  return {
    ...rule,
    kind,
    gain,
    angle,
    turned: dot(rule.w, rule.n) < -1e-9 ? -angle : angle,
    strength: adversarialStrength(rule, centroids),
    distance: adversarialDistance(rule, centroids),
  };
}

/** z_b - z_a of the network shown at one point. */
export function pairLogit(at: Runnable, x: ArrayLike<number>, a: number, b: number): number {
  const z = forward(at.network!, at.theta!, Float32Array.from(x), 1);
  return z[b]! - z[a]!;
}

const BISECTIONS = 40;

/** A point between the centroids where the network turns from a to b; null unless their calls are a and b. */
function crossing(at: Runnable, { a, b, centroids }: PairData): Float64Array | null {
  const gap = plus(centroids.b, -1, centroids.a);
  const logit = (t: number) => pairLogit(at, plus(centroids.a, t, gap), a, b);
  if (!(logit(0) < 0 && logit(1) > 0)) return null;
  let [lo, hi] = [0, 1];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (lo + hi) / 2;
    if (logit(middle) < 0) lo = middle;
    else hi = middle;
  }
  return plus(centroids.a, (lo + hi) / 2, gap);
}

const SLOPE_SAMPLES = 200;

/** Mean over reference samples of the slope of p(b): the direction in which the network as a whole turns to b
 *  where its boundary is too bent to have one normal (two moons). For a linear network it is the normal. */
function meanSlope(data: Dataset, at: Runnable, { a, b, rows }: PairData): Float64Array {
  const stride = Math.max(1, Math.ceil(rows.length / SLOPE_SAMPLES));
  const sum = new Float64Array(data.d);
  for (let r = 0; r < rows.length; r += stride) {
    const x = data.X.subarray(rows[r]! * data.d, (rows[r]! + 1) * data.d);
    const p = 1 / (1 + Math.exp(-pairLogit(at, x, a, b)));
    const g = pairGradient(at.network!, at.theta!, x, a, b);
    for (let i = 0; i < data.d; i++) sum[i]! += p * (1 - p) * g[i]!;
  }
  return sum.map((v) => (v * stride) / rows.length);
}

function biasGap(at: Runnable, a: number, b: number): number {
  const [d, k] = at.network!.sizes as [number, number];
  return at.theta![d * k + b]! - at.theta![d * k + a]!;
}

/** For each given row: does the rule (or, as trained, the network) take it for class b? */
export function callsB(
  data: Dataset,
  at: Shown,
  rows: ArrayLike<number>,
  { a, b }: PairData,
  rule: Rule,
): Uint8Array {
  const out = new Uint8Array(rows.length);
  const places = rule.kind === "trained" ? rowPlaces(at) : null;
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r]!;
    if (places) {
      const from = places.get(row)! * data.k;
      out[r] = Number(at.logits[from + b]! > at.logits[from + a]!);
    } else {
      let z = rule.b;
      for (let i = 0; i < data.d; i++) z += rule.w[i]! * data.X[row * data.d + i]!;
      out[r] = Number(z > 0);
    }
  }
  return out;
}

const placesOf = new WeakMap<Shown, Map<number, number>>();

/** Where each validation sample stands in the logits shown. */
function rowPlaces(at: Shown): Map<number, number> {
  const found = placesOf.get(at) ?? new Map(Array.from(at.rows, (row, place) => [row, place]));
  placesOf.set(at, found);
  return found;
}

/** Share of the given rows (all of the pair) that are called by their label; nan without rows. */
export function shareRight(data: Dataset, rows: ArrayLike<number>, calls: Uint8Array, b: number): number {
  let right = 0;
  for (let r = 0; r < rows.length; r++) right += Number((data.y[rows[r]!] === b) === Boolean(calls[r]));
  return right / rows.length;
}
