/** Numbers of every network of a fan at one moment: from training at once, from the weights when there is time. */

import { type PairData, trainedPath } from "../../core/boundary";
import type { Fan } from "../../core/fan";
import { pairs, reliability } from "../../core/reliability";
import type { Session, Snapshot } from "../../core/session";
import { argmax } from "../../core/softmax";
import { MemberLogits } from "./logits";

export const BINS = 15; // as the numbers of training have

/** Per member, nan where not known (yet). */
export interface FanNumbers {
  accuracy: Float64Array;
  ece: Float64Array;
  /** Temperature that all of `ece` is at. */
  eceAt: number;
  margin: Float64Array;
  angle: Float64Array; // degrees
  pending: number; // networks that some number at the temperature asked for is still missing of
}

/** What weights tell, at temperature 1 or at none. */
interface FromWeights {
  theta: Float32Array | null;
  accuracy: number;
  margin: number;
  ece: Map<number, number>; // by temperature
  angle: Map<string, number>; // by pair
}

const SLICE = 6; // ms of one stretch of computing
const KEPT_TEMPERATURES = 8;

export class MemberNumbers {
  private readonly known = new WeakMap<Snapshot, FromWeights>();
  /** Of the moment on screen: what a moving temperature needs. */
  private readonly logits: MemberLogits;

  constructor(private readonly session: Session) {
    this.logits = new MemberLogits(session);
  }

  /** All numbers at this moment and temperature, as far as they are known; takes at most `budget` ms. */
  read(
    moments: readonly (Snapshot | null)[],
    temperature: number,
    pair: PairData | null,
    budget: number,
  ): FanNumbers {
    const until = performance.now() + budget;
    const n = moments.length;
    const out: FanNumbers = {
      accuracy: new Float64Array(n).fill(Number.NaN),
      ece: new Float64Array(n).fill(Number.NaN),
      eceAt: temperature,
      margin: new Float64Array(n).fill(Number.NaN),
      angle: new Float64Array(n).fill(Number.NaN),
      pending: 0,
    };
    const name = pair ? `${pair.a},${pair.b}` : "";
    this.logits.keep(moments);
    const plain = new Float64Array(n).fill(Number.NaN); // ECE at temperature 1, from training
    moments.forEach((s, m) => {
      if (!s) return;
      const from = this.known.get(s);
      out.accuracy[m] = from?.accuracy ?? s.metrics.validation_accuracy ?? Number.NaN;
      out.margin[m] = from?.margin ?? s.metrics.validation_margin ?? Number.NaN;
      plain[m] = s.metrics.validation_ece ?? Number.NaN;
      out.angle[m] = from?.angle.get(name) ?? Number.NaN;
      out.ece[m] =
        from?.ece.get(temperature) ??
        (temperature === 1
          ? plain[m]!
          : performance.now() < until
            ? (this.eceOf(s, temperature) ?? Number.NaN)
            : Number.NaN);
      const canTell = s.theta !== null || s.logits !== null;
      const missing =
        Number.isNaN(out.ece[m]!) || !from || (name !== "" && s.theta && Number.isNaN(out.angle[m]!));
      if (canTell && missing) out.pending++;
    });
    // one panel, one temperature: until all are known at the new one, all are shown at 1
    if (
      temperature !== 1 &&
      moments.some((s, m) => s && Number.isNaN(out.ece[m]!) && !Number.isNaN(plain[m]!))
    ) {
      out.ece = plain;
      out.eceAt = 1;
    }
    return out;
  }

  /** Computes what is missing for one stretch of time; true when nothing is left to do. */
  work(moments: readonly (Snapshot | null)[], temperature: number, pair: PairData | null): boolean {
    const until = performance.now() + SLICE;
    for (const s of moments) {
      if (!s || (s.theta === null && s.logits === null)) continue;
      if (!this.logits.known(s)) this.run(s);
      this.eceOf(s, temperature);
      if (pair) this.angleOf(s, pair);
      if (performance.now() > until) return false;
    }
    return true;
  }

  private run(s: Snapshot): void {
    const z = this.logits.compute(s);
    const former = this.known.get(s);
    const angle = former?.theta === s.theta ? former.angle : new Map();
    const k = this.session.dataset!.k;
    this.known.set(s, { theta: s.theta, ...marginOf(z, this.logits.labels(), k), ece: new Map(), angle });
  }

  private eceOf(s: Snapshot, temperature: number): number | null {
    const from = this.known.get(s);
    const z = this.logits.known(s);
    if (!from || !z) return from?.ece.get(temperature) ?? null;
    let ece = from.ece.get(temperature);
    if (ece === undefined) {
      ece = reliability(
        pairs(z, this.logits.labels(), this.session.dataset!.k, temperature),
        BINS,
        "equal_width",
      ).ece;
      if (from.ece.size >= KEPT_TEMPERATURES) from.ece.clear();
      from.ece.set(temperature, ece);
    }
    return ece;
  }

  private angleOf(s: Snapshot, pair: PairData): void {
    const from = this.known.get(s);
    const name = `${pair.a},${pair.b}`;
    if (!from || !s.theta || from.angle.has(name)) return;
    const at = { network: this.session.network, theta: s.theta };
    from.angle.set(name, trainedPath(this.session.dataset!, at, pair, null).degrees);
  }
}

/** Share right and mean of p(label) minus the largest other p, at temperature 1. */
function marginOf(z: Float32Array, labels: Int32Array, k: number): { accuracy: number; margin: number } {
  let margin = 0;
  let right = 0;
  const n = labels.length;
  for (let i = 0; i < n; i++) {
    const own = z[i * k + labels[i]!]!;
    let rival = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < k; j++) if (j !== labels[i]) rival = Math.max(rival, z[i * k + j]!);
    if (argmax(z, i * k, k) === labels[i]) right++;
    const top = Math.max(own, rival);
    let sum = 0;
    for (let j = 0; j < k; j++) sum += Math.exp(z[i * k + j]! - top);
    margin += (Math.exp(own - top) - Math.exp(rival - top)) / sum;
  }
  return { accuracy: right / n, margin: margin / n };
}

/** The moment of each member at the step on screen; null before its first. */
export function momentsOf(session: Session, fan: Fan, step: number | null): (Snapshot | null)[] {
  return fan.members.map((_, m) => session.at(step, m));
}
