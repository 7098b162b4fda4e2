/** Asks the kernel about losses that this page does not compute: one question at a time, then the newest. */

import type { LossSpec } from "../../core/lossterms";
import { inBrowser } from "../../core/lossterms";
import type { Session } from "../../core/session";
import type { Part } from "./samples";

export interface Question {
  losses: LossSpec[];
  step: number;
  member: number | null;
  temperature: number;
  part: Part;
  most: number; // samples
}

export class LossAsker {
  private asked: string | null = null; // the question on its way
  private failed: string | null = null; // the last one that came to nothing

  constructor(private readonly session: Session) {}

  /** Sees to it that the answer is or will be there; false: there is nobody to ask, or it failed. */
  want(question: Question): "there" | "coming" | "never" {
    const losses = question.losses.filter((spec) => !inBrowser(spec));
    if (losses.length === 0) return "there";
    const key = JSON.stringify({ ...question, losses });
    const { session } = this;
    if (session.lossAnswer?.key === this.asked) this.asked = null;
    if (session.lossAnswer?.key === key) return "there";
    if (!session.alive || this.failed === key) return "never";
    if (this.asked === null) {
      this.asked = key;
      session.send({ kind: "loss", ...question, losses, key });
    }
    return "coming";
  }

  /** What was asked failed, or the kernel is another one: ask again when something changes. */
  forget(): void {
    this.failed = this.asked;
    this.asked = null;
  }
}
