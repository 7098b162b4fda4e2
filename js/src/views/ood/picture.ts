/** The pictures of the OOD view: two histograms laid over each other, and the ROC curve. */

import type { Detector, Ranking } from "../../core/ood";
import { line, ring, text, ticks } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, roundUp, scaleOf } from "../loss/axes";
import { BINS, type Bins, drawStretch } from "../loss/histogram";
import { fitted } from "../loss/lettering";
import { hatch } from "../reliability/marks";

/** Both histograms over the same bins; what lies beyond an end stands in the outermost bin. */
export interface Overlap extends Bins {
  outside: Uint32Array; // (BINS,)
  beyond: boolean; // some do
}

type Limits = readonly [number, number];

/** Ends of the axis: fixed where the score has some, else round numbers about both kinds of samples. */
export function scoreLimits(detector: Detector, k: number, { inside, outside }: Ranking): Limits {
  if (detector === "msp") return [0, 1];
  if (detector === "entropy") return [-Math.log(k), 0];
  const at = (of: Float64Array, share: number) => of[Math.round(share * (of.length - 1))]!;
  const [first, last] = [at(inside, 0.01), at(inside, 0.99)];
  const reach = 1.5 * Math.max(last - first, 1e-9); // far outsiders must not flatten the rest
  const low = Math.max(Math.min(at(inside, 0), at(outside, 0.02)), first - reach);
  const high = Math.min(Math.max(at(inside, 1), at(outside, 0.98)), last + reach);
  const [a, b = a] = ticks(low, high, 8);
  const step = b! - a! || 1;
  return [Math.floor(low / step) * step, Math.max(Math.ceil(high / step), Math.floor(low / step) + 1) * step];
}

export function overlap(inside: Float64Array, outside: Float64Array, limits: Limits): Overlap {
  const [low, high] = limits;
  const place = (v: number) => Math.min(BINS - 1, Math.max(0, Math.floor(((v - low) / (high - low)) * BINS)));
  const out: Overlap = {
    bin: Int16Array.from(inside, place),
    counts: new Uint32Array(3 * BINS),
    outside: new Uint32Array(BINS),
    log: false,
    low,
    high,
    beyond: [inside, outside].some((scores) => scores.some((v) => v < low || v > high)),
  };
  for (const b of out.bin) out.counts[3 * b]!++;
  for (const v of outside) out.outside[place(v)]!++;
  return out;
}

export interface OverlapPicture {
  bins: Overlap;
  n: number;
  m: number;
  noun: string; // what the set holds
  score: string; // in words
  threshold: number;
  selected: Uint32Array | null; // (BINS, 3), of the validation samples in the first column
  marked: number | null; // score
  cursor: { from: number; to: number } | null;
}

export function drawOverlap(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: OverlapPicture,
): Axes {
  const { bins } = p;
  const s = scaleOf(g);
  let most = 0;
  for (let b = 0; b < BINS; b++) most = Math.max(most, bins.counts[3 * b]! / p.n, bins.outside[b]! / p.m);
  const at: Axes = {
    box: { x: 40 * s, y: 38 * s, w: w - 40 * s - 10, h: Math.max(20, h - 70 * s) },
    xlim: [bins.low, bins.high],
    ylim: [0, Math.min(1, roundUp(most * 1.02))],
  };
  const { box } = at;
  drawFrame(g, c, at, {
    title: "",
    x: fitted(bins.beyond ? `${p.score}; some beyond the ends` : p.score, box.w, g),
    xTicks: ticks(bins.low, bins.high, 5).map((v) => [v, short(v)] as const),
    yCount: 4,
    yFormat: (v) => `${Number((100 * v).toPrecision(3))} %`,
  });
  legend(g, c, p, w);
  const width = box.w / BINS;
  for (let b = 0; b < BINS; b++) {
    const x = box.x + b * width;
    const share = bins.counts[3 * b]! / p.n;
    const bar = (part: number, colour: string, alpha: number) => {
      g.globalAlpha = alpha;
      g.fillStyle = colour;
      g.fillRect(x + 0.5, atY(at, part), width - 1, box.y + box.h - atY(at, part));
      g.globalAlpha = 1;
    };
    bar(share, c.bar, p.selected ? 0.45 : 1);
    if (p.selected) bar(p.selected[3 * b]! / p.n, c.fg, 1);
    const top = atY(at, bins.outside[b]! / p.m);
    if (bins.outside[b]! === 0) continue;
    const path = new Path2D();
    path.rect(x + 0.5, top, width - 1, box.y + box.h - top);
    hatch(g, path, c.gap, { left: x, top, right: x + width, floor: box.y + box.h });
  }
  drawStretch(g, c, at, p.cursor);
  drawThreshold(g, c, at, p.threshold, ["← out", "in →"]);
  if (p.marked !== null) triangle(g, c, inBox(at, p.marked), box.y);
  return at;
}

