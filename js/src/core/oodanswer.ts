/** Samples from outside that the kernel has sent: the user's own, and what it says of networks that it runs. No DOM. */

import { asFloat32, asFloat64 } from "./arrays";
import type { Message } from "./session";

/** The user's own samples: inputs (m, d), or logits (m, k) where there are predictions alone. */
export interface OwnSet {
  rows: Float32Array;
  m: number;
  of: number; // how many there were
}

export interface OodQuestion {
  outside: string;
  strength: number;
  detector: string; // of features, or ""
  step: number;
  member: number | null;
}

export interface OodAnswer {
  key: string; // of the question
  question: OodQuestion;
  why: string; // there are no scores of features
  logits: Float32Array; // (m, k) of the set
  inside: Float64Array; // (n,) scores of the validation samples; empty where logits are enough
  outside: Float64Array; // (m,)
}

/** A question as one text, whatever order its parts came in. */
export const questionKey = ({ outside, strength, detector, step, member }: OodQuestion): string =>
  JSON.stringify([outside, strength, detector, step, member]);

/** The sets in a message (widgets/ood_job.py writes it), each of `width` columns. */
export function readOwnSets(
  message: Message,
  buffers: (DataView | ArrayBuffer)[],
  width: number,
): Map<string, OwnSet> {
  const items = message.items as { name: string; m: number; of: number }[];
  const sets = items.map(({ name, m, of }, i) => [name, { rows: asFloat32(buffers[i]!), m, of }] as const);
  return new Map(sets.filter(([, { rows, m }]) => rows.length === m * width)); // of the data there were before
}

export function readOodAnswer(message: Message, buffers: (DataView | ArrayBuffer)[]): OodAnswer {
  const question = message.question as OodQuestion;
  return {
    key: questionKey(question),
    question,
    why: message.why as string,
    logits: asFloat32(buffers[0]!),
    inside: asFloat64(buffers[1]!),
    outside: asFloat64(buffers[2]!),
  };
}
