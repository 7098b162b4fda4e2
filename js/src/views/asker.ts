/** Asks the kernel: one question at a time, then the newest. */

import type { Message, Session } from "../core/session";

export type There = "there" | "coming" | "never";

export class Asker {
  private asked: string | null = null; // the question on its way
  private failed: string | null = null; // the last one that came to nothing

  /** `answered`: whether the answer to a question is here. */
  constructor(
    private readonly session: Session,
    private readonly answered: (key: string) => boolean,
  ) {}

  /** Sees to it that the answer is or will be there; "never": there is nobody to ask, or it failed. */
  want(key: string, message: () => Message): There {
    const { session } = this;
    if (this.asked !== null && this.answered(this.asked)) this.asked = null;
    if (this.answered(key)) return "there";
    if (!session.alive || this.failed === key) return "never";
    if (this.asked === null) {
      this.asked = key;
      session.send(message());
    }
    return "coming";
  }

  /** Another thing is asked about: it need not wait for the answer on its way, and what failed may be tried again. */
  drop(): void {
    this.asked = null;
    this.failed = null;
  }

  /** What was asked failed, or the kernel is another one: ask again when something changes. */
  forget(): void {
    this.failed = this.asked;
    this.asked = null;
  }
}
