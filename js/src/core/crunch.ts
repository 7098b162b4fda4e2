/** Long work on large predictions, in short slices; newest wins. Runs in a worker, or where none may run. */

import { Exact } from "./exact";
import type { Asked, Form, FormParts } from "./forms";
import { emptyHistogram, type Histogram } from "./histogram";
import { reviveForm } from "./predictions";
import { type Pairs, reliability, type Sums } from "./reliability";
import { tableOrder, tableTemperature } from "./tabulated";

/** What the worker is told. A newer order of a kind ends the older one. */
export type Order =
  | { kind: "form"; parts: FormParts }
  | { kind: "logits"; from: number; rows: Float32Array }
  | { kind: "exact"; id: number; asked: Asked; fine: number[]; equalMass: number | null }
  | { kind: "fit"; id: number; bounds: readonly [number, number] }
  | { kind: "table"; id: number; target: number | null; bins: number; checked: number };

export type Reply =
  | { kind: "ready" }
  | { kind: "loaded" } // all float32 logits are there
  | { kind: "exact"; id: number; histograms: Histogram[]; equalMass: Sums | null; labelGap: number }
  | { kind: "fit"; id: number; temperature: number }
  | { kind: "node"; id: number; node: number; histogram: Histogram };

type Job = Generator<void, void>;

const SLICE_ROWS = 20_000;
const SLICE_TIME = 12; // ms between looks at new orders
const FIRST = ["exact", "table", "fit"] as const; // what is waited for goes before what is made ahead

export class Crunch {
  private form: Form | null = null;
  private exact: Exact | null = null;
  private gap: number | null = null;
  private readonly jobs = new Map<string, Job>();
  private running = false;

  constructor(
    private readonly reply: (r: Reply) => void,
    /** Lets new orders in. */
    private readonly pause: () => Promise<void>,
  ) {}

  take(order: Order): void {
    switch (order.kind) {
      case "form":
        this.form = reviveForm(order.parts);
        return;
      case "logits":
        this.exact ??= new Exact(this.form!.n, this.form!.k);
        this.exact.receive(order.from, order.rows);
        if (this.exact.complete) this.reply({ kind: "loaded" });
        return;
      default:
        this.jobs.set(order.kind, this.work(order));
        void this.run();
    }
  }

  stop(): void {
    this.jobs.clear();
  }

  private work(order: Exclude<Order, { kind: "form" | "logits" }>): Job {
    if (order.kind === "exact") return this.diagram(order);
    return order.kind === "fit" ? this.fit(order) : this.table(order);
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    let since = performance.now();
    for (;;) {
      const kind = FIRST.find((name) => this.jobs.has(name));
      if (!kind) break;
      const job = this.jobs.get(kind)!;
      if (job.next().done && this.jobs.get(kind) === job) this.jobs.delete(kind);
      if (performance.now() - since > SLICE_TIME) {
        await this.pause();
        since = performance.now();
      }
    }
    this.running = false;
  }

  private *diagram({ id, asked, fine, equalMass }: Extract<Order, { kind: "exact" }>): Job {
    const { n, labels } = this.form!;
    const histograms = fine.map(emptyHistogram);
    const value = new Float64Array(equalMass ? n : 0);
    const hit = new Uint8Array(value.length);
    for (let from = 0; from < n; from += SLICE_ROWS) {
      const to = Math.min(n, from + SLICE_ROWS);
      this.exact!.fill(histograms, asked, labels, from, to);
      if (equalMass)
        this.exact!.pairs(value.subarray(from, to), hit.subarray(from, to), asked, labels, from, to);
      yield;
    }
    this.gap ??= this.exact!.labelGap(labels);
    let sums: Sums | null = null;
    if (equalMass) {
      const pairs: Pairs = { value, hit, nll: 0, brier: 0 };
      const r = reliability(pairs, equalMass, "equal_mass");
      const count = Float64Array.from(r.counts);
      const some = (means: Float64Array) => count.map((c, b) => (c > 0 ? c * means[b]! : 0));
      sums = { edges: r.edges, count, value: some(r.confidence), hits: some(r.accuracy) };
    }
    this.reply({ kind: "exact", id, histograms, equalMass: sums, labelGap: this.gap });
  }

  /** Histograms of the form itself: as exact as what is drawn between them. */
  private *table({ id, target, bins, checked }: Extract<Order, { kind: "table" }>): Job {
    const form = this.form!;
    for (const node of tableOrder()) {
      const h = emptyHistogram(bins);
      const asked = { temperature: tableTemperature(node), target };
      for (let from = 0; from < form.n; from += SLICE_ROWS) {
        form.fill([h], asked, checked, from, Math.min(form.n, from + SLICE_ROWS));
        yield;
      }
      this.reply({ kind: "node", id, node, histogram: h });
    }
  }

  /** Temperature of the least NLL, which is convex in 1 / T: golden section in log T. */
  private *fit({ id, bounds }: Extract<Order, { kind: "fit" }>): Job {
    const form = this.form!;
    const gap = form.labelGap();
    const golden = (Math.sqrt(5) - 1) / 2;
    let [low, high] = [Math.log(bounds[0]), Math.log(bounds[1])];
    const nll: { at: number; value: number }[] = [];
    const inner = () => [high - golden * (high - low), low + golden * (high - low)] as const;
    while (high - low > 1e-4) {
      for (const at of inner()) {
        if (nll.some((e) => Math.abs(e.at - at) < 1e-9)) continue;
        const h = emptyHistogram(1);
        const asked = { temperature: Math.exp(at), target: null };
        for (let from = 0; from < form.n; from += SLICE_ROWS) {
          form.fill([h], asked, 1, from, Math.min(form.n, from + SLICE_ROWS));
          yield;
        }
        nll.push({ at, value: h.scores.logSum / form.n + gap / Math.exp(at) });
      }
      const [a, b] = inner().map((at) => nll.find((e) => Math.abs(e.at - at) < 1e-9)!.value);
      if (a! < b!) high = inner()[1];
      else low = inner()[0];
    }
    this.reply({ kind: "fit", id, temperature: Math.exp((low + high) / 2) });
  }
}
