/** Losses (or weights) of the samples as a histogram, easy, hard and mislabelled ones stacked. */

import { GROUPS } from "../../core/lossterms";
import { ring, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, groupColours, roundUp, scaleOf } from "./axes";
import { explain } from "./lettering";

export type Shows = "loss" | "weight";

export interface Bins {
  /** Bin of each sample; -1 where it has no number. */
  bin: Int16Array;
  counts: Uint32Array; // (BINS, 3)
  log: boolean;
  low: number; // in decades where log
  high: number;
}

export const BINS = 25;
const DECADES = [-4, 1] as const; // losses below and above stand in the outermost bins

/** Losses on a fixed logarithmic axis, unless some are negative; weights evenly from 0. */
export function binned(values: ArrayLike<number>, groups: Uint8Array, shows: Shows): Bins {
  let [least, most] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (!Number.isFinite(v)) continue;
    least = Math.min(least, v);
    most = Math.max(most, v);
  }
  const log = shows === "loss" && least >= 0;
  let [low, high]: [number, number] = [...DECADES];
  if (!log) {
    low = least < 0 ? -roundUp(-least) : 0;
    high = Math.max(low + 1e-3, shows === "weight" ? Math.max(2, roundUp(most)) : roundUp(most));
  }
  const bin = new Int16Array(values.length).fill(-1);
  const counts = new Uint32Array(3 * BINS);
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) continue;
    const at = log ? Math.log10(values[i]!) : values[i]!;
    const b = Math.min(BINS - 1, Math.max(0, Math.floor(((at - low) / (high - low)) * BINS)));
    bin[i] = b;
    counts[3 * b + groups[i]!]!++;
  }
  return { bin, counts, log, low, high };
}

/** The samples of bins `from` to `to` (both included), as numbers of the rows. */
export function inBins(bins: Bins, from: number, to: number): number[] {
  const [low, high] = from < to ? [from, to] : [to, from];
  const out: number[] = [];
  bins.bin.forEach((b, i) => {
    if (b >= low && b <= high) out.push(i);
  });
  return out;
}

/** Selected samples of each bin and group, (BINS, 3). */
export function countsOf({ bin }: Bins, groups: ArrayLike<number>, selected: Uint8Array): Uint32Array {
  const counts = new Uint32Array(3 * BINS);
  bin.forEach((b, i) => {
    if (b >= 0 && selected[i]) counts[3 * b + groups[i]!]!++;
  });
  return counts;
}

/** Values that a bin holds, in words. */
export function binWords(bins: Bins, from: number, to: number): string {
  const [first, last] = from < to ? [from, to] : [to, from];
  const edge = (b: number) => {
    const v = bins.low + ((bins.high - bins.low) * b) / BINS;
    return Number((bins.log ? 10 ** v : v).toPrecision(2));
  };
  if (bins.log && first === 0) return `below ${edge(last + 1)}`;
  if (bins.log && last === BINS - 1) return `from ${edge(first)}`;
  return `${edge(first)} to ${edge(last + 1)}`;
}

export interface HistogramPicture {
  shows: Shows;
  bins: Bins | null;
  why: string;
  selected: Uint32Array | null; // (BINS, 3) counts of those selected
  marked: number | null; // bin
  cursor: { from: number; to: number } | null;
}

export function drawHistogram(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: HistogramPicture,
): Axes {
  const { bins } = p;
  const s = scaleOf(g);
  const most = bins ? tallest(bins.counts) : 1;
  const at: Axes = {
    box: { x: 40 * s, y: 34 * s, w: w - 40 * s - 8, h: Math.max(20, h - 68 * s) },
    xlim: bins ? [bins.low, bins.high] : [0, 1],
    ylim: [0, Math.max(1, most * 1.06)],
  };
  const decades = bins?.log
    ? Array.from({ length: bins.high - bins.low + 1 }, (_, i) => {
        const v = bins.low + i;
        return [v, v === bins.low ? "≤ 0.0001" : v % 2 && w < 300 ? "" : String(10 ** v)] as const;
      })
    : undefined;
  const what = p.shows === "loss" ? "loss of the sample" : "weight: gradient relative to cross-entropy's";
  drawFrame(g, c, at, {
    title: "",
    x: bins?.log ? `${what} (log scale)` : what,
    xTicks: decades,
    yCount: 4,
    yFormat: (v) => (bins && Number.isInteger(v) ? String(v) : ""),
  });
  drawLegend(g, c, p);
  if (!bins) {
    explain(g, c, p.why, at.box);
    return at;
  }
  const colours = groupColours(c);
  const width = at.box.w / BINS;
  for (let b = 0; b < BINS; b++) {
    let foot = 0;
    for (let group = 0; group < 3; group++) {
      const count = bins.counts[3 * b + group]!;
      if (count === 0) continue;
      const x = at.box.x + b * width + 0.5;
      const bar = (from: number, to: number, alpha: number) => {
        g.globalAlpha = alpha;
        g.fillStyle = colours[group]!;
        g.fillRect(x, atY(at, to), width - 1, atY(at, from) - atY(at, to));
      };
      const chosen = p.selected?.[3 * b + group] ?? 0;
      bar(foot, foot + count, p.selected ? 0.3 : 1);
      if (chosen) bar(foot, foot + chosen, 1);
      foot += count;
    }
  }
  g.globalAlpha = 1;
  drawStretch(g, c, at, p.cursor);
  if (p.marked !== null) ring(g, at.box.x + (p.marked + 0.5) * width, at.box.y + at.box.h - 6, c, 4);
  return at;
}

function tallest(counts: Uint32Array): number {
  let most = 0;
  for (let b = 0; b < BINS; b++)
    most = Math.max(most, counts[3 * b]! + counts[3 * b + 1]! + counts[3 * b + 2]!);
  return most;
}

function drawLegend(g: CanvasRenderingContext2D, c: Colours, p: HistogramPicture): void {
  const colours = groupColours(c);
  const totals = [0, 0, 0];
  p.bins?.counts.forEach((count, i) => {
    totals[i % 3]! += count;
  });
  const s = scaleOf(g);
  text(g, "samples", 0, 27 * s, { colour: c.fg2 });
  let x = 0;
  GROUPS.forEach((name, group) => {
    g.fillStyle = colours[group]!;
    g.fillRect(x, 3 * s, 10 * s, 10 * s);
    const words = p.bins ? `${totals[group]} ${name}` : name;
    text(g, words, x + 14 * s, 12 * s, { colour: c.fg });
    x += 26 * s + g.measureText(words).width;
  });
}

/** A frame round the bins under pointer or keys. */
export function drawStretch(
  g: CanvasRenderingContext2D,
  c: Colours,
  { box }: Axes,
  cursor: { from: number; to: number } | null,
): void {
  if (!cursor) return;
  const [from, to] = [Math.min(cursor.from, cursor.to), Math.max(cursor.from, cursor.to) + 1];
  const width = box.w / BINS;
  g.strokeStyle = c.accent;
  g.lineWidth = 2;
  g.strokeRect(box.x + from * width, box.y, (to - from) * width, box.h);
}

/** Bin under a place, or null. */
export function binAt(at: Axes, px: number, py: number): number | null {
  const b = Math.floor(((px - at.box.x) / at.box.w) * BINS);
  const near = py >= at.box.y - 8 && py <= at.box.y + at.box.h + 16;
  return near && b >= 0 && b < BINS ? b : null;
}

export const binX = (at: Axes, b: number): number => atX(at, at.xlim[0]) + ((b + 0.5) * at.box.w) / BINS;
