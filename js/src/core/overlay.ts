/**
 * What views show of a network: its logits, or with `use_tilted` those of the pair's linear rule in their place.
 * Between the two classes the rule decides: their logits keep their mean, and their difference becomes the rule's.
 * All other logits stay. `clsviz.widgets.overlay` gives the same numbers.
 */

import { takeRows } from "./arrays";
import {
  type PairData,
  pairData,
  pairOf,
  type Rule,
  regularisedRule,
  type Trained,
  trainedPath,
} from "./boundary";
import { markedSample } from "./marked";
import type { Dataset, Session } from "./session";
import { type Shown, shown } from "./shown";
import type { Store } from "./store";

/** State that the rule of the pair depends on. */
export const RULE_KEYS = ["use_tilted", "tilt", "regularisation", "normal_at", "pair"] as const;

const paths = new WeakMap<Shown, Map<string, Trained>>();

/** The network's own rule of the pair, with the slope at the marked sample where that is asked for. */
export function trainedOf(session: Session, store: Store, at: Shown, pair: PairData): Trained {
  const marked = store.get("normal_at") === "marked" ? markedSample(session, store) : null;
  const kept = paths.get(at) ?? new Map<string, Trained>();
  paths.set(at, kept);
  const key = `${pair.a},${pair.b} ${marked}`;
  let found = kept.get(key);
  if (!found) {
    if (kept.size > 20) kept.clear();
    found = trainedPath(session.dataset!, at, pair, marked);
    kept.set(key, found);
  }
  return found;
}

const regularised = new WeakMap<PairData, Map<number, Rule>>();
const LEVELS_KEPT = 200;

/** The L2-regularised rule of the pair at a level, computed once. */
export function regularisedAt(data: Dataset, pair: PairData, lam: number): Rule {
  const kept = regularised.get(pair) ?? new Map<number, Rule>();
  regularised.set(pair, kept);
  let rule = kept.get(lam);
  if (!rule) {
    if (kept.size > LEVELS_KEPT) kept.clear();
    rule = regularisedRule(data, pair, lam);
    kept.set(lam, rule);
  }
  return rule;
}

/** The rule on screen: the trained one, tilted, or L2-regularised. */
export function ruleOf(store: Store, data: Dataset, pair: PairData, trained: Trained): Rule {
  const lam = store.get<number | null>("regularisation");
  const tilt = store.get<number | null>("tilt");
  if (lam === null) return tilt === null ? trained.rule : trained.tilted(tilt);
  return regularisedAt(data, pair, lam);
}

const last = new WeakMap<Shown, Shown>(); // the newest overlay of each network shown

/** As `shown`, with the rule of the pair laid over it where the user wants that. */
export function shownTilted(session: Session, store: Store): Shown | null {
  const at = shown(session, store);
  const data = session.dataset;
  if (!at || !data || data.d < 2 || !store.get("use_tilted")) return at;
  const [tilt, lam] = [store.get<number | null>("tilt"), store.get<number | null>("regularisation")];
  const chosen = tilt === null && lam === null ? null : pairOf(session, store.get<number[] | null>("pair"));
  if (!chosen) return at;
  const marked = store.get("normal_at") === "marked" ? markedSample(session, store) : null;
  const key = `${at.key} tilted ${chosen} ${tilt} ${lam} ${marked}`;
  const found = last.get(at);
  if (found?.key === key) return found;
  const pair = pairData(data, ...chosen);
  const rule = ruleOf(store, data, pair, trainedOf(session, store, at, pair));
  const tilted = (logits: Float32Array, X: Float32Array) => overlay(logits, X, data.k, data.d, pair, rule);
  const logits = Float32Array.from(at.logits);
  tilted(logits, takeRows(data.X, data.d, at.rows));
  const next: Shown = { ...at, logits, key, tilted };
  last.set(at, next);
  return next;
}

/** Lays the rule over logits (rows, k) of samples X (rows, d), in place. */
export function overlay(
  logits: Float32Array,
  X: Float32Array,
  k: number,
  d: number,
  { a, b }: Pick<PairData, "a" | "b">,
  rule: Pick<Rule, "w" | "b" | "gain">,
): void {
  for (let r = 0; r * k < logits.length; r++) {
    let z = rule.b;
    for (let i = 0; i < d; i++) z += rule.w[i]! * X[r * d + i]!;
    const middle = (logits[r * k + a]! + logits[r * k + b]!) / 2;
    logits[r * k + a] = middle - (rule.gain * z) / 2;
    logits[r * k + b] = middle + (rule.gain * z) / 2;
  }
}
