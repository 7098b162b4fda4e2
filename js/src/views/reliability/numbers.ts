/** Networks binned as the controls say; the last of each is kept while other controls move. */

import type { Calibrated } from "../../core/calibrated";
import { eceInterval } from "../../core/interval";
import { type Judged, judgedLogits, judgedProbs } from "../../core/judged";
import { MEASURES, type Settings } from "../../core/measures";
import { keptAbove, type Outcomes, pairs, reliability } from "../../core/reliability";
import { type Shown, topPairs } from "../../core/shown";
import type { Answer } from "./large/engine";

/** A diagram with its scores; of large predictions without what each sample did. */
export interface Binned extends Answer {
  hit: Uint8Array | null;
}

const KEPT = 3; // temperatures of a network: shown, pinned, and 1
const LIVE = 20_000; // probabilities of which all measures together take about 10 ms

type Scores = Outcomes & { nll: number; brier: number };

function binnedOf(p: Scores, { nBins, scheme }: Settings, threshold: number): Binned {
  const result = reliability(p, nBins, scheme);
  const interval = eceInterval(result);
  const kept = keptAbove(p, threshold);
  return { result, nll: p.nll, brier: p.brier, kept, interval, path: "exact", bound: 0, hit: p.hit };
}

export class Numbers {
  private readonly kept = new Map<string, { of: object; params: string; binned: Binned }>();
  private readonly judgments = new WeakMap<Shown, Map<number, Judged>>();
  private readonly answers = new WeakMap<Calibrated, Judged>();
  private readonly measured = new WeakMap<Judged, Map<string, number>>();

  /** The network at a temperature; `who` is "shown" or "pinned". */
  network(who: string, at: Shown, k: number, temperature: number, s: Settings, threshold: number): Binned {
    return this.once(who, at, [temperature, s, threshold], () => {
      const p =
        s.target === null
          ? topPairs(at, k, temperature)
          : pairs(at.logits, at.labels, k, temperature, s.target);
      return binnedOf(p, s, threshold);
    });
  }

  /** What a calibrator made of it. */
  calibrated(c: Calibrated, j: Judged, s: Settings, threshold: number): Binned {
    return this.once("after", c, [s, threshold], () => {
      const scores = { nll: j.nll, brier: MEASURES.brier!.of(j, s) };
      return binnedOf({ ...j.outcomes(s.target), ...scores }, s, threshold);
    });
  }

  judged(at: Shown, k: number, temperature: number): Judged {
    const kept = this.judgments.get(at) ?? new Map<number, Judged>();
    this.judgments.set(at, kept);
    const judged = kept.get(temperature) ?? judgedLogits(at.logits, at.labels, k, temperature);
    kept.delete(temperature); // the last used stay
    kept.set(temperature, judged);
    for (const old of [...kept.keys()].slice(0, -KEPT)) kept.delete(old);
    return judged;
  }

  judgedAfter(c: Calibrated, at: Shown, k: number): Judged {
    const found = this.answers.get(c) ?? judgedProbs(c.p!, at.labels, k);
    this.answers.set(c, found);
    return found;
  }

  /** A measure; null where it takes too long while a slider moves, until `still`. */
  measure(name: string, j: Judged, s: Settings, still: boolean): number | null {
    const kept = this.measured.get(j) ?? new Map<string, number>();
    this.measured.set(j, kept);
    const key = JSON.stringify([name, s]);
    const found = kept.get(key);
    if (found !== undefined) return found;
    const measure = MEASURES[name]!;
    if (measure.slow && !still && j.n * j.k > LIVE) return null;
    const value = measure.of(j, s);
    kept.set(key, value);
    return value;
  }

  private once(who: string, of: object, values: unknown[], make: () => Binned): Binned {
    const params = JSON.stringify(values);
    const old = this.kept.get(who);
    if (old?.of === of && old.params === params) return old.binned;
    const binned = make();
    this.kept.set(who, { of, params, binned });
    return binned;
  }
}