/** A place on the axis; what lies beyond it stands at its end. */
export const inBox = (at: Axes, v: number) => Math.min(at.box.x + at.box.w, Math.max(at.box.x, atX(at, v)));

export const short = (v: number): string => {
  const words = Math.abs(v) >= 1e5 ? v.toExponential(0) : String(Number(v.toPrecision(4)));
  return words.replace("-", "−");
};

/** A line at the threshold, with what lies on either side of it. */
export function drawThreshold(
  g: CanvasRenderingContext2D,
  c: Colours,
  at: Axes,
  threshold: number,
  [left, right]: readonly [string, string],
): void {
  const { box } = at;
  const s = scaleOf(g);
  const x = inBox(at, threshold);
  const top = box.y - 4;
  line(
    g,
    [
      [x, top],
      [x, box.y + box.h],
    ],
    c.bg,
    4,
  );
  line(
    g,
    [
      [x, top],
      [x, box.y + box.h],
    ],
    c.accent,
    2,
  );
  text(g, left, x - 6, box.y - 7 * s, { align: "right", colour: c.fg2 });
  const room = box.x + box.w - x;
  if (room > g.measureText(right).width + 8) text(g, right, x + 6, box.y - 7 * s, { colour: c.fg2 });
}

export function triangle(g: CanvasRenderingContext2D, c: Colours, x: number, y: number): void {
  g.beginPath();
  g.moveTo(x - 6, y - 2);
  g.lineTo(x + 6, y - 2);
  g.lineTo(x, y + 8);
  g.closePath();
  g.fillStyle = c.fg;
  g.strokeStyle = c.bg;
  g.lineWidth = 1.5;
  g.fill();
  g.stroke();
}

function legend(g: CanvasRenderingContext2D, c: Colours, p: OverlapPicture, w: number): void {
  const s = scaleOf(g);
  const size = 10 * s;
  const words = [`${p.n} validation samples`, `${p.m} ${p.noun}`];
  const need = words.reduce((sum, t) => sum + g.measureText(t).width + 30 * s, 0);
  if (need > w) words[0] = `${p.n} validation`;
  g.fillStyle = c.bar;
  g.fillRect(0, 3 * s, size, size);
  text(g, words[0]!, 14 * s, 12 * s, { colour: c.fg });
  const x = 28 * s + g.measureText(words[0]!).width;
  const path = new Path2D();
  path.rect(x, 3 * s, size, size);
  hatch(g, path, c.gap, { left: x, top: 3 * s, right: x + size, floor: 3 * s + size });
  text(g, fitted(words[1]!, w - x - 16 * s, g), x + 14 * s, 12 * s, { colour: c.fg });
}

export interface RocPicture {
  ranking: Ranking;
  fpr: number;
  kept: number; // share of the validation samples at or above the threshold
}

export function drawRoc(g: CanvasRenderingContext2D, c: Colours, w: number, h: number, p: RocPicture): Axes {
  const s = scaleOf(g);
  const side = Math.max(20, Math.min(w - 52 * s, h - 70 * s));
  const at: Axes = {
    box: { x: 40 * s + Math.max(0, (w - 52 * s - side) / 2), y: 38 * s, w: side, h: side },
    xlim: [0, 1],
    ylim: [0, 1],
  };
  const { box } = at;
  const marks = [0, 0.25, 0.5, 0.75, 1].map((v) => [v, String(v)] as const);
  drawFrame(g, c, at, {
    title: "",
    x: fitted("share of OOD kept (FPR)", w - box.x, g),
    xTicks: side < 150 * s ? marks.filter((_, i) => i % 2 === 0) : marks,
    yFormat: (v) => String(v),
  });
  text(g, fitted("share of ID kept", w, g), Math.max(0, box.x - 34 * s), 27 * s, { colour: c.fg2 });
  line(
    g,
    [
      [box.x, box.y + box.h],
      [box.x + box.w, box.y],
    ],
    c.fg2,
    1,
    [2, 3],
  );
  const { fpr, tpr } = p.ranking;
  g.beginPath();
  fpr.forEach((v, i) => {
    const [x, y] = [atX(at, v), atY(at, tpr[i]!)];
    if (i) g.lineTo(x, y);
    else g.moveTo(x, y);
  });
  g.strokeStyle = c.fg;
  g.lineWidth = 2;
  g.lineJoin = "round";
  g.stroke();
  const [x, y] = [atX(at, p.fpr), atY(at, p.kept)];
  line(
    g,
    [
      [box.x, y],
      [x, y],
      [x, box.y + box.h],
    ],
    c.accent,
    1,
    [4, 3],
  );
  ring(g, x, y, c, 5);
  const words = `AUROC ${p.ranking.auroc.toFixed(4)}`;
  text(g, words, box.x + box.w - 6, box.y + box.h - 8 * s, {
    align: "right",
    colour: c.fg,
    halo: c.bg,
    bold: true,
  });
  return at;
}
