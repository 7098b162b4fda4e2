/** Reliability diagram: what the network says against how often it is right, rebinned on every move. */

import { eceInterval } from "../core/interval";
import { markedSample } from "../core/marked";
import { RULE_KEYS, shownTilted } from "../core/overlay";
import { binIndex, keptAbove, pairs, type Reliability, reliability, type Scheme } from "../core/reliability";
import { selectedMask } from "../core/samples";
import { click, combine, type Selection, type SetOp, selectionWords, setOp } from "../core/selection";
import { logitsOf, type Pinned, pinnedShown, type Shown, topPairs } from "../core/shown";
import { argmax, softmaxRow } from "../core/softmax";
import type { How } from "../core/store";
import { makeCanvas } from "../draw/canvas";
import { b, h, OWN_KEYS, say } from "../draw/dom";
import { numberKnob, rangeKnob, selectKnob } from "../draw/knobs";
import { commonNotice, makePanel, shownWord, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import type { Mount } from "./mount";
import type { Answer, Query } from "./reliability/large/engine";
import { drawReliability, type Layout, layout, readout } from "./reliability/picture";
import { eceWords, keptWords, pathWords, sampleWords, scoreWords } from "./reliability/words";

const BIN_CHOICES = [5, 10, 15, 20, 25, 50, 100, 200, 500];
const MOST_BINS = 500; // of the menu
const DEFAULT_BINS = 15;
const TOP = "top_label";
const HIGHEST_THRESHOLD = 0.999;
const SETTLED = 300; // ms
const cutoffWords = (t: number) => (t === 0 ? "off" : t.toFixed(3));
const KEYS = [
  "temperature",
  "step",
  "member",
  "selection",
  "marked",
  "hover",
  "pinned",
  "n_bins",
  "scheme",
  "mode",
  "target_class",
  ...RULE_KEYS,
  "threshold",
];

/** The square of confidence and accuracy is not stretched over a wide page. */
const SQUARISH = "width: 100%; max-width: calc(1.7 * var(--clsviz-plot)); margin: 0 auto";

/** A diagram with its scores; of large predictions without what each sample did. */
interface Binned extends Answer {
  hit: Uint8Array | null;
}

export const mountReliability: Mount = (el, { session, store, large: useLarge }) => {
  const panel = makePanel(el, { view: "reliability", title: "Reliability diagram", table: () => table() });
  const choices = h(
    "datalist",
    { id: `clsviz-choices-${crypto.randomUUID()}` },
    ...BIN_CHOICES.map((n) => h("option", { value: n })),
  );
  const bins = numberKnob({
    name: "Bins",
    low: 1,
    high: BIN_CHOICES[BIN_CHOICES.length - 1]!,
    value: DEFAULT_BINS,
    change: (n) => binsKnob.move(Math.round(n)),
  });
  // each press of the arrows is drawn; the kernel hears of the last
  const binsKnob = settled((n: number, how: How) => store.set("n_bins", n, how));
  bins.input.addEventListener("change", binsKnob.settle);
  bins.input.setAttribute("list", choices.id);
  bins.input.style.width = "70px"; // three digits beside the arrow of the choices
  bins.input.addEventListener("blur", () => bins.show(nBins()));
  const binning = selectKnob({
    name: "Binning",
    value: "equal_width",
    labelled: false,
    change: (scheme) => store.set("scheme", scheme),
    options: [
      { value: "equal_width", label: "equal width" },
      { value: "equal_mass", label: "equal mass" },
    ],
  });
  const of = selectKnob({
    name: "Of",
    value: TOP,
    options: [{ value: TOP, label: "top guess" }],
    change: (value) => {
      if (value !== TOP) store.set("target_class", Number(value));
      store.set("mode", value === TOP ? TOP : "per_class");
    },
  });
  const cutoffValue = h("span");
  const threshold = rangeKnob({
    labelled: false, // an output would be a second status line in this view
    name: "Threshold",
    low: 0,
    high: HIGHEST_THRESHOLD,
    step: 0.001,
    value: 0,
    default: 0,
    format: cutoffWords,
    live: (t) => store.set("threshold", t, "live"),
    final: (t) => store.set("threshold", t),
  });
  const canvas = makeCanvas("");
  for (const [name, value] of Object.entries({
    role: "slider",
    tabindex: "0",
    "aria-valuemin": "1",
    "aria-label":
      "Bars of the reliability diagram: arrow keys move, Enter selects the samples of a bar (with Shift adds, with Ctrl takes out, with both keeps the common ones), Shift with arrows extends, Escape clears",
    ...OWN_KEYS,
  }))
    canvas.el.setAttribute(name, value);
  bins.el.dataset.control = "bins";
  panel.controls.append(bins.el, choices);
  const row = h(
    "div",
    { class: "clsviz-row" },
    of.el,
    binning.el,
    h(
      "div",
      { class: "clsviz-knob" },
      h("span", { class: "clsviz-name", "aria-hidden": "true" }, "Threshold"),
      threshold.el,
      cutoffValue,
    ),
  );
  for (const { select } of [of, binning]) select.style.cssText = "height: 22px; max-width: 170px"; // as low as the controls of the header
  const plot = h(
    "div",
    { class: "clsviz-plot", style: `height: calc(var(--clsviz-plot) - 26px); ${SQUARISH}` },
    canvas.el,
  );
  panel.body.append(row, plot);
  // room for the selection's words too: the status grows by no line while one drags
  panel.root.querySelector<HTMLElement>("[role=status]")!.style.minHeight = "calc(5.6em + 6px)";

  const nBins = () => Math.min(MOST_BINS, Math.max(1, Math.round(store.get("n_bins") ?? DEFAULT_BINS) || 1));
  const temperature = () => store.get<number | null>("temperature") ?? 1;
  /** The threshold, on the grid that large predictions are counted on. */
  const cutoff = () => Math.round(1000 * (store.get<number | null>("threshold") ?? 0)) / 1000;
  /** The class looked at, or null for the top guess. */
  const target = (): number | null => {
    const k = store.get<number | null>("target_class");
    const perClass = store.get<string | null>("mode") === "per_class";
    return perClass && k !== null && k >= 0 && k < session.dataset!.k ? k : null;
  };

  const className = () => (target() === null ? "" : session.dataset!.classNames[target()!]!);

  // The last binning of the network shown and of the pinned one
  const kept = new Map<string, { at: Shown; params: string; binned: Binned }>();
  const binned = (who: string, at: Shown, T: number): Binned => {
    const scheme = store.get<Scheme | null>("scheme") ?? "equal_width";
    const params = `${T} ${nBins()} ${scheme} ${target()} ${cutoff()}`;
    const old = kept.get(who);
    if (old?.at === at && old.params === params) return old.binned;
    const p =
      target() === null
        ? topPairs(at, session.dataset!.k, T)
        : pairs(at.logits, at.labels, session.dataset!.k, T, target());
    const result = reliability(p, nBins(), scheme);
    const fresh: Binned = {
      result,
      nll: p.nll,
      brier: p.brier,
      kept: keptAbove(p, cutoff()),
      interval: eceInterval(result),
      path: "exact",
      bound: 0,
      hit: p.hit,
    };
    kept.set(who, { at, params, binned: fresh });
    return fresh;
  };
  const query = (T: number): Query => ({
    temperature: T,
    target: target(),
    nBins: nBins(),
    scheme: store.get<Scheme | null>("scheme") ?? "equal_width",
    threshold: cutoff(),
  });

  /** What the pointer and the keys act on: the picture as last drawn. */
  let drawn: { at: Shown | null; binned: Binned; pinned: Binned | null; layout: Layout } | null = null;
  let cursor: { bin: number; keys: boolean } | null = null;
  let anchor = 0; // bin where a drag or Shift began

  const draw = () => {
    const notice = commonNotice(session) ?? large?.notice() ?? null;
    panel.notice(notice);
    const engine = notice ? null : (large?.engine() ?? null);
    const at = notice || engine ? null : shownTilted(session, store);
    const data = session.dataset;
    panel.setHovered(at?.hovered ?? false);
    if (!(at || engine) || !data) return panel.status("Nothing to bin yet.");
    threshold.show(cutoff());
    say(cutoffValue, cutoffWords(cutoff()));
    bins.show(nBins());
    binning.show(store.get<string | null>("scheme") ?? "equal_width");
    const k = target();
    of.show(k === null ? TOP : String(k));

    const budget = panel.root.dataset.passBudget; // tests choose the way by it
    if (engine && budget) engine.budget = Number(budget);
    const now = at ? binned("shown", at, temperature()) : { ...engine!.ask(query(temperature())), hit: null };
    panel.root.dataset.path = now.path;
    const pin = store.get<Pinned | null>("pinned");
    const pinAt = pinnedShown(session, pin);
    const pinned = pin && pinAt ? binned("pinned", pinAt, pin.temperature ?? temperature()) : null;
    const r = now.result;
    if (cursor && cursor.bin >= r.counts.length) cursor = null;

    const { g, w, h: height } = canvas.begin();
    const place = layout(canvas.el, w, height);
    drawn = { at, binned: now, pinned, layout: place };
    const name = className();
    drawReliability(canvas, g, colours(canvas.el), place, {
      result: r,
      pinned: pinned?.result ?? null,
      share: at && selectedShare(at, r),
      marked: at && markedProbability(at, k),
      threshold: cutoff() > 0 ? { at: cutoff(), words: keptWords(now.kept, name) } : null,
      cursor,
      xTitle: k === null ? "confidence (top-1 probability)" : `probability of class ${name}`,
      yTitle: k === null ? "accuracy (share correct)" : `share that is ${name}`,
    });
    canvas.el.setAttribute("aria-valuemax", String(r.counts.length));
    canvas.el.setAttribute("aria-valuenow", String((cursor?.bin ?? 0) + 1));
    canvas.el.setAttribute("aria-valuetext", cursor ? readout(r, cursor.bin) : "no bar chosen");
    const how = engine ? pathWords(now, engine.predictions, k) : "";
    panel.status(...words(at, now, pinned), ...(how ? [" ", how] : []));
  };

  const selectedShare = (at: Shown, r: Reliability): Float64Array | null => {
    const mask = selectedMask(store.get<Int32Array | null>("selection"), session.dataset!.n);
    if (!mask) return null;
    const share = new Float64Array(r.counts.length);
    r.index.forEach((bin, i) => {
      share[bin]! += mask[at.rows[i]!]!;
    });
    if (share.every((count) => count === 0)) return null; // nothing of it is here: the words say so
    return share.map((count, bin) => (count > 0 ? count / r.counts[bin]! : 0));
  };

  const markedProbability = (at: Shown, k: number | null): number | null => {
    const sample = markedSample(session, store);
    if (sample === null) return null;
    const z = logitsOf(session, at, [sample]);
    return softmaxRow(z, 0, session.dataset!.k, temperature())[k ?? argmax(z)]!;
  };

  const words = (at: Shown | null, now: Binned, pinned: Binned | null): (Node | string)[] => {
    const { result: r, hit } = now;
    const lean = r.meanConfidence - r.meanAccuracy;
    const verdict = Math.abs(lean) <= 0.01 ? "right" : lean > 0 ? "over-confident" : "under-confident";
    const parts: (Node | string)[] = [
      ...(at ? shownWord(at) : []),
      ...eceWords(now),
      pinned ? ` (pinned ${pinned.result.ece.toFixed(4)})` : "",
      `: ${verdict} on average. Worst bin (MCE) ${r.mce.toFixed(2)}, ${scoreWords(now)}${sampleWords((at ? at.rows : session.dataset!.validation).length)}`,
      cutoff() > 0 ? `; above ${cutoff().toFixed(3)}: ${keptWords(now.kept, className())}` : "",
    ];
    const selection = store.get<Int32Array | null>("selection");
    const mask = selectedMask(selection, session.dataset!.n);
    if (!selection || !mask || !at || !hit) return [...parts, "."];
    let selected = 0;
    let hits = 0;
    at.rows.forEach((sample, i) => {
      if (mask[sample]) {
        selected++;
        hits += hit[i]!;
      }
    });
    const share =
      selected === 0
        ? ""
        : `, ${Math.round((100 * hits) / selected)}\u00a0% ${target() === null ? "right" : "of this class"}`;
    const [count, where] = selectionWords(selection, selected, session.dataset!);
    return [...parts, "; ", b(count), `${where}${share}.`];
  };

  const table = (): TableData => {
    if (!drawn) return { columns: ["from", "to", "samples"], rows: [] };
    const r = drawn.binned.result;
    return {
      columns: ["from", "to", "samples", "confidence", "accuracy", "gap", "90 % low", "90 % high"],
      rows: Array.from(r.counts, (count, i) => [
        r.edges[i]!,
        r.edges[i + 1]!,
        count,
        r.confidence[i]!,
        r.accuracy[i]!,
        r.gap[i]!,
        r.low[i]!,
        r.high[i]!,
      ]),
    };
  };

  /** Samples of bins from..to in the order of the data. */
  const samplesOf = (from: number, to: number): Int32Array => {
    const {
      at,
      binned: { result },
    } = drawn!;
    if (!at) return new Int32Array(0); // large predictions are not told apart
    return at.rows.filter((_, i) => result.index[i]! >= from && result.index[i]! <= to);
  };
  const selection = () => store.get<Selection>("selection");
  const selectRange = (a: number, c: number, how: How = "final") =>
    store.set("selection", combine(null, samplesOf(Math.min(a, c), Math.max(a, c)), "replace"), how);
  const moveCursor = (to: { bin: number; keys: boolean } | null) => {
    if (to?.bin === cursor?.bin && to?.keys === cursor?.keys) return;
    cursor = to;
    frame.ask();
  };

  /** Bin at the pointer; with `beyond`, the nearest one when it is outside the plot. */
  const binAt = (e: PointerEvent, beyond = false): number | null => {
    if (!drawn) return null;
    const { left, right, top, stripFloor } = drawn.layout;
    const outside =
      e.offsetX < left - 3 || e.offsetX > right + 3 || e.offsetY < top || e.offsetY > stripFloor + 3;
    if (outside && !beyond) return null;
    return binIndex(Math.min(1, Math.max(0, (e.offsetX - left) / (right - left))), drawn.binned.result.edges);
  };
  let drag: { op: SetOp; before: Selection; first: number; last: number } | null = null;
  const brushed = () => {
    const { op, before, first, last } = drag!;
    const samples = samplesOf(Math.min(first, last), Math.max(first, last));
    return first === last ? click(before, samples, op) : combine(before, samples, op);
  };
  canvas.el.addEventListener("pointerdown", (e) => {
    const bin = binAt(e);
    if (bin === null || e.button !== 0 || !drawn?.at) return;
    canvas.el.setPointerCapture(e.pointerId);
    anchor = bin;
    drag = { op: setOp(e), before: selection(), first: bin, last: bin };
    store.set("selection", brushed(), "live");
  });
  canvas.el.addEventListener("pointermove", (e) => {
    const bin = binAt(e, drag !== null);
    moveCursor(bin === null ? null : { bin, keys: false });
    if (!drag || bin === null || bin === drag.last) return;
    drag.last = bin;
    store.set("selection", brushed(), "live");
  });
  const release = () => {
    if (drag) store.set("selection", brushed());
    drag = null;
  };
  canvas.el.addEventListener("pointerup", release);
  canvas.el.addEventListener("pointercancel", release);
  canvas.el.addEventListener("pointerleave", () => moveCursor(null));

  canvas.el.addEventListener("keydown", (e) => {
    if (!drawn) return;
    const { counts } = drawn.binned.result;
    const full = Array.from(counts, (_, i) => i).filter((i) => counts[i]! > 0); // the cursor passes over empty bins
    const start = cursor?.bin ?? -1;
    const place = full.findIndex((bin) => bin >= start);
    const next = {
      ArrowRight: place + 1,
      ArrowUp: place + 1,
      ArrowLeft: place - 1,
      ArrowDown: place - 1,
      PageUp: place + 10,
      PageDown: place - 10,
      Home: 0,
      End: full.length - 1,
    }[e.key];
    if (next !== undefined) {
      const to = cursor ? full[Math.min(full.length - 1, Math.max(0, next))]! : full[0]!;
      moveCursor({ bin: to, keys: true });
      if (e.shiftKey && drawn.at) selectRange(anchor, to);
      else anchor = to;
    } else if ((e.key === "Enter" || e.key === " ") && cursor && drawn.at)
      store.set("selection", click(selection(), samplesOf(cursor.bin, cursor.bin), setOp(e)));
    else if (e.key === "Escape") store.set("selection", null);
    else return;
    e.preventDefault();
  });
  canvas.el.addEventListener("blur", () => moveCursor(null));

  const offerClasses = () => {
    const names = session.dataset?.classNames ?? [];
    of.setOptions([
      { value: TOP, label: "top guess" },
      ...names.map((name, k) => ({ value: String(k), label: `class ${name}` })),
    ]);
  };
  offerClasses();
  const large = useLarge?.(session, () => frame.ask()) ?? null;
  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [canvas.el],
    keys: KEYS,
    events: ["data", "snapshots", "run", "alive"],
    also: [session.on(["data"], offerClasses), () => large?.end(), binsKnob.settle],
  });
  return frame.close;
};

/** Says a value while it moves, and once more when it has come to rest. */
function settled(say: (value: number, how: How) => void): { move(value: number): void; settle(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: number | null = null;
  const settle = () => {
    clearTimeout(timer);
    if (last !== null) say(last, "final");
    last = null;
  };
  return {
    move(value) {
      say(value, "live");
      last = value;
      clearTimeout(timer);
      timer = setTimeout(settle, SETTLED);
    },
    settle,
  };
}
