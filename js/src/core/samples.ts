/** Many samples at once: the selected ones, and the order to look at them in. */

import type { Session } from "./session";
import { logitsOf, type Shown } from "./shown";

const masks = new WeakMap<Int32Array, Uint8Array>();

/** The selection as 0/1 for each of `n` samples; null when nothing is selected. */
export function selectedMask(selection: Int32Array | null, n: number): Uint8Array | null {
  if (!selection || selection.length === 0) return null;
  const found = masks.get(selection);
  if (found?.length === n) return found;
  const mask = new Uint8Array(n);
  for (const i of selection) if (i >= 0 && i < n) mask[i] = 1;
  masks.set(selection, mask);
  return mask;
}

const orders = new WeakMap<Shown, WeakMap<Int32Array, Int32Array>>();

/** `rows` from most confidently wrong to most confidently right; the first is core/marked.ts's default. */
export function worstFirst(session: Session, at: Shown, rows: Int32Array): Int32Array {
  const kept = orders.get(at) ?? new WeakMap<Int32Array, Int32Array>();
  orders.set(at, kept);
  const found = kept.get(rows);
  if (found) return found;
  const { k, y } = session.dataset!;
  const logits = rows === at.rows ? at.logits : logitsOf(session, at, rows);
  const excess = Float64Array.from(rows, (sample, i) => excessOverLabel(logits, i * k, k, y[sample]!));
  const places = Array.from(rows, (_, i) => i).sort((a, b) => excess[b]! - excess[a]! || a - b);
  const order = Int32Array.from(places, (i) => rows[i]!);
  kept.set(rows, order);
  return order;
}

/** How far the best other class stands above the label, in logits; above 0: the guess is wrong. */
function excessOverLabel(logits: ArrayLike<number>, from: number, k: number, label: number): number {
  let rival = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < k; j++) if (j !== label) rival = Math.max(rival, logits[from + j]!);
  return rival - logits[from + label]!;
}
