/** Models that are about equally good: what they disagree on (same numbers as clsviz/calibration/multiplicity.py). */

import { argmax } from "./softmax";

const REACHED = 1e-12; // a difference counts that falls short of delta by no more
const GAP = 1e-10; // nats between the bounds of a capacity
const MOST_STEPS = 10_000;

/** What one model says of n samples at a temperature. */
export interface Forecast {
  p: Float64Array; // (n,) probability of the target class, or of each sample's label
  guess: Int32Array; // (n,) ties go to the lowest class
  loss: number; // mean -log p of the label, nats
}

/** Both shares lie in [0, 1]. */
export interface Shares {
  ambiguity: number; // of the samples: those that some model changes
  discrepancy: number; // of the samples: the most that one model changes
}

/** One entry for each number of models that the set has as epsilon grows; ascending. */
export interface Growth {
  order: number[]; // the models, best first
  epsilon: Float64Array; // from where on the model of the same place belongs to the set
  moved: { ambiguity: Float64Array; discrepancy: Float64Array }; // by delta or more
  answers: { ambiguity: Float64Array; discrepancy: Float64Array }; // another class
}

/** `target`: the class whose probability is read; null: each sample's label. */
export function forecast(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  k: number,
  temperature: number,
  target: number | null,
): Forecast {
  const n = labels.length;
  const p = new Float64Array(n);
  const guess = new Int32Array(n);
  let loss = 0;
  for (let i = 0; i < n; i++) {
    const from = i * k;
    const top = argmax(logits, from, k);
    const max = logits[from + top]!;
    let sum = 0;
    for (let j = 0; j < k; j++) sum += Math.exp((logits[from + j]! - max) / temperature);
    const score = (j: number) => (logits[from + j]! - max) / temperature;
    p[i] = Math.exp(score(target ?? labels[i]!)) / sum;
    guess[i] = top;
    loss += Math.log(sum) - score(labels[i]!);
  }
  return { p, guess, loss: loss / n };
}

/** Indices of the models at most `epsilon` worse than the best, ascending. */
export function levelSet(losses: ArrayLike<number>, epsilon: number): number[] {
  const all = Array.from(losses);
  const least = Math.min(...all);
  return all.flatMap((loss, m) => (loss <= least + epsilon ? [m] : []));
}

/** Lowest and highest probability that any of the models gives to each sample. */
export function viableRange(models: readonly Float64Array[]): { low: Float64Array; high: Float64Array } {
  const low = models[0]!.slice();
  const high = low.slice();
  for (const p of models) {
    for (let i = 0; i < p.length; i++) {
      if (p[i]! < low[i]!) low[i] = p[i]!;
      if (p[i]! > high[i]!) high[i] = p[i]!;
    }
  }
  return { low, high };
}

/** Does the model differ from the baseline by `delta` or more? */
export const moves = (p: number, own: number, delta: number): boolean => Math.abs(p - own) >= delta - REACHED;

/** Shares of the samples that the first 1, 2, ... models change. */
function growing(
  count: number,
  n: number,
  changed: (model: number, sample: number) => boolean,
): { ambiguity: Float64Array; discrepancy: Float64Array } {
  const ambiguity = new Float64Array(count);
  const discrepancy = new Float64Array(count);
  const some = new Uint8Array(n);
  let [any, most] = [0, 0];
  for (let m = 0; m < count; m++) {
    let own = 0;
    for (let i = 0; i < n; i++) {
      if (!changed(m, i)) continue;
      own++;
      any += 1 - some[i]!;
      some[i] = 1;
    }
    most = Math.max(most, own);
    ambiguity[m] = any / n;
    discrepancy[m] = most / n;
  }
  return { ambiguity, discrepancy };
}

/** How ambiguity and discrepancy grow with epsilon, against a baseline. */
export function growth(models: readonly Forecast[], baseline: Omit<Forecast, "loss">, delta: number): Growth {
  const order = models.map((_, m) => m).sort((a, b) => models[a]!.loss - models[b]!.loss || a - b);
  const n = baseline.p.length;
  const sorted = order.map((m) => models[m]!);
  return {
    order,
    epsilon: Float64Array.from(sorted, (model) => model.loss - sorted[0]!.loss),
    moved: growing(order.length, n, (m, i) => moves(sorted[m]!.p[i]!, baseline.p[i]!, delta)),
    answers: growing(order.length, n, (m, i) => sorted[m]!.guess[i] !== baseline.guess[i]),
  };
}

/** Ambiguity and discrepancy of the set of the `count` best. */
export const sharesAt = (of: Growth["moved"], count: number): Shares => ({
  ambiguity: of.ambiguity[count - 1]!,
  discrepancy: of.discrepancy[count - 1]!,
});

/**
 * How many truly different forecasts the rows (probabilities of k classes by each model) are, 1 to min(M, K):
 * e to the capacity of the channel with these rows, by Blahut and Arimoto.
 */
export function rashomonCapacity(rows: readonly ArrayLike<number>[]): number {
  const [count, k] = [rows.length, rows[0]!.length];
  let weights = new Float64Array(count).fill(1 / count);
  const ownTerm = rows.map((row) => {
    let sum = 0;
    for (let j = 0; j < k; j++) if (row[j]! > 0) sum += row[j]! * Math.log(row[j]!);
    return sum;
  });
  const mean = new Float64Array(k);
  const grown = new Float64Array(count);
  for (let step = 0; ; step++) {
    mean.fill(0);
    for (let m = 0; m < count; m++) for (let j = 0; j < k; j++) mean[j]! += weights[m]! * rows[m]![j]!;
    let [total, farthest] = [0, Number.NEGATIVE_INFINITY];
    for (let m = 0; m < count; m++) {
      let divergence = ownTerm[m]!;
      for (let j = 0; j < k; j++)
        if (rows[m]![j]! > 0) divergence -= rows[m]![j]! * Math.log(Math.max(mean[j]!, Number.MIN_VALUE));
      grown[m] = weights[m]! * Math.exp(divergence);
      total += grown[m]!;
      farthest = Math.max(farthest, divergence);
    }
    if (farthest - Math.log(total) < GAP || step === MOST_STEPS - 1) return total;
    weights = grown.map((g) => g / total);
  }
}
