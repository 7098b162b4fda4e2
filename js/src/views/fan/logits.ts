/** Logits of the networks of a fan at one moment, on the validation samples: computed once each. */

import { takeRows } from "../../core/arrays";
import { forward, type Network } from "../../core/forward";
import type { Dataset, Session, Snapshot } from "../../core/session";

export class MemberLogits {
  private readonly kept = new Map<Snapshot, { from: Float32Array; z: Float32Array }>();
  private inputs: { data: Dataset; X: Float32Array; labels: Int32Array } | null = null;

  constructor(private readonly session: Session) {}

  /** Forgets all but these. */
  keep(moments: readonly (Snapshot | null)[]): void {
    for (const old of [...this.kept.keys()]) if (!moments.includes(old)) this.kept.delete(old);
  }

  /** (n, k) where they are computed already. */
  known(s: Snapshot): Float32Array | null {
    const found = this.inputs?.data === this.session.dataset ? this.kept.get(s) : undefined;
    return found && found.from === (s.theta ?? s.logits) ? found.z : null;
  }

  /** (n, k); the weights (or logits) of `s` have arrived. */
  compute(s: Snapshot): Float32Array {
    const { data, X, labels } = this.rows();
    const z = s.theta
      ? forward(this.session.network as Network, s.theta, X, labels.length)
      : takeRows(s.logits!, data.k, data.validation);
    this.kept.set(s, { from: (s.theta ?? s.logits)!, z });
    return z;
  }

  /** Labels of the rows. */
  labels(): Int32Array {
    return this.rows().labels;
  }

  private rows(): { data: Dataset; X: Float32Array; labels: Int32Array } {
    const data = this.session.dataset!;
    if (this.inputs?.data !== data) {
      this.kept.clear();
      this.inputs = {
        data,
        X: takeRows(data.X, data.d, data.validation),
        labels: Int32Array.from(data.validation, (i) => data.y[i]!),
      };
    }
    return this.inputs;
  }
}
