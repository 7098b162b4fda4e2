/** What features of a network are compared with: those of its training samples. No DOM. */

import { evenly, takeRows } from "./arrays";
import type { Runnable } from "./boundary";
import { type Network, parameterCount } from "./forward";
import { features, type Reference } from "./ood";
import type { Dataset } from "./session";

const MOST_REFERENCE = 1500; // training samples that features are compared with; as widgets/ood_job.py

const kept = new WeakMap<object, Reference>();

/** Features of the training part, or of what stands for it, under a network that the browser runs. */
export function referenceOf(data: Dataset, { network, theta }: Runnable): Reference {
  const of = network!.kind === "linear" ? data : theta!; // a linear network's are its inputs
  const known = kept.get(of);
  if (known) return known;
  const rows = evenly(data.train.length > 0 ? data.train : data.validation, MOST_REFERENCE);
  const found = {
    ...features(network!, theta!, takeRows(data.X, data.d, rows)),
    labels: Int32Array.from(rows, (i) => data.y[i]!),
  };
  kept.set(of, found);
  return found;
}

/** Multiplications that `referenceOf` and a covariance of it take, about. */
export function referenceWork(data: Dataset, network: Network): number {
  const width = network.sizes[Math.max(0, network.sizes.length - 2)]!;
  const n = Math.min(MOST_REFERENCE, data.train.length || data.validation.length);
  return n * ((network.kind === "linear" ? 0 : parameterCount(network)) + (width * width) / 2);
}
