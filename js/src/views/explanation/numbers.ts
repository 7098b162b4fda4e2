/** What the explanation view shows: the marked sample under the network on screen. */

import { takeRows } from "../../core/arrays";
import { type Agreement, agreement, attribute, type Method } from "../../core/attribution";
import { type Explained, explain } from "../../core/explained";
import { InputGradient } from "../../core/gradient";
import { meanRow } from "../../core/linalg";
import type { Dataset } from "../../core/session";
import type { Shown } from "../../core/shown";
import { argmax } from "../../core/softmax";

export const MOST_TOP = 10; // features whose overlap is told; as clsviz/widgets/explanation_job.py

export const METHOD_NAMES: Record<Method, { label: string; paper: string }> = {
  gradient_input: { label: "gradient × input", paper: "Shrikumar et al. 2016, arXiv:1605.01713" },
  gradient: { label: "gradient", paper: "Simonyan et al. 2013, arXiv:1312.6034" },
  integrated_gradients: {
    label: "integrated gradients",
    paper: "Sundararajan et al. 2017, arXiv:1703.01365",
  },
  occlusion: { label: "occlusion", paper: "Zeiler & Fergus 2014, arXiv:1311.2901" },
  smooth_grad: { label: "SmoothGrad", paper: "Smilkov et al. 2017, arXiv:1706.03825" },
};

/** What is asked of a network. */
export interface Asked {
  sample: number;
  method: Method;
  target: number; // class
  baseline: string;
}

const means = new WeakMap<Dataset, Float64Array>();

/** What a removed feature becomes: 0, or its mean over the training part. */
export function blankOf(data: Dataset, baseline: string): Float64Array {
  if (baseline === "zero") return new Float64Array(data.d);
  const rows = data.train.length > 0 ? data.train : data.validation;
  const mean = means.get(data) ?? meanRow(takeRows(data.X, data.d, rows), rows.length, data.d);
  means.set(data, mean);
  return mean;
}

export const inputOf = (data: Dataset, sample: number): Float32Array =>
  data.X.subarray(sample * data.d, (sample + 1) * data.d);

/** The label where that is not the predicted class, else the runner-up. */
export function rivalOf(logits: ArrayLike<number>, label: number): number {
  const own = argmax(logits);
  if (label !== own) return label;
  return argmax(Array.from(logits, (z, k) => (k === own ? Number.NEGATIVE_INFINITY : z)));
}

const nets = new WeakMap<Shown, InputGradient>();
const kept = new WeakMap<Shown, { key: string; found: Explained }>();

function netOf(at: Shown): InputGradient | null {
  if (!at.network || !at.theta) return null;
  const net = nets.get(at) ?? new InputGradient(at.network, at.theta);
  nets.set(at, net);
  return net;
}

/** Explained in the page; the last answer is kept, so that temperature and pointer cost nothing. */
export function explainedHere(at: Shown, data: Dataset, asked: Asked): Explained | null {
  const net = netOf(at);
  if (!net) return null;
  const key = JSON.stringify([asked.sample, asked.method, asked.target, asked.baseline]);
  const last = kept.get(at);
  if (last?.key === key) return last.found;
  const { sample, method, target, baseline } = asked;
  const found = explain(net, inputOf(data, sample), method, target, blankOf(data, baseline));
  kept.set(at, { key, found });
  return found;
}

/** How much another network's attribution is like these values; null where the page cannot run it. */
export function agreementWith(
  other: Shown | null,
  data: Dataset,
  { sample, method, target, baseline }: Asked,
  values: ArrayLike<number>,
): Agreement | null {
  const net = other && netOf(other);
  if (!net) return null;
  const theirs = attribute(net, method, inputOf(data, sample), target, blankOf(data, baseline));
  return agreement(values, theirs.values, Math.min(MOST_TOP, data.d));
}
