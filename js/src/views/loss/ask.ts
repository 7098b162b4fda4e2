/** Asks the kernel about losses that this page does not compute. */

import type { LossSpec } from "../../core/lossterms";
import { inBrowser } from "../../core/lossterms";
import type { Session } from "../../core/session";
import { Asker, type There } from "../asker";
import type { Part } from "./samples";

export interface Question {
  losses: LossSpec[];
  step: number;
  member: number | null;
  temperature: number;
  part: Part;
  most: number; // samples
}

export class LossAsker extends Asker {
  constructor(session: Session) {
    super(session, (key) => session.lossAnswer?.key === key);
  }

  /** As `want`, of those losses of a question that the browser does not know. */
  about(question: Question): There {
    const losses = question.losses.filter((spec) => !inBrowser(spec));
    if (losses.length === 0) return "there";
    const key = JSON.stringify({ ...question, losses });
    return this.want(key, () => ({ kind: "loss", ...question, losses, key }));
  }
}
