/** One sample explained: by the page where it runs the network, else as the kernel answers. No DOM. */

import { asFloat64 } from "./arrays";
import {
  type Affine,
  type Agreement,
  type Attribution,
  affine,
  attribute,
  gapOf,
  type Method,
  randomWeights,
  ranked,
  steadiness,
  walk,
} from "./attribution";
import type { InputGradient } from "./gradient";
import type { Message } from "./session";

export const WALKS = ["deletion", "insertion", "random_deletion", "random_insertion"] as const;
export type Walk = (typeof WALKS)[number];

export interface Explained {
  logits: Float64Array; // (K,)
  affine: Affine | null; // null: there is no gradient, and `why` says so
  method: Method; // of the attribution: without a gradient occlusion, whatever was asked
  attribution: Attribution;
  walks: Record<Walk, Float64Array>; // (D + 1, K) logits each
  steady: { mean: number; worst: number } | null;
  why: string;
  earlier: Earlier | null; // told by the kernel; the page compares many epochs
}

/** How like an attribution that of the same network at an earlier epoch is. */
export interface Earlier {
  epoch: number;
  agreed: Agreement;
}

export function explain(
  net: InputGradient,
  x: ArrayLike<number>,
  method: Method,
  target: number,
  blank: ArrayLike<number>,
): Explained {
  const map = affine(net, x);
  const attribution = attribute(net, method, x, target, blank);
  const [own, random] = [ranked(attribution.values), ranked(randomWeights(net.d))];
  return {
    logits: map.logits,
    affine: map,
    method,
    attribution,
    walks: {
      deletion: walk(net, x, blank, own, "deletion"),
      insertion: walk(net, x, blank, own, "insertion"),
      random_deletion: walk(net, x, blank, random, "deletion"),
      random_insertion: walk(net, x, blank, random, "insertion"),
    },
    steady: steadiness(net, x, target),
    why: "",
    earlier: null,
  };
}

export interface ExplanationQuestion {
  sample: number;
  method: Method;
  target: number;
  baseline: string;
  step: number;
  member: number | null;
}

/** What the kernel said (widgets/explanation_job.py writes it). */
export interface ExplanationAnswer {
  key: string; // of the question
  header: Message;
  error: string; // there is no answer
  buffers: Float64Array[];
}

/** A question as one text, whatever order its parts came in. */
export const explanationKey = (q: ExplanationQuestion): string =>
  JSON.stringify([q.sample, q.method, q.target, q.baseline, q.step, q.member]);

export function readExplanation(message: Message, buffers: (DataView | ArrayBuffer)[]): ExplanationAnswer {
  return {
    key: explanationKey(message.question as ExplanationQuestion),
    header: message,
    error: String(message.error),
    buffers: buffers.map(asFloat64),
  };
}

export const explanationPacket = (run_id: string, { header, buffers }: ExplanationAnswer) => ({
  header: { ...header, run_id },
  buffers,
});

/** The kernel's answer as the page would have explained the sample x itself. */
export function answered(answer: ExplanationAnswer, x: ArrayLike<number>): Explained {
  const [logits, flat, b, values, ...walks] = answer.buffers;
  const { method, gap, steady, why, earlier } = answer.header as unknown as {
    method: Method;
    gap: number | null;
    steady: [number, number] | null;
    why: string;
    earlier: Earlier | null;
  };
  const d = x.length;
  const A = b!.length > 0 ? Array.from(b!, (_, k) => flat!.subarray(k * d, (k + 1) * d)) : null;
  return {
    logits: logits!,
    affine: A && { A, b: b!, logits: logits!, gap: gapOf(A, b!, x, logits!), exact: false },
    method,
    attribution: { values: values!, gap },
    walks: Object.fromEntries(WALKS.map((name, i) => [name, walks[i]!])) as Record<Walk, Float64Array>,
    steady: steady && { mean: steady[0], worst: steady[1] },
    why,
    earlier,
  };
}
