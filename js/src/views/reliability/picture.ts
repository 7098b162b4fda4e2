/** Draws a reliability diagram: bars, gaps, whiskers, counts, and the marks laid over them. */

import type { Reliability } from "../../core/reliability";
import { type Canvas, line, text, ticks } from "../../draw/canvas";
import { fontOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";
import {
  BEFORE_DASH,
  barBetween,
  diagramLegend,
  drawLegend,
  FEW,
  hatch,
  openDot,
  openSquare,
  segment,
  whisker,
} from "./marks";
import type { Cursor } from "./pointing";

type G = CanvasRenderingContext2D;

export interface Picture {
  result: Reliability;
  /** Without the calibrator whose result this is; null where there is none. */
  before: Reliability | null;
  pinned: Reliability | null;
  /** Share of each bin's samples that is selected; null when nothing is. */
  share: Float64Array | null;
  /** Probability of the marked sample, or null. */
  marked: number | null;
  /** Below it samples are withheld; in words what is kept. Null where nothing is. */
  threshold: { at: number; words: string } | null;
  cursor: Cursor | null;
  xTitle: string;
  yTitle: string;
}

export interface Layout {
  size: number; // px of axis words
  left: number;
  right: number;
  top: number;
  floor: number; // y of accuracy 0
  stripTop: number;
  stripFloor: number;
  x(p: number): number;
  y(p: number): number;
}

const FAINT = 0.3; // strength of bins without selected samples

export function layout(canvas: HTMLCanvasElement, w: number, h: number): Layout {
  const size = fontOf(canvas).size - 1;
  const left = size * 4.2;
  const right = w - size * 0.8;
  const top = size * 2.3;
  const stripFloor = h - size * 2.7;
  const stripTop = stripFloor - size * 2.2;
  const floor = stripTop - size * 1.5;
  return {
    size,
    left,
    right,
    top,
    floor,
    stripTop,
    stripFloor,
    x: (p) => left + p * (right - left),
    y: (p) => floor - p * (floor - top),
  };
}

export function drawReliability(canvas: Canvas, g: G, c: Colours, at: Layout, p: Picture): void {
  canvas.layer("axes", [c, at.size, p.xTitle, p.yTitle], (to) => drawAxes(to, c, at, p));
  if (p.cursor) drawCursor(g, c, at, p.result, p.cursor);
  drawBars(g, c, at, p);
  drawCounts(g, c, at, p);
  segment(g, [at.x(0), at.y(0)], [at.x(1), at.y(1)], c.fg2, 1.25, [1.5, 3]);
  if (p.before) drawLine(g, c, at, p.before, BEFORE_DASH, openSquare);
  if (p.pinned) drawLine(g, c, at, p.pinned, [5, 3], openDot);
  if (p.threshold) drawThreshold(g, c, at, p.threshold);
  if (p.marked !== null) drawMarked(g, c, at, p.marked);
  if (p.cursor) drawReadout(g, c, at.size, at.right, readout(p.result, p.cursor.place));
  else {
    const [before, pinned] = [p.before !== null, p.pinned !== null];
    canvas.layer("legend", [c, at.size, before, pinned], (to) =>
      drawLegend(to, c, at.size, at.left, at.right + 4, diagramLegend(to, c, before, pinned)),
    );
  }
}

/** Words on one bin. */
export function readout(r: Reliability, bin: number): string {
  const [from, to] = [r.edges[bin]!, r.edges[bin + 1]!];
  const digits = to - from < 0.02 ? 4 : 2;
  const range = `${from.toFixed(digits)} to ${to.toFixed(digits)}`;
  const count = r.counts[bin]!;
  if (count === 0) return `${range}: no samples`;
  const percent = (v: Float64Array) => Math.round(100 * v[bin]!);
  const samples = count === 1 ? "1 sample" : `${count} samples`;
  return `${range}: ${samples}, says ${percent(r.confidence)} %, right ${percent(r.accuracy)} % (${percent(r.low)}–${percent(r.high)})`;
}

/** Words on the place under the cursor, in the line of the legend; what is in brackets goes first. */
export function drawReadout(g: G, c: Colours, size: number, right: number, words: string): void {
  g.font = `${size}px ${fontOf(g.canvas).family}`;
  const fits = g.measureText(words).width <= right;
  text(g, fits ? words : words.replace(/ \(.*\)/, ""), 0, size + 1, { size, colour: c.fg });
}

function drawAxes(g: CanvasRenderingContext2D, c: Colours, at: Layout, p: Picture): void {
  const { size } = at;
  for (const t of ticks(0, 1, 4)) {
    segment(g, [at.left, at.y(t)], [at.right, at.y(t)], c.grid);
    segment(g, [at.x(t), at.top], [at.x(t), at.floor], c.grid);
    text(g, String(t), at.left - 6, at.y(t), { align: "right", baseline: "middle", size, colour: c.fg2 });
    const align = t === 0 ? "left" : t === 1 ? "right" : "center";
    text(g, String(t), at.x(t), at.stripFloor + size * 1.15, { align, size, colour: c.fg2 });
  }
  const middle = (at.left + at.right) / 2;
  text(g, p.xTitle, middle, at.stripFloor + size * 2.4, { align: "center", size, colour: c.fg2 });
  text(g, p.yTitle, size * 0.9, (at.top + at.floor) / 2, {
    align: "center",
    size,
    colour: c.fg2,
    rotate: -Math.PI / 2,
  });
  text(g, "samples", at.left - 5, at.stripFloor - 2, { align: "right", size: size - 1, colour: c.fg2 });
  segment(g, [at.left, at.stripFloor], [at.right, at.stripFloor], c.line);
}

function drawCursor(
  g: CanvasRenderingContext2D,
  c: Colours,
  at: Layout,
  r: Reliability,
  cursor: Cursor,
): void {
  const x0 = at.x(r.edges[cursor.place]!);
  const width = Math.max(2, at.x(r.edges[cursor.place + 1]!) - x0);
  g.fillStyle = c.bg2;
  g.fillRect(x0, at.top, width, at.stripFloor - at.top);
  if (!cursor.keys) return;
  g.strokeStyle = c.accent;
  g.lineWidth = 2;
  g.strokeRect(x0 - 1, at.top - 1, width + 2, at.stripFloor - at.top + 2);
}

const bar = (at: Layout, r: Reliability, b: number) => barBetween(at.x(r.edges[b]!), at.x(r.edges[b + 1]!));

function drawBars(g: CanvasRenderingContext2D, c: Colours, at: Layout, p: Picture): void {
  const r = p.result;
  const strength = (b: number) => (p.share && p.share[b] === 0 ? FAINT : 1);
  const gaps = drawFills(g, c, at, r, strength);
  for (const [alpha, path] of gaps) {
    g.globalAlpha = alpha;
    hatch(g, path, c.gap, at);
  }
  for (let b = 0; b < r.counts.length; b++) {
    if (r.counts[b] === 0) continue;
    const [x0, width] = bar(at, r, b);
    g.globalAlpha = strength(b);
    const y = at.y(r.accuracy[b]!);
    segment(g, [x0, y], [x0 + width, y], c.fg, 2);
    if (width < 3) continue; // whiskers would paint over everything
    whisker(g, x0 + width / 2, at.y(r.low[b]!), at.y(r.high[b]!), Math.min(3, width / 3), c.fg);
  }
  g.globalAlpha = 1;
}

/** Grey bars; returns the gaps on them, as one path per strength. */
function drawFills(
  g: CanvasRenderingContext2D,
  c: Colours,
  at: Layout,
  r: Reliability,
  strength: (b: number) => number,
): Map<number, Path2D> {
  const gaps = new Map<number, Path2D>();
  const filled = (b: number) => r.counts[b]! >= FEW;
  for (let b = 0; b < r.counts.length; b++) {
    if (r.counts[b] === 0) continue;
    const [x0, width] = bar(at, r, b);
    const [yA, yC] = [at.y(r.accuracy[b]!), at.y(r.confidence[b]!)];
    g.globalAlpha = strength(b);
    if (filled(b)) {
      g.fillStyle = c.bar;
      g.fillRect(x0, yA, width, at.floor - yA);
    } else if (width > 4) {
      g.strokeStyle = c.bar2;
      g.lineWidth = 1;
      g.strokeRect(x0 + 0.5, yA, width - 1, at.floor - yA);
    } else {
      g.globalAlpha *= 0.5;
      g.fillStyle = c.bar;
      g.fillRect(x0, yA, width, at.floor - yA);
    }
    const alpha = strength(b) * (filled(b) ? 1 : 0.55);
    const path = gaps.get(alpha) ?? new Path2D();
    path.rect(x0, Math.min(yA, yC), width, Math.abs(yA - yC));
    gaps.set(alpha, path);
  }
  return gaps;
}

function drawCounts(g: CanvasRenderingContext2D, c: Colours, at: Layout, p: Picture): void {
  const r = p.result;
  const most = Math.max(...r.counts);
  const order = Array.from(r.counts, (_, b) => b)
    .filter((b) => r.counts[b]! > 0)
    .sort((a, b) => r.counts[b]! - r.counts[a]!);
  const taken: [number, number][] = []; // where numbers stand already
  for (const b of order) {
    const count = r.counts[b]!;
    const [x0, width] = bar(at, r, b);
    const height = Math.max(1, (count / most) * (at.stripFloor - at.stripTop));
    const share = p.share?.[b] ?? 0;
    g.globalAlpha = p.share && share === 0 ? FAINT : 1;
    g.fillStyle = c.bar;
    g.fillRect(x0, at.stripFloor - height, width, height);
    g.fillStyle = c.fg;
    g.fillRect(x0, at.stripFloor - height * share, width, height * share);
    const half = String(count).length * at.size * 0.3;
    const middle = Math.min(x0 + width / 2, at.right - half);
    if (taken.some(([from, to]) => middle + half > from && middle - half < to)) continue;
    taken.push([middle - half, middle + half]);
    if (g.globalAlpha < 1) g.globalAlpha = 0.6; // still legible
    text(g, String(count), middle, at.stripFloor - height - 3, {
      align: "center",
      size: at.size - 1,
      colour: c.fg2,
    });
  }
  g.globalAlpha = 1;
}

/** Another diagram as a line with a mark in each of its bins. */
function drawLine(g: G, c: Colours, at: Layout, r: Reliability, dash: number[], mark: typeof openDot): void {
  const points: [number, number][] = [];
  for (let b = 0; b < r.counts.length; b++) {
    if (r.counts[b]! > 0) points.push([at.x(r.confidence[b]!), at.y(r.accuracy[b]!)]);
  }
  line(g, points, c.halo, 4);
  line(g, points, c.fg, 1.5, dash);
  const radius = points.length > 40 ? 1.5 : 3;
  for (const [x, y] of points) mark(g, c, x, y, radius);
}

function drawMarked(g: CanvasRenderingContext2D, c: Colours, at: Layout, probability: number): void {
  const x = at.x(probability);
  segment(g, [x, at.top], [x, at.floor], c.halo, 3);
  segment(g, [x, at.top], [x, at.floor], c.fg, 1.25, [2, 3]);
  g.beginPath();
  g.moveTo(x, at.top);
  g.lineTo(x - 5, at.top - 7);
  g.lineTo(x + 5, at.top - 7);
  g.fillStyle = c.fg;
  g.fill();
}

/** Fades what is withheld; a line where the rest begins. */
function drawThreshold(
  g: CanvasRenderingContext2D,
  c: Colours,
  at: Layout,
  threshold: { at: number; words: string },
): void {
  const x = at.x(threshold.at);
  g.globalAlpha = 0.6;
  g.fillStyle = c.bg;
  g.fillRect(at.left, at.top, x - at.left, at.floor - at.top);
  g.globalAlpha = 1;
  segment(g, [x, at.top], [x, at.stripFloor], c.halo, 4);
  segment(g, [x, at.top], [x, at.stripFloor], c.accent, 2);
  const toTheRight = x < (at.left + at.right) / 2;
  text(g, threshold.words, x + (toTheRight ? 6 : -6), at.top + at.size, {
    align: toTheRight ? "left" : "right",
    size: at.size,
    colour: c.fg,
    halo: c.bg,
  });
}
