/**
 * Diagrams of large predictions: at once by the quickest way that fits a frame, exact when the slider rests.
 *
 * - "exact": float32 logits in full, by the helper.
 * - "table": one pass over the quantised distances; as long as that fits a frame.
 * - "compressed": the same for many classes.
 * - "tabulated": between histograms at log-spaced temperatures, where a pass takes too long.
 * - "sample": bins of equal mass need an order of all samples, so a fixed random part stands for them.
 */

import type { Order, Reply } from "../../../core/crunch";
import { type Asked, nllOf } from "../../../core/forms";
import {
  coarsen,
  emptyHistogram,
  FINE,
  fineBins,
  type Histogram,
  keptOf,
  roundingBound,
} from "../../../core/histogram";
import { eceInterval } from "../../../core/interval";
import type { Predictions } from "../../../core/predictions";
import { STEPS } from "../../../core/quantised";
import {
  type Kept,
  keptAbove,
  ofSums,
  type Reliability,
  reliability,
  type Scheme,
} from "../../../core/reliability";
import { Table } from "../../../core/tabulated";
import type { Helper } from "./helper";

export interface Query extends Asked {
  nBins: number;
  scheme: Scheme;
  threshold: number;
}

export type Path = "exact" | "table" | "compressed" | "tabulated" | "sample";

export interface Answer {
  result: Reliability;
  nll: number;
  brier: number;
  kept: Kept;
  interval: [number, number];
  path: Path;
  /** Most that the ECE is off. */
  bound: number;
}

const FRAME_SHARE = 7; // ms of a frame of 16.7 that one pass may take
const REST = 80; // ms after which a slider counts as released
const SAMPLE = 50_000;
const KEPT_TABLES = 4; // about 7 MB each
const KEPT_HISTOGRAMS = 8;

interface Scored {
  histograms: Histogram[]; // as fineBins says
  labelGap: number;
}

interface Tabulation {
  table: Table;
  id: number;
  order: { target: number | null; bins: number; checked: number };
}

export class Engine {
  /** ms that one pass may take while a slider moves. */
  budget = FRAME_SHARE;
  /** Temperature with the lowest NLL; null until it is found. */
  best: number | null = null;

  private passTime = 0; // ms, measured once all rows are there
  private exactReady = false;
  private readonly passes = new Map<string, Scored>();
  private readonly exacts = new Map<string, Scored>();
  private readonly orders = new Map<string, Reliability>(); // equal mass, exact
  private readonly tables = new Map<string, Tabulation>();
  private building = 0;
  private helper: Helper | null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = ""; // last query, as text
  private rested = ""; // query that has been passed over in full at rest
  private serial = 0;
  private waitingFor: { id: number; query: Query } | null = null; // exact numbers under way
  private sampleRows: Int32Array | null = null;
  private readonly gap: number;

  constructor(
    readonly predictions: Predictions,
    start: (hear: (reply: Reply) => void) => Helper,
    /** Better numbers have come. */
    private readonly changed: () => void,
  ) {
    this.gap = predictions.form.labelGap();
    this.helper = start((reply) => this.hear(reply));
    this.give({ kind: "form", parts: predictions.form.parts() });
    this.give({ kind: "fit", id: ++this.serial, bounds: [0.05, 20] });
    this.passTime = this.measure();
  }

  /** Hands on rows of float32 logits. */
  takeExact(from: number, rows: Float32Array): void {
    this.give({ kind: "logits", from, rows });
  }

  ask(query: Query): Answer {
    const key = JSON.stringify(query);
    const moved = key !== this.asked;
    this.asked = key;
    const answer = this.exactly(query) ?? this.quickly(query, key);
    if (moved && answer.path !== "exact") this.whenAtRest(query, key);
    return answer;
  }

  /** The diagram of the top guess at a temperature, by the quickest way. */
  topGuess(temperature: number): Reliability {
    const nBins = this.asked ? (JSON.parse(this.asked) as Query).nBins : 15;
    const query: Query = { temperature, target: null, nBins, scheme: "equal_width", threshold: 0 };
    return (this.exactly(query) ?? this.quickly(query, this.asked)).result;
  }

