/** The viable range of every sample: upright lines in the order of the baseline's probability. */

import { line, ring, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, scaleOf } from "../loss/axes";

const MOST = 1500; // ranges drawn; of more samples only some are, evenly by rank, and the axis says so
const DOTS = 5; // px a sample needs to have a dot of its own; below, the baseline is a line
const WIDEST = 6; // px
const FADED = 0.25; // strength of what is not selected
const STRIP = 9; // px, height of the marks of changed answers

export interface Ranges {
  order: Int32Array; // places of the samples, from left to right
  low: Float64Array; // by place, as all below
  high: Float64Array;
  own: Float64Array; // the baseline's
  moved: Uint8Array; // some network differs by delta or more
  answers: Uint8Array; // some network answers otherwise
  selected: Uint8Array | null;
}

export interface RangesWords {
  y: string;
  x: string;
  baseline: string;
  delta: string;
}

export interface RangesLayout {
  axes: Axes; // x: rank, 0 to n
  strip: number; // y of the marks of changed answers
  legend: { x: number; y: number }[];
}

const legendOf = (words: RangesWords) => [
  { swatch: "own", words: words.baseline },
  { swatch: "moved", words: `moves by ${words.delta} or more` },
  { swatch: "range", words: "moves less" },
  { swatch: "answers", words: "answer changes" },
];

export function layoutRanges(
  g: CanvasRenderingContext2D,
  w: number,
  h: number,
  n: number,
  words: RangesWords,
): RangesLayout {
  const s = scaleOf(g);
  const [left, right] = [32 * s, 8];
  text(g, "", 0, 0, {}); // sets the font that is measured in
  const legend: RangesLayout["legend"] = [];
  let [x, row] = [left, 0];
  for (const entry of legendOf(words)) {
    const wide = 16 + g.measureText(entry.words).width + 14;
    if (x > left && x + wide > w) [x, row] = [left, row + 1];
    legend.push({ x, y: (12 + 15 * row) * s });
    x += wide;
  }
  const top = (12 + 15 * row + 24) * s;
  const box = { x: left, y: top, w: Math.max(1, w - left - right), h: Math.max(1, h - top - 34 * s) };
  box.h -= STRIP;
  return { axes: { box, xlim: [0, n], ylim: [0, 1] }, strip: box.y + box.h + 3, legend };
}

/** Rank at a place of the canvas; null beside the plot, but `beyond` it the outermost. */
export function rankAt({ axes, strip }: RangesLayout, px: number, py: number, beyond = false): number | null {
  const { box, xlim } = axes;
  const n = xlim[1];
  const outside = px < box.x - 4 || px > box.x + box.w + 4 || py < box.y - 6 || py > strip + STRIP;
  if (n === 0 || (outside && !beyond)) return null;
  return Math.min(n - 1, Math.max(0, Math.floor(((px - box.x) / box.w) * n)));
}

export interface Pointed {
  cursor: number | null; // rank under pointer or keys
  marked: number | null; // rank
  brush: readonly [number, number] | null; // ranks
}

