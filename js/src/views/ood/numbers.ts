/** What the OOD view shows: the set, its logits under the network shown, scores and their ranking. */

import { takeRows } from "../../core/arrays";
import { referenceOf } from "../../core/features";
import { forward } from "../../core/forward";
import {
  type Detector,
  featureScorer,
  features,
  logitScores,
  type Ranking,
  rank,
  readsFeatures,
} from "../../core/ood";
import { type OodQuestion, questionKey } from "../../core/oodanswer";
import { OUTSIDE, outsideSet } from "../../core/outside";
import type { Dataset, Session } from "../../core/session";
import type { Shown } from "../../core/shown";

const KEPT = 6; // sets of one network whose numbers stay

/** Samples from outside. */
export interface OutsideRows {
  key: string;
  name: string;
  noun: string; // what a number of them is a number of
  strength: string; // what the strength is; "" where it has none
  rows: Float32Array; // inputs (m, d), or logits (m, k) of predictions alone
  m: number;
  of: number; // how many there were
}

/** The sets that there are, the user's own first. */
export function setOptions(session: Session): { value: string; label: string; group: string }[] {
  const data = session.dataset!;
  return [
    ...[...session.outside.keys()].map((name) => ({ value: name, label: name, group: "yours" })),
    ...Object.entries(OUTSIDE)
      .filter(([, set]) => set.fits(data))
      .map(([value, { title }]) => ({ value, label: title, group: "made from the data" })),
  ];
}

/** The set of a name; the first there is for none, and for one that other data have. Null: none. */
export function outsideShown(session: Session, name: string | null, strength: number): OutsideRows | null {
  const data = session.dataset!;
  const names = setOptions(session).map((o) => o.value);
  const known = name !== null && names.includes(name);
  if (!known && name !== null && !Object.hasOwn(OUTSIDE, name)) return null;
  const chosen = known ? name : names[0];
  if (chosen === undefined) return null;
  const own = session.outside.get(chosen);
  if (own)
    return { key: `own ${numberOf(own)}`, name: chosen, noun: `samples of ${chosen}`, strength: "", ...own };
  const set = OUTSIDE[chosen]!;
  const rows = outsideSet(data, chosen, strength);
  const m = rows.length / data.d;
  const key = `${chosen} ${set.strength ? strength : ""}`;
  return { key, name: chosen, noun: set.noun, strength: set.strength, rows, m, of: m };
}

const numbers = new WeakMap<object, number>();
let next = 0;

/** A set that is brought again under its name is another one. */
function numberOf(set: object): number {
  const found = numbers.get(set) ?? next++;
  numbers.set(set, found);
  return found;
}

/** Small memory of one network: what was used last stays. */
class Memory<T> {
  private readonly all = new WeakMap<object, Map<string, T>>();
  get(of: object, key: string, make: () => T): T {
    const kept = this.all.get(of) ?? new Map<string, T>();
    this.all.set(of, kept);
    const found = kept.get(key) ?? make();
    kept.delete(key);
    kept.set(key, found);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
    return found;
  }
}

const logits = new Memory<Float32Array>();
const scored = new Memory<Float64Array>();
const rankings = new Memory<Scored>();

export interface Scored {
  inside: Float64Array; // (n,) of the rows of Shown
  outside: Float64Array; // (m,)
  ranking: Ranking;
}

/** What only the kernel can say for this; null: the page knows it all. */
export function questionFor(
  session: Session,
  at: Shown,
  set: OutsideRows,
  detector: Detector,
  strength: number,
): OodQuestion | null {
  if (at.network && at.theta) return null;
  if (session.dataset!.d === 0) return null; // predictions alone
  return {
    outside: set.name,
    strength,
    detector: readsFeatures(detector) ? detector : "",
    step: at.snapshot.step,
    member: at.member,
  };
}

/** Scores of validation samples and set; words where there are none, null while the kernel computes them. */
export function scoresShown(
  session: Session,
  at: Shown,
  set: OutsideRows,
  detector: Detector,
  temperature: number,
  question: OodQuestion | null,
): Scored | string | null {
  const data = session.dataset!;
  const answer = session.oodAnswer;
  if (question && answer?.key !== questionKey(question)) return null;
  if (readsFeatures(detector)) {
    if (question) return answer!.why || ranked(answer!, `${answer!.key}`, answer!.inside, answer!.outside);
    if (data.d === 0) return "predictions alone have no features: choose a score of logits";
    const outside = scored.get(at, `${detector} ${set.key}`, () => ofFeatures(data, at, detector, set.rows));
    const inside = scored.get(at, detector, () =>
      ofFeatures(data, at, detector, takeRows(data.X, data.d, at.rows)),
    );
    return ranked(at, `${detector} ${set.key}`, inside, outside);
  }
  const z = answer && question ? answer.logits : logits.get(at, set.key, () => logitsOfSet(data, at, set));
  const outside = question ? overlaid(at, z, set.rows) : z;
  return ranked(
    at,
    `${detector} ${set.key} ${temperature}`,
    logitScores(detector, at.logits, data.k, temperature),
    logitScores(detector, outside, data.k, temperature),
  );
}

function ranked(of: object, key: string, inside: Float64Array, outside: Float64Array): Scored {
  return rankings.get(of, key, () => ({ inside, outside, ranking: rank(inside, outside) }));
}

function logitsOfSet(data: Dataset, at: Shown, set: OutsideRows): Float32Array {
  if (data.d === 0) return set.rows;
  return overlaid(at, forward(at.network!, at.theta!, set.rows, set.m), set.rows);
}

/** With the rule of the pair over them, where that is what is shown. */
function overlaid(at: Shown, z: Float32Array, X: Float32Array): Float32Array {
  if (!at.tilted) return z;
  const copy = z.slice();
  at.tilted(copy, X);
  return copy;
}

/** Scores of inputs against the network's training part, or what stands for it. */
function ofFeatures(data: Dataset, at: Shown, detector: Detector, X: Float32Array): Float64Array {
  return featureScorer(detector, referenceOf(data, at))(features(at.network!, at.theta!, X).values);
}

/** Score of one sample, also one that is not among the rows shown; null where only the kernel knows it. */
export function scoreOf(
  session: Session,
  at: Shown,
  sample: number,
  detector: Detector,
  temperature: number,
  scores: Scored,
  logitsOf: (sample: number) => Float32Array,
): number | null {
  const here = at.rows.indexOf(sample);
  if (here >= 0) return scores.inside[here]!;
  const data = session.dataset!;
  if (!readsFeatures(detector)) return logitScores(detector, logitsOf(sample), data.k, temperature)[0]!;
  if (!at.network || !at.theta) return null;
  return ofFeatures(data, at, detector, takeRows(data.X, data.d, [sample]))[0]!;
}
