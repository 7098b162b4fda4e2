/** Learnt temperatures of samples, as the kernel sends them. No DOM. */

import { asFloat64 } from "./arrays";
import type { Message } from "./session";

export interface HeatQuestion {
  by: string; // who learns them
  step: number;
  member: number | null;
  part: string;
  most: number; // samples
}

export interface HeatAnswer {
  key: string; // of the question
  question: HeatQuestion;
  why: string; // there are none
  temperature: Float64Array; // (n,) of the samples of the part
  /** (m,) by which a model's own logits of the validation samples are divided already; else empty. */
  divided: Float64Array;
}

/** A question as one text, whatever order its parts came in. */
export const heatKey = ({ by, step, member, part, most }: HeatQuestion): string =>
  JSON.stringify([by, step, member, part, most]);

/** The answer in a message (widgets/temperature_job.py writes it). */
export function readHeatAnswer(message: Message, buffers: (DataView | ArrayBuffer)[]): HeatAnswer {
  const question = message.question as HeatQuestion;
  return {
    key: heatKey(question),
    question,
    why: message.why as string,
    temperature: asFloat64(buffers[0]!),
    divided: asFloat64(buffers[1]!),
  };
}
