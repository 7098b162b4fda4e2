/** Large predictions, put together from the pieces that a session has received. */

import { asFloat32 } from "./arrays";
import { Compressed } from "./compressed";
import type { Form, FormParts } from "./forms";
import { Quantised } from "./quantised";
import type { Pieces } from "./session";

export class Predictions {
  readonly form: Form;
  readonly of: number; // how many there are where these come from; an exported file has fewer
  /** Rows that have arrived, from the first on. */
  received = 0;
  /** The same of float32 logits; they are handed on. */
  exactReceived = 0;

  constructor(n: number, k: number, description: Record<string, unknown>) {
    this.of = description.of as number;
    this.form =
      description.form === "quantised"
        ? new Quantised(n, k)
        : new Compressed(n, k, description.kept as number, description.temperatures as number[]);
  }

  get complete(): boolean {
    return this.received >= this.form.n;
  }

  /** Takes the pieces that have come; returns those of float32 logits, each with an own copy of its rows. */
  take(pieces: Pieces): { from: number; rows: Float32Array }[] {
    const exact: { from: number; rows: Float32Array }[] = [];
    for (const { message, buffers } of pieces.splice(0)) {
      const from = message.from as number;
      if (message.kind === "predictions") {
        this.received = Math.max(this.received, from + this.form.receive(message, buffers)); // in order
        continue;
      }
      const rows = asFloat32(buffers[0]!).slice();
      const end = from + rows.length / this.form.k;
      if (end <= this.exactReceived) continue; // sent again, to another page
      this.exactReceived = end;
      exact.push({ from, rows });
    }
    return exact;
  }
}

/** A form from its parts, in a worker. */
export function reviveForm(parts: FormParts): Form {
  const { n, k } = parts;
  if (parts.kind === "quantised") return new Quantised(n, k, parts as never);
  const { kept, temperatures, tailError } = parts as never as Compressed;
  return new Compressed(n, k, kept, temperatures, parts as never, tailError);
}
