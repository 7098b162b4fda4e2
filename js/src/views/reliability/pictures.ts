/** The four pictures of this view: each draws itself, says itself in words and as a table, and can be walked. */

import { MOVED_BINS } from "../../core/moved";
import { binIndex, type Reliability, reliability, wilson } from "../../core/reliability";
import { riskCoverage } from "../../core/riskcoverage";
import type { How } from "../../core/store";
import type { Canvas } from "../../draw/canvas";
import { SET_KEYS } from "../../draw/dom";
import type { TableData } from "../../draw/panel";
import type { Colours } from "../../draw/theme";
import { explain } from "../loss/lettering";
import { type ClassCell, classesScene, drawClasses, gridOf } from "./classes";
import { drawMoved, edge, movedScene } from "./moving";
import type { OnScreen } from "./onscreen";
import { drawReliability, layout, readout } from "./picture";
import type { Cursor, Scene } from "./pointing";
import { drawRisk, riskScene } from "./risk";
import type { PictureName } from "./state";
import { diagramWords, keptWords, movedWordsOf, riskWordsOf, type Words } from "./words";

/** What a picture needs besides the numbers. */
export interface Easel {
  canvas: Canvas;
  colours: Colours;
  cursor: Cursor | null;
  mask: Uint8Array | null; // of the selected samples
  marked: number | null; // probability of the marked sample
  threshold(value: number, how: How): void;
  open(k: number): void; // a class
}

export interface Painted {
  scene: Scene | null;
  words: Words;
  table: TableData;
}

type Paint = (o: OnScreen, easel: Easel) => Painted;

const MOST_CLASSES = 20; // small multiples

const diagram: Paint = (o, e) => {
  const { at, cutoff, pinned, network } = o.parts;
  const now = o.shown;
  const r = now.result;
  const { g, w, h } = e.canvas.begin();
  const place = layout(e.canvas.el, w, h);
  const { ofClass } = o;
  drawReliability(e.canvas, g, e.colours, place, {
    result: r,
    before: o.before?.result ?? null,
    pinned: pinned?.result ?? null,
    share: at && e.mask && selectedShare(at.rows, e.mask, r),
    marked: at && e.marked,
    threshold: cutoff > 0 ? { at: cutoff, words: keptWords(now.kept, ofClass) } : null,
    cursor: e.cursor && e.cursor.place < r.counts.length ? e.cursor : null,
    xTitle: ofClass ? `probability of class ${ofClass}` : "confidence (top-1 probability)",
    yTitle: ofClass ? `share that is ${ofClass}` : "accuracy (share correct)",
  });
  const scene: Scene = {
    places: r.counts.length,
    stops: Array.from(r.counts, (_, b) => b).filter((b) => r.counts[b]! > 0), // the keys pass over empty bins
    words: (bin) => readout(r, bin),
    at(x, y, beyond) {
      const { left, right, top, stripFloor } = place;
      const outside = x < left - 3 || x > right + 3 || y < top || y > stripFloor + 3;
      if (outside && !beyond) return null;
      return binIndex(Math.min(1, Math.max(0, (x - left) / (right - left))), r.edges);
    },
    samples: at && ((from, to) => at.rows.filter((_, i) => r.index[i]! >= from && r.index[i]! <= to)),
  };
  const columns = ["from", "to", "samples", "confidence", "accuracy", "gap", "90 % low", "90 % high"];
  const rows = (d: Reliability, first: string[]) =>
    Array.from(d.counts, (count, i) => [
      ...first,
      d.edges[i]!,
      d.edges[i + 1]!,
      count,
      d.confidence[i]!,
      d.accuracy[i]!,
      d.gap[i]!,
      d.low[i]!,
      d.high[i]!,
    ]);
  const table = o.after
    ? { columns: ["", ...columns], rows: [...rows(r, ["after"]), ...rows(network.result, ["before"])] }
    : { columns, rows: rows(r, []) };
  return { scene, words: diagramWords(now, o.before, pinned, o.who), table };
};

/** Share of each bin's samples that is selected; null when none of them is here. */
function selectedShare(rows: Int32Array, mask: Uint8Array, r: Reliability): Float64Array | null {
  const share = new Float64Array(r.counts.length);
  r.index.forEach((bin, i) => {
    share[bin]! += mask[rows[i]!]!;
  });
  if (share.every((count) => count === 0)) return null; // the words say so
  return share.map((count, bin) => (count > 0 ? count / r.counts[bin]! : 0));
}

const risk: Paint = (o, e) => {
  const { samples } = o;
  if (!samples) return nothing(e);
  const now = riskCoverage(samples.after ?? samples.network);
  const before = samples.after && riskCoverage(samples.network);
  const pinned = samples.pinned && riskCoverage(samples.pinned);
  const { g, w, h } = e.canvas.begin();
  const n = now.risk.length;
  const p = { now, before, pinned, threshold: o.parts.cutoff, cursor: e.cursor };
  const axes = drawRisk(g, e.colours, w, h, p);
  // rounded down, so that the sample at this coverage is kept
  const pick = (k: number, how: How) =>
    e.threshold(k === n - 1 ? 0 : Math.floor(1000 * Math.min(0.999, now.value[k]!)) / 1000, how);
  const scene = riskScene(p, axes, pick);
  return {
    scene,
    words: riskWordsOf(now, before, pinned),
    table: {
      columns: ["coverage", "error rate", "90 % low", "90 % high", "best order", "least confidence"],
      rows: scene.stops.map((k) => [
        (k + 1) / n,
        now.risk[k]!,
        ...wilson(now.risk[k]!, k + 1),
        now.best[k]!,
        now.value[k]!,
      ]),
    },
  };
};

