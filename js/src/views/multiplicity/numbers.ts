/** What the view shows of a fan at one moment: computed anew only as far as something has changed. */

import {
  type Forecast,
  forecast,
  type Growth,
  growth,
  levelSet,
  rashomonCapacity,
  viableRange,
} from "../../core/multiplicity";
import { softmaxRow } from "../../core/softmax";
import { whenChanged } from "../../draw/canvas";

export interface Asked {
  /** Logits (n, k) of each network of the fan, and of the baseline; null: the best of them is the baseline. */
  logits: readonly Float32Array[];
  own: Float32Array | null;
  labels: Int32Array;
  k: number;
  temperature: number;
  target: number | null; // class; null: each sample's label
  epsilon: number;
  delta: number;
}

export interface Counted {
  models: readonly Float32Array[]; // their logits
  forecasts: readonly Forecast[];
  baseline: Pick<Forecast, "p" | "guess">;
  best: number; // index of the best network
  grown: Growth;
  count: number; // networks in the set: the first of `grown.order`
  order: Int32Array; // places of the samples by the baseline's probability, ascending
  low: Float64Array; // by place, over the set
  high: Float64Array;
  others: Int32Array; // by place: networks of the set that answer otherwise than the baseline
}

export class MultiplicityNumbers {
  private readonly told = new WeakMap<Float32Array, { key: string; told: Forecast }>();
  private readonly onGrowth = whenChanged();
  private readonly onRange = whenChanged();
  private grown!: Growth;
  private order!: Int32Array;
  private ranges!: Pick<Counted, "low" | "high" | "others">;

  read(o: Asked): Counted {
    const forecasts = o.logits.map((z) => this.forecastOf(z, o));
    const losses = forecasts.map((f) => f.loss);
    const best = losses.indexOf(Math.min(...losses));
    const baseline = o.own ? this.forecastOf(o.own, o) : forecasts[best]!;
    this.onGrowth([...forecasts, baseline, o.delta], () => {
      this.grown = growth(forecasts, baseline, o.delta);
      const { p } = baseline;
      this.order = Int32Array.from(p, (_, i) => i).sort((a, b) => p[a]! - p[b]! || a - b);
    });
    const count = levelSet(losses, o.epsilon).length;
    this.onRange([this.grown, count], () => {
      const set = this.grown.order.slice(0, count).map((m) => forecasts[m]!);
      const others = new Int32Array(baseline.p.length);
      for (const { guess } of set)
        for (let i = 0; i < others.length; i++) if (guess[i] !== baseline.guess[i]) others[i]!++;
      this.ranges = { ...viableRange(set.map((f) => f.p)), others };
    });
    return {
      models: o.logits,
      forecasts,
      baseline,
      best,
      grown: this.grown,
      count,
      order: this.order,
      ...this.ranges,
    };
  }

  private forecastOf(z: Float32Array, o: Asked): Forecast {
    const key = `${o.temperature} ${o.target}`;
    const found = this.told.get(z);
    if (found?.key === key) return found.told;
    const told = forecast(z, o.labels, o.k, o.temperature, o.target);
    this.told.set(z, { key, told });
    return told;
  }
}

/** Rashomon capacity of one sample over the set. */
export function capacityOf(of: Counted, place: number, k: number, temperature: number): number {
  const set = of.grown.order.slice(0, of.count);
  return rashomonCapacity(set.map((m) => softmaxRow(of.models[m]!, place * k, k, temperature)));
}