export function drawRanges(
  g: CanvasRenderingContext2D,
  c: Colours,
  layout: RangesLayout,
  r: Ranges,
  words: RangesWords,
  at: Pointed,
): void {
  const { axes } = layout;
  const n = r.order.length;
  const every = Math.max(1, n / MOST);
  const shown = Math.min(n, MOST);
  const thinned = shown < n ? `${shown} of ${words.x}` : words.x;
  drawFrame(g, c, axes, { title: words.y, x: "", xTicks: [] });
  const { box } = axes;
  text(g, thinned, box.x + box.w / 2, layout.strip + STRIP + 14 * scaleOf(g), {
    align: "center",
    colour: c.fg2,
  });
  if (at.brush) {
    const [a, b] = [atX(axes, at.brush[0]), atX(axes, at.brush[1] + 1)];
    g.fillStyle = c.grid;
    g.fillRect(a, box.y, b - a, box.h);
  }
  const step = box.w / shown;
  const wide = Math.min(WIDEST, Math.max(1, 0.7 * step));
  const x = (rank: number) => atX(axes, rank + 0.5);
  const strong = (place: number) => !r.selected || r.selected[place]! > 0;
  const stroke = (moved: number, selected: boolean) => {
    g.beginPath();
    for (let i = 0; i < shown; i++) {
      const rank = Math.floor(i * every);
      const place = r.order[rank]!;
      if (r.moved[place] !== moved || strong(place) !== selected) continue;
      const px = x(rank);
      g.moveTo(px, atY(axes, r.low[place]!) + 0.5);
      g.lineTo(px, atY(axes, r.high[place]!) - 0.5);
    }
    g.globalAlpha = selected ? 1 : FADED;
    g.strokeStyle = moved ? c.bar2 : c.bar;
    g.lineWidth = wide;
    g.stroke();
    g.globalAlpha = 1;
  };
  for (const selected of [false, true]) {
    stroke(0, selected);
    stroke(1, selected);
  }
  g.fillStyle = c.gap;
  for (let i = 0; i < shown; i++) {
    const rank = Math.floor(i * every);
    const place = r.order[rank]!;
    if (!r.answers[place]) continue;
    g.globalAlpha = strong(place) ? 1 : FADED;
    g.fillRect(x(rank) - wide / 2, layout.strip, wide, STRIP - 2);
  }
  g.globalAlpha = 1;
  if (step >= DOTS) {
    for (let i = 0; i < shown; i++) {
      const rank = Math.floor(i * every);
      const place = r.order[rank]!;
      g.globalAlpha = strong(place) ? 1 : FADED;
      dot(g, c, x(rank), atY(axes, r.own[place]!));
    }
    g.globalAlpha = 1;
  } else {
    const points = Array.from({ length: shown }, (_, i) => {
      const rank = Math.floor(i * every);
      return [x(rank), atY(axes, r.own[r.order[rank]!]!)] as const;
    });
    line(g, points, c.bg, 4);
    line(g, points, c.fg, 2);
  }
  for (const rank of new Set([at.marked, at.cursor])) {
    if (rank === null) continue;
    const place = r.order[rank]!;
    const [px, low, high] = [x(rank), atY(axes, r.low[place]!), atY(axes, r.high[place]!)];
    for (const [colour, width] of [
      [c.bg, wide + 4],
      [c.fg, Math.max(2, wide)],
    ] as const) {
      line(g, [[px, low + 1], [px, high - 1]], colour, width); // biome-ignore format: two ends
    }
    if (rank === at.marked) ring(g, px, atY(axes, r.own[place]!), c, 5);
    else dot(g, c, px, atY(axes, r.own[place]!), 3.5);
  }
  drawLegend(g, c, layout, words, step >= DOTS);
}

function dot(g: CanvasRenderingContext2D, c: Colours, x: number, y: number, r = 2.2): void {
  g.beginPath();
  g.arc(x, y, r, 0, 2 * Math.PI);
  g.fillStyle = c.fg;
  g.fill();
  g.strokeStyle = c.bg;
  g.lineWidth = 1;
  g.stroke();
}

function drawLegend(
  g: CanvasRenderingContext2D,
  c: Colours,
  layout: RangesLayout,
  words: RangesWords,
  dots: boolean,
): void {
  legendOf(words).forEach((entry, i) => {
    const { x, y } = layout.legend[i]!;
    const middle = y - 4;
    if (entry.swatch === "own" && dots) dot(g, c, x + 5, middle, 3);
    else if (entry.swatch === "own")
      line(g, [[x, middle], [x + 11, middle]], c.fg, 2); // biome-ignore format: two ends
    else {
      g.fillStyle = { moved: c.bar2, range: c.bar, answers: c.gap }[entry.swatch]!;
      g.fillRect(x + 3, middle - 5, 4, entry.swatch === "answers" ? STRIP - 2 : 10);
    }
    text(g, entry.words, x + 16, y, { colour: c.fg2 });
  });
}