const classes: Paint = (o, e) => {
  const { samples } = o;
  if (!samples) return nothing(e);
  const { data, settings } = o.parts;
  const most = mostFrequent(samples.at.labels, data.k);
  const bins = (j: typeof samples.network, k: number) =>
    reliability(j.outcomes(k), settings.nBins, settings.scheme);
  const cells: ClassCell[] = most.map((k) => ({
    k,
    name: data.classNames[k]!,
    result: bins(samples.after ?? samples.network, k),
    before: samples.after && bins(samples.network, k),
  }));
  const { g, w, h } = e.canvas.begin();
  const grid = gridOf(g, w, h, cells.length);
  drawClasses(g, e.colours, w, grid, cells, e.cursor);
  const worst = cells.reduce((a, c) => (c.result.ece > a.result.ece ? c : a));
  const mean = cells.reduce((sum, c) => sum + c.result.ece, 0) / cells.length;
  const among =
    cells.length < data.k ? ` the ${cells.length} most frequent of ${data.k} classes` : " classes";
  return {
    scene: classesScene(cells, grid, e.open),
    words: [
      `ECE of each class's probability${o.after ? ` after ${o.who.after}` : ""}: mean ${mean.toFixed(4)} over${among}, largest ${worst.result.ece.toFixed(4)} (class ${worst.name}); click one to look at it alone; `,
    ],
    table: {
      columns: ["class", "ECE", "MCE", "mean probability", "share", ...(o.after ? ["ECE before"] : [])],
      rows: cells.map(({ name, result: r, before }) => [
        name,
        r.ece,
        r.mce,
        r.meanConfidence,
        r.meanAccuracy,
        ...(before ? [before.ece] : []),
      ]),
    },
  };
};

/** The classes with most samples, in their own order: they stay the same while sliders move. */
function mostFrequent(labels: Int32Array, k: number): number[] {
  const counts = new Int32Array(k);
  for (const y of labels) counts[y]!++;
  const order = Array.from(counts, (_, i) => i).sort((a, c) => counts[c]! - counts[a]! || a - c);
  return order.slice(0, MOST_CLASSES).sort((a, c) => a - c);
}

const moving: Paint = (o, e) => {
  const { moved: m, from, why } = o.moved;
  const { at } = o.parts;
  const { g, w, h } = e.canvas.begin();
  const columns = ["from", "to", "right before", "wrong before"];
  const picture = { moved: m, why, cursor: e.cursor };
  if (!m || !at) {
    drawMoved(g, e.colours, w, h, { ...picture, selected: null, cursor: null });
    return { scene: null, words: [`${why}; `], table: { columns, rows: [] } };
  }
  const chosen = new Uint8Array(MOVED_BINS);
  if (e.mask)
    m.index.forEach((bin, i) => {
      chosen[bin]! |= e.mask![at.rows[i]!]!;
    });
  const selected = chosen.some((v) => v > 0) ? chosen : null;
  const axes = drawMoved(g, e.colours, w, h, { ...picture, selected });
  const samples = (a: number, c: number) => at.rows.filter((_, i) => m.index[i]! >= a && m.index[i]! <= c);
  return {
    scene: movedScene(m, axes, samples),
    words: [from, ...movedWordsOf(m, at.rows.length)],
    table: {
      columns,
      rows: Array.from({ length: MOVED_BINS }, (_, i) => [
        edge(m, i),
        edge(m, i + 1),
        m.counts[2 * i + 1]!,
        m.counts[2 * i]!,
      ]),
    },
  };
};

/** Large predictions have only the diagram. */
function nothing(e: Easel): Painted {
  const { g, w, h } = e.canvas.begin();
  const why = "So many predictions are not told apart: only the diagram shows them";
  explain(g, e.colours, why, { x: 0, y: 0, w, h });
  return { scene: null, words: [`${why}; `], table: { columns: [], rows: [] } };
}

export const PAINT: Record<PictureName, Paint> = { diagram, risk_coverage: risk, classes, moved: moving };

const WALK = "arrow keys move";
const SELECT = `Enter selects the samples of a bar (${SET_KEYS}), Shift with arrows extends, Escape clears`;

/** Accessible name of the canvas. */
export const LABELS: Record<PictureName, string> = {
  diagram: `Bars of the reliability diagram: ${WALK}, ${SELECT}`,
  risk_coverage: `Error rate against coverage: ${WALK} a hundredth, Enter sets the threshold there`,
  classes: `Reliability of each class: ${WALK}, Enter shows that class alone`,
  moved: `Histogram of how far confidences moved: ${WALK}, ${SELECT}`,
};
