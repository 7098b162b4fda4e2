/** Every measure that the reliability view can show, with its convention in words (clsviz.calibration has the same). */

import { type Judged, orderOf } from "./judged";
import { emptySums, type Outcomes, ofSums, type Reliability, reliability, type Scheme } from "./reliability";
import { riskCoverage } from "./riskcoverage";
import { smoothEce } from "./smoothece";

/** What of the view's state a measure depends on. */
export interface Settings {
  nBins: number;
  scheme: Scheme;
  target: number | null; // the class looked at; null: the top guess
}

export interface Measure {
  title: string;
  /** In words: of what, in which bins, averaged how. */
  convention(s: Settings, ofClass: string): string;
  of(j: Judged, s: Settings): number;
  /** Sorts, or more: of many samples it waits until the slider rests. */
  slow?: boolean;
  /** Read off the diagram itself, so that large predictions have it too. */
  ofDiagram?(r: Reliability): number;
}

const WIDTH = 0.4; // of the kernel of mmce, as in Python
const FALLS = 1e-12; // bin accuracies that decrease by more are not monotone

const binWords = ({ nBins, scheme }: Settings) =>
  `${nBins} ${scheme === "equal_mass" ? "equal-mass" : "equal-width"} bins, left-closed`;
const ofWords = (ofClass: string) => (ofClass ? `probability of class ${ofClass}` : "top label");
const binned = (j: Judged, s: Settings, target = s.target) =>
  reliability(j.outcomes(target), s.nBins, s.scheme);
const rms = (r: Reliability) => Math.sqrt(overBins(r, (gap, share) => share * gap * gap));
const ofBins = (title: string, of: (r: Reliability) => number, how: string, ownTarget = true): Measure => ({
  title,
  convention: (s, ofClass) => `${ofWords(ownTarget ? ofClass : "")}, ${binWords(s)}, ${how}`,
  of: (j, s) => of(binned(j, s, ownTarget ? s.target : null)),
  ...(ownTarget ? { ofDiagram: of } : {}),
});

/** In the order of the menu; the keys are Python's names. */
export const MEASURES: Readonly<Record<string, Measure>> = {
  ece: ofBins("ECE", (r) => r.ece, "l1: mean gap over samples"),
  rmsce: ofBins("RMSCE", rms, "l2: root of the mean square gap over samples"),
  mce: ofBins("MCE", (r) => r.mce, "max: largest gap of a bin"),
  average_calibration_error: ofBins(
    "Average CE",
    (r) => overBins(r, (gap, _, bins) => gap / bins),
    "unweighted over non-empty bins",
    false,
  ),
  classwise_ece: {
    title: "Classwise ECE",
    convention: (s) => `all classes, ${binWords(s)}, l1 of each class, plain mean over classes`,
    of: (j, s) => meanOf(j.k, (k) => binned(j, s, k).ece),
    slow: true,
  },
  ace: {
    title: "ACE",
    convention: ({ nBins }) =>
      `all classes, ${nBins} equal-mass ranks of each, unweighted over bins and classes`,
    of: (j, { nBins }) =>
      meanOf(j.k, (k) => {
        const p = j.outcomes(k);
        return overBins(ranked(p, orderOf(p.value), nBins), (gap, _, bins) => gap / bins);
      }),
    slow: true,
  },
  sweep_ece: {
    title: "Sweep ECE",
    convention: () => "top label, as many equal-mass ranks as keep accuracies from falling, l1",
    of: (j) => ranked(j, j.order, monotoneBins(j)).ece,
    slow: true,
  },
  debiased_ece: {
    title: "Debiased ECE",
    convention: ({ nBins }) => `top label, ${nBins} equal-mass ranks, l2, sampling noise taken out`,
    of: (j, { nBins }) => debiased(ranked(j, j.order, nBins)),
    slow: true,
  },
  ks_error: {
    title: "KS error",
    convention: () => "top label, no bins: largest distance of cumulative confidence and accuracy",
    of: ksError,
    slow: true,
  },
  smooth_ece: {
    title: "Smooth ECE",
    convention: () => "top label, no bins: Gaussian whose width equals the error",
    of: (j) => smoothEce(j),
    slow: true,
  },
  mmce: {
    title: "MMCE",
    convention: () => `top label, no bins: Laplacian kernel of width ${WIDTH}`,
    of: mmce,
    slow: true,
  },
  nll: { title: "NLL", convention: () => "all classes, natural logarithm, mean", of: (j) => j.nll },
  brier: { title: "Brier", convention: () => "all classes, summed: 0 to 2, mean", of: brier },
  entropy: { title: "Entropy", convention: () => "of the prediction, natural logarithm, mean", of: entropy },
  aurc: {
    title: "AURC",
    convention: () => "top label: mean error rate over all coverages",
    of: (j) => riskCoverage(j).aurc,
    slow: true,
  },
  confidence_auroc: {
    title: "AUROC",
    convention: () => "chance that a right guess is surer than a wrong one; ties half",
    of: auroc,
    slow: true,
  },
  accuracy: {
    title: "Accuracy",
    convention: () => "share of top labels that are right",
    of: (j) => j.hit.reduce((sum, h) => sum + h, 0) / j.n,
  },
};

