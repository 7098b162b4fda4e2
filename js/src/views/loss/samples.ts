/** The samples of the network shown as a loss sees them: logits, labels, groups, terms. */

import { evenly } from "../../core/arrays";
import type { LossAnswer, LossItem } from "../../core/lossanswer";
import { type LossSpec, type LossTerms, lossGroups, lossTerms } from "../../core/lossterms";
import type { Dataset, Session } from "../../core/session";
import { HOVER_SAMPLES, logitsOf, type Shown } from "../../core/shown";
import { negLogP } from "../../core/surprisal";

export const MOST_SAMPLES = 4000; // looked at one by one; the status says so where there are more

/** Samples of one part under one network. */
export interface Samples {
  rows: Int32Array; // sample indices
  all: number; // samples of the part
  labels: Int32Array;
  logits: Float32Array; // (rows, k)
  groups: Uint8Array;
}

export type Part = "training" | "validation";

/** Whether training and validation are different samples; of predictions alone they are the same. */
export const hasParts = ({ train, validation }: Dataset): boolean =>
  train.length > 0 && (train.length !== validation.length || train.some((row, i) => row !== validation[i]));

const known = new WeakMap<Shown, Map<Part, Samples>>();

/** The rows of a part; evenly spaced ones of a part that is too large. */
export function rowsOf(data: Dataset, part: Part, most: number): { rows: Int32Array; all: number } {
  const all = part === "training" && data.train.length > 0 ? data.train : data.validation;
  return { rows: evenly(all, most), all: all.length };
}

export function samplesOf(session: Session, at: Shown, part: Part): Samples {
  const kept = known.get(at) ?? new Map<Part, Samples>();
  known.set(at, kept);
  const found = kept.get(part);
  if (found) return found;
  const data = session.dataset!;
  const { rows, all } = rowsOf(data, part, at.hovered ? HOVER_SAMPLES : MOST_SAMPLES);
  const logits = logitsOf(session, at, rows);
  const labels = Int32Array.from(rows, (i) => data.y[i]!);
  const truth = Int32Array.from(rows, (i) => data.yClean[i]!);
  const samples = { rows, all, labels, logits, groups: lossGroups(logits, labels, truth, data.k) };
  kept.set(part, samples);
  return samples;
}

/** Where each sample stands on the axes of the curve. */
export interface Places {
  p: Float64Array;
  margin: Float64Array; // logit of the label less the best rival's
}

export function placesOf({ logits, labels }: Samples, k: number, temperature: number): Places {
  const n = labels.length;
  const out = { p: new Float64Array(n), margin: new Float64Array(n) };
  for (let i = 0; i < n; i++) {
    const y = labels[i]!;
    out.p[i] = Math.exp(-negLogP(logits, i * k, k, y, temperature));
    let rival = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < k; j++) if (j !== y) rival = Math.max(rival, logits[i * k + j]!);
    out.margin[i] = (logits[i * k + y]! - rival) / temperature;
  }
  return out;
}

/** Terms of a loss: from this page, or from the kernel's answer where it is about these samples. */
export function termsOf(
  spec: LossSpec,
  samples: Samples,
  k: number,
  temperature: number,
  item: LossItem | null,
): LossTerms | null {
  const own = lossTerms(spec, samples.logits, samples.labels, k, temperature);
  if (own) return own;
  return item?.terms && item.terms.value.length === samples.rows.length ? item.terms : null;
}

/** The kernel's words on a loss, however old: a curve that lags is better than none. */
export const itemOf = (answer: LossAnswer | null, spec: LossSpec | null): LossItem | null =>
  (spec && answer?.items.find((item) => item.name === spec.name)) ?? null;
