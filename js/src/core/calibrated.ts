/** What the kernel says of calibrators: probabilities of the validation samples, each fitted without it. No DOM. */

import { asFloat64 } from "./arrays";
import type { Dataset, Message } from "./session";

export interface Calibrated {
  name: string; // of the calibrator
  step: number;
  member: number | null;
  folds: number; // of the cross-fitting
  p: Float64Array | null; // (n, k), out of fold; null: there is none, and `why` says so
  why: string;
}

export const calibratedKey = (name: string, step: number, member: number | null): string =>
  JSON.stringify([name, step, member]);

/** The answer in a message (widgets/calibrator_job.py writes it). */
export function readCalibrated(
  message: Message,
  buffers: (DataView | ArrayBuffer)[],
  data: Dataset,
): Calibrated {
  const { name, step, member, folds, why } = message as unknown as Calibrated;
  const p = why ? null : asFloat64(buffers[0]!);
  if (p && p.length !== data.validation.length * data.k)
    throw new Error(`${p.length} probabilities for ${data.validation.length} samples of ${data.k} classes`);
  return { name: String(name), step, member: member ?? null, folds, p, why: String(why ?? "") };
}