export const USUAL_MEASURES: readonly string[] = ["ece", "mce", "brier", "nll"];

/** Sum over the bins that hold samples of what `of` makes of gap, share of the samples, and how many such bins there are. */
function overBins(r: Reliability, of: (gap: number, share: number, bins: number, bin: number) => number) {
  let [n, bins, sum] = [0, 0, 0];
  for (const count of r.counts) {
    n += count;
    if (count > 0) bins++;
  }
  r.counts.forEach((count, b) => {
    if (count > 0) sum += of(Math.abs(r.gap[b]!), count / n, bins, b);
  });
  return sum;
}

function meanOf(count: number, of: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += of(i);
  return sum / count;
}

/** Bins of equal count by rank: rank r is in bin floor(r B / n). */
function ranked(p: Outcomes, order: Int32Array, nBins: number): Reliability {
  const sums = emptySums(new Float64Array(nBins + 1));
  order.forEach((i, rank) => {
    const b = Math.floor((rank * nBins) / order.length);
    sums.count[b]!++;
    sums.value[b]! += p.value[i]!;
    sums.hits[b]! += p.hit[i]!;
  });
  return ofSums(sums);
}

/** The last number of rank bins before bin accuracies first decrease, counting up from 2. */
function monotoneBins({ order, hit, n }: Judged): number {
  const right = new Float64Array(n + 1);
  order.forEach((i, rank) => {
    right[rank + 1] = right[rank]! + hit[i]!;
  });
  if (right[n] === 0 || right[n] === n) return n; // accuracies that are all alike never fall
  for (let b = 2; b <= n; b++) {
    let [from, last] = [0, -1];
    for (let i = 1; i <= b; i++) {
      const to = Math.ceil((i * n) / b);
      const accuracy = (right[to]! - right[from]!) / (to - from);
      if (accuracy - last < -FALLS) return b - 1;
      [from, last] = [to, accuracy];
    }
  }
  return n;
}

function debiased(r: Reliability): number {
  const square = overBins(r, (gap, share, _, b) => {
    const [a, n] = [r.accuracy[b]!, r.counts[b]!];
    return n < 2 ? 0 : share * (gap * gap - (a * (1 - a)) / (n - 1));
  });
  return Math.sqrt(Math.max(0, square));
}

function ksError({ order, value, hit, n }: Judged): number {
  let [distance, most] = [0, 0];
  for (let r = 0; r < n; r++) {
    const i = order[r]!;
    distance += value[i]! - hit[i]!;
    const last = r === n - 1 || value[order[r + 1]!] !== value[i]; // of its group of equal values
    if (last) most = Math.max(most, Math.abs(distance));
  }
  return most / n;
}

/** The double sum of the kernel in one pass: sorted, what stands before a sample fades by one factor a step. */
function mmce({ order, value, hit, n }: Judged): number {
  let [sum, before, last] = [0, 0, 0];
  for (let r = 0; r < n; r++) {
    const i = order[r]!;
    const residual = hit[i]! - value[i]!;
    before *= Math.exp((last - value[i]!) / WIDTH);
    sum += residual * (residual + 2 * before);
    before += residual;
    last = value[i]!;
  }
  return Math.sqrt(Math.max(0, sum)) / n;
}

function brier({ p, labels, k, n }: Judged): number {
  let sum = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < k; j++) sum += (p[i * k + j]! - (j === labels[i] ? 1 : 0)) ** 2;
  return sum / n;
}

function entropy({ p, n }: Judged): number {
  let sum = 0;
  for (const q of p) if (q > 0) sum -= q * Math.log(q);
  return sum / n;
}

/** By average ranks; nan where all or none are right. */
function auroc({ order, value, hit, n }: Judged): number {
  let [ranks, right] = [0, 0];
  for (let from = 0; from < n; ) {
    let [to, hits] = [from, 0];
    while (to < n && value[order[to]!] === value[order[from]!]) hits += hit[order[to++]!]!;
    ranks += (hits * (from + 1 + to)) / 2;
    right += hits;
    from = to;
  }
  return (ranks - (right * (right + 1)) / 2) / (right * (n - right));
}