  end(): void {
    clearTimeout(this.timer);
    this.helper?.end();
    this.helper = null;
  }

  private give(order: Order): void {
    this.helper?.give(order);
  }

  private exactly(query: Query): Answer | null {
    const scored = this.exacts.get(askedKey(query));
    if (!scored) return null;
    if (query.scheme === "equal_mass") {
      const result = this.orders.get(`${askedKey(query)} ${query.nBins}`);
      return result ? this.answer(query, scored, "exact", 0, result) : null;
    }
    return has(scored, query) ? this.answer(query, scored, "exact", 0) : null;
  }

  private quickly(query: Query, key: string): Answer {
    const { form } = this.predictions;
    if (query.scheme === "equal_mass") return this.sampled(query);
    const path = form.kind === "quantised" ? "table" : "compressed";
    const old = this.passes.get(this.passKey(query));
    const table = fineBins(query.nBins).map((bins) => this.table(query, bins));
    const quick = this.passTime <= this.budget || key === this.rested;
    if ((old && has(old, query)) || quick || !table.every((t) => t.ready)) {
      const scored = old && has(old, query) ? old : this.pass(query);
      return this.answer(query, scored, path, this.inexact(query, scored.histograms));
    }
    const histograms = table.map((t) => t.at(query.temperature));
    const error = table[table.length - 1]!.error(query.nBins, query.temperature);
    const bound = path === "table" ? error + this.inexact(query, histograms) : error;
    return this.answer(query, { histograms, labelGap: this.gap }, "tabulated", bound);
  }

  /** What the form itself takes from the ECE. */
  private inexact(query: Query, histograms: Histogram[]): number {
    if (this.predictions.form.kind === "compressed") return Math.max(...histograms.map((h) => h.slack));
    const fine = histograms.find((h) => h.count.length % query.nBins === 0)!;
    return roundingBound(fine, query.nBins, query.temperature, 1 / STEPS);
  }

  /** All rows, here and now. */
  private pass(query: Query): Scored {
    const { form } = this.predictions;
    const histograms = fineBins(query.nBins).map(emptyHistogram);
    form.fill(histograms, query, query.nBins, 0, form.n);
    const scored = { histograms, labelGap: this.gap };
    keep(this.passes, this.passKey(query), scored, KEPT_HISTOGRAMS);
    return scored;
  }

  /** What histograms hold for: the slack of compressed ones, only for the edges it was counted at. */
  private passKey(query: Query): string {
    return `${askedKey(query)} ${this.checked(query)}`;
  }

  private checked({ nBins }: Query): number {
    return this.predictions.form.kind === "compressed" ? nBins : 0;
  }

  private sampled(query: Query): Answer {
    const { form } = this.predictions;
    this.sampleRows ??= sampleRows(form.n, SAMPLE);
    const rows = this.sampleRows;
    const pairs = { ...form.pairs(query, rows), nll: Number.NaN, brier: Number.NaN };
    const result = reliability(pairs, query.nBins, "equal_mass");
    const interval = eceInterval(result);
    const bound = Math.max(interval[1] - result.ece, result.ece - interval[0]);
    return {
      result,
      nll: Number.NaN,
      brier: Number.NaN,
      kept: keptAbove(pairs, query.threshold),
      interval,
      path: "sample",
      bound,
    };
  }

  private answer(query: Query, scored: Scored, path: Path, bound: number, ready?: Reliability): Answer {
    const { histograms, labelGap } = scored;
    const thresholds = histograms.find((h) => h.count.length === FINE)!;
    const fine = histograms.find((h) => h.count.length % query.nBins === 0)!;
    const result = ready ?? ofSums(coarsen(fine, query.nBins));
    const n = this.predictions.form.n;
    return {
      result,
      nll: nllOf(thresholds.scores.logSum, labelGap, n, query.temperature),
      brier: thresholds.scores.brier / n,
      kept: keptOf(thresholds, query.threshold),
      interval: eceInterval(result),
      path,
      bound,
    };
  }

  /** The table of a class and a fineness; asked of the helper when a pass is too slow. */
  private table(query: Query, bins: number): Table {
    const key = `${query.target} ${bins} ${this.checked(query)}`;
    let entry = this.tables.get(key);
    if (!entry) {
      const order = { target: query.target, bins, checked: this.checked(query) };
      entry = { table: new Table(bins), id: ++this.serial, order };
      if (this.passTime <= this.budget) return entry.table; // none is needed
      keep(this.tables, key, entry, KEPT_TABLES);
      this.buildNext();
    } else keep(this.tables, key, entry, KEPT_TABLES);
    return entry.table;
  }

  /** One table at a time: the last used of those not complete. */
  private buildNext(): void {
    const open = [...this.tables.values()].reverse().find(({ table }) => table.progress < 1);
    if (open && open.id !== this.building) this.give({ kind: "table", id: open.id, ...open.order });
    this.building = open?.id ?? 0;
  }

  private whenAtRest(query: Query, key: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.predictions.form.kind === "quantised") return this.askExact(query);
      this.rested = key;
      this.changed();
    }, REST);
  }

  private askExact(query: Query): void {
    if (!this.exactReady) return; // asked again when it is
    const id = ++this.serial;
    this.waitingFor = { id, query };
    const equalMass = query.scheme === "equal_mass" ? query.nBins : null;
    const { temperature, target } = query;
    this.give({ kind: "exact", id, asked: { temperature, target }, fine: fineBins(query.nBins), equalMass });
  }

  private hear(reply: Reply): void {
    switch (reply.kind) {
      case "loaded":
        this.exactReady = true;
        if (this.asked) this.whenAtRest(JSON.parse(this.asked) as Query, this.asked);
        return;
      case "fit":
        this.best = reply.temperature;
        return this.changed();
      case "node": {
        const entry = [...this.tables.values()].find((e) => e.id === reply.id);
        entry?.table.add(reply.node, reply.histogram);
        if (entry?.table.progress === 1) this.buildNext();
        return;
      }
      case "exact": {
        if (this.waitingFor?.id !== reply.id) return; // of a slider that has moved on
        const { query } = this.waitingFor;
        const { histograms, labelGap, equalMass } = reply;
        keep(this.exacts, askedKey(query), { histograms, labelGap }, KEPT_HISTOGRAMS);
        if (equalMass)
          keep(this.orders, `${askedKey(query)} ${query.nBins}`, ofSums(equalMass), KEPT_HISTOGRAMS);
        return this.changed();
      }
    }
  }

  /** ms of one pass on this machine, warmed up. */
  private measure(): number {
    const { form } = this.predictions;
    const rows = Math.min(form.n, 20_000);
    let took = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 3; run++) {
      const begun = performance.now();
      form.fill([emptyHistogram(FINE)], { temperature: 1, target: null }, 15, 0, rows);
      took = Math.min(took, performance.now() - begun);
    }
    return (took * form.n) / rows;
  }
}

const askedKey = ({ temperature, target }: Asked) => `${temperature} ${target}`;

/** Whether these histograms have the edges of the bins asked for. */
const has = ({ histograms }: Scored, { nBins }: Query) =>
  histograms.some((h) => h.count.length % nBins === 0);

/** Puts last; what was used longest ago goes. */
function keep<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const old of [...map.keys()].slice(0, -most)) map.delete(old);
}

/** A fixed random part of the rows, ascending: one from each of `count` equal stretches. */
function sampleRows(n: number, count: number): Int32Array {
  if (n <= count) return Int32Array.from({ length: n }, (_, i) => i);
  let state = 1;
  return Int32Array.from({ length: count }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
    return Math.floor(((i + state / 2 ** 32) * n) / count);
  });
}
