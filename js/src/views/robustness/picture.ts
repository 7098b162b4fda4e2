/** The pictures of the robustness view: margins as a histogram; accuracy against radius, and one sample moved. */

import { line, ring, text, ticks } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import type { Thumbnails } from "../../draw/thumbnail";
import { type Axes, atX, atY, drawFrame, roundUp, scaleOf } from "../loss/axes";
import { BINS, type Bins } from "../loss/histogram";
import { explain, fitted } from "../loss/lettering";
import { drawThreshold, inBox, short, triangle } from "../ood/picture";
import { hatch } from "../reliability/marks";
import type { Pair } from "./numbers";

/** Right and wrong samples over the same bins; what lies beyond an end stands in the outermost bin. */
export interface MarginBins extends Bins {
  beyond: boolean; // some do
}

/** Bins over nearly all margins; one begins at 0, which parts the wrong from the right. */
export function marginBins(margins: Float64Array, correct: Uint8Array): MarginBins {
  const finite = margins.filter(Number.isFinite).sort();
  const at = (share: number) => finite[Math.round(share * (finite.length - 1))] ?? 0;
  const [a, b = a] = ticks(Math.min(0, at(0.01)), Math.max(at(0.99), 1e-6), 8);
  const step = b! - a! || 1;
  const down = Math.ceil(Math.max(0, -at(0.01)) / step) * step;
  const up = Math.max(Math.ceil(at(0.99) / step), 1) * step;
  const negative = down > 0 ? Math.min(BINS - 1, Math.max(1, Math.round((BINS * down) / (down + up)))) : 0;
  const width = Math.max(down / (negative || 1), up / (BINS - negative));
  const low = -width * negative;
  const high = width * (BINS - negative);
  const out: MarginBins = {
    bin: Int16Array.from(margins, (v) => Math.min(BINS - 1, Math.max(0, negative + Math.floor(v / width)))),
    counts: new Uint32Array(3 * BINS),
    log: false,
    low,
    high,
    beyond: margins.some((v) => v < low || v > high),
  };
  out.bin.forEach((bin, i) => {
    out.counts[3 * bin + (correct[i] ? 0 : 1)]!++;
  });
  return out;
}

export interface MarginPicture {
  bins: MarginBins;
  axis: string; // in words
  right: number; // how many samples are
  wrong: number;
  threshold: number;
  selected: Uint32Array | null; // (3 BINS,) likewise, of those selected
  marked: number | null; // margin
  cursor: { from: number; to: number } | null;
}

export function drawMargins(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: MarginPicture,
): Axes {
  const { bins } = p;
  const s = scaleOf(g);
  let most = 1;
  for (let b = 0; b < BINS; b++) most = Math.max(most, bins.counts[3 * b]! + bins.counts[3 * b + 1]!);
  const at: Axes = {
    box: { x: 40 * s, y: 38 * s, w: w - 40 * s - 10, h: Math.max(20, h - 70 * s) },
    xlim: [bins.low, bins.high],
    ylim: [0, roundUp(most)],
  };
  const { box } = at;
  drawFrame(g, c, at, {
    title: "",
    x: fitted(bins.beyond ? `${p.axis}; some beyond the ends` : p.axis, box.w, g),
    xTicks: ticks(bins.low, bins.high, 5).map((v) => [v, short(v)] as const),
    yCount: 4,
    yFormat: (v) => (Number.isInteger(v) ? String(v) : ""),
  });
  const width = box.w / BINS;
  for (let b = 0; b < BINS; b++) {
    const x = box.x + b * width;
    const [right, wrong] = [bins.counts[3 * b]!, bins.counts[3 * b + 1]!];
    const bar = (from: number, to: number, colour: string, alpha: number) => {
      g.globalAlpha = alpha;
      g.fillStyle = colour;
      g.fillRect(x + 0.5, atY(at, to), width - 1, atY(at, from) - atY(at, to));
      g.globalAlpha = 1;
    };
    const chosen = p.selected;
    bar(0, right, c.bar, chosen ? 0.45 : 1);
    if (chosen) bar(0, chosen[3 * b]!, c.fg, 1);
    if (wrong === 0) continue;
    if (chosen) bar(right, right + chosen[3 * b + 1]!, c.gap, 0.6);
    const [top, floor] = [atY(at, right + wrong), atY(at, right)];
    const path = new Path2D();
    path.rect(x + 0.5, top, width - 1, floor - top);
    hatch(g, path, c.gap, { left: x, top, right: x + width, floor });
  }
  if (p.cursor) {
    const [from, to] = [Math.min(p.cursor.from, p.cursor.to), Math.max(p.cursor.from, p.cursor.to) + 1];
    g.strokeStyle = c.accent;
    g.lineWidth = 2;
    g.strokeRect(box.x + from * width, box.y, (to - from) * width, box.h);
  }
  marginLegend(g, c, p);
  drawThreshold(g, c, at, p.threshold, ["← below", ""]);
  if (p.marked !== null) triangle(g, c, Math.max(box.x + 7, inBox(at, p.marked)), box.y);
  return at;
}

function marginLegend(g: CanvasRenderingContext2D, c: Colours, p: MarginPicture): void {
  const s = scaleOf(g);
  const size = 10 * s;
  const words = `${p.right} right`;
  g.fillStyle = c.bar;
  g.fillRect(0, 3 * s, size, size);
  text(g, words, 14 * s, 12 * s, { colour: c.fg });
  const x = 28 * s + g.measureText(words).width;
  const path = new Path2D();
  path.rect(x, 3 * s, size, size);
  hatch(g, path, c.gap, { left: x, top: 3 * s, right: x + size, floor: 3 * s + size });
  text(g, `${p.wrong} wrong`, x + 14 * s, 12 * s, { colour: c.fg });
}

export interface RadiusPicture {
  radii: Float64Array;
  found: Float64Array; // accuracy by distances
  fgsm: Float64Array;
  exact: boolean;
  radius: number;
  accuracy: readonly [found: number, fgsm: number]; // at it
  pair: Pair | null;
  pictures: Thumbnails;
  classNames: readonly string[];
}

const PICTURES = 124; // px beside the curves for the sample and its copy

/** Why there are no curves, where they would be. */
export function drawNoRadius(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  why: string,
): void {
  text(g, "accuracy against radius", 0, 12 * scaleOf(g), { colour: c.fg2 });
  explain(g, c, why, { x: 0, y: 0, w, h });
}

export function drawRadius(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: RadiusPicture,
): Axes {
  const s = scaleOf(g);
  const aside = PICTURES * s;
  const limit = p.radii[p.radii.length - 1]!;
  const at: Axes = {
    box: { x: 40 * s, y: 38 * s, w: Math.max(40, w - 58 * s - aside), h: Math.max(20, h - 70 * s) },
    xlim: [0, limit],
    ylim: [0, 1],
  };
  const { box } = at;
  const marks = ticks(0, limit, box.w < 180 * s ? 2 : 4);
  drawFrame(g, c, at, {
    title: "",
    x: fitted("radius (Euclidean)", box.w + 20, g),
    xTicks: marks.map((v) => [v, short(v)] as const),
    yFormat: (v) => `${Number((100 * v).toPrecision(3))} %`,
  });
  const curve = (values: Float64Array, dash: number[]) =>
    line(
      g,
      Array.from(values, (v, i) => [atX(at, p.radii[i]!), atY(at, v)] as const),
      dash.length > 0 ? c.gap : c.fg,
      2,
      dash,
    );
  curve(p.fgsm, [5, 3]);
  curve(p.found, []);
  radiusLegend(g, c, p, box.x + box.w);
  const x = inBox(at, p.radius);
  line(
    g,
    [
      [x, box.y - 4],
      [x, box.y + box.h],
    ],
    c.accent,
    2,
  );
  for (const accuracy of p.accuracy) ring(g, x, atY(at, accuracy), c, 4.5);
  if (p.pair) drawPair(g, c, p, p.pair, w - aside + 8 * s, aside - 8 * s, h);
  return at;
}

function radiusLegend(g: CanvasRenderingContext2D, c: Colours, p: RadiusPicture, width: number): void {
  const s = scaleOf(g);
  let x = 0;
  for (const [words, colour, dash] of [
    [p.exact ? "exact" : "DeepFool, upper bound", c.fg, []],
    ["FGSM", c.gap, [5, 3]],
  ] as const) {
    line(
      g,
      [
        [x, 8 * s],
        [x + 18 * s, 8 * s],
      ],
      colour,
      2,
      [...dash],
    );
    const said = fitted(words, width - x - 22 * s, g);
    text(g, said, x + 22 * s, 12 * s, { colour: c.fg });
    x += 34 * s + g.measureText(said).width;
  }
}

/** The marked sample above its copy, with what the network says of each. */
function drawPair(
  g: CanvasRenderingContext2D,
  c: Colours,
  p: RadiusPicture,
  pair: Pair,
  x: number,
  w: number,
  h: number,
): void {
  const s = scaleOf(g);
  const half = h / 2;
  const wide = Math.max(16, Math.min(w, p.pictures.widest, (half - 36 * s) / p.pictures.aspect));
  [`sample ${pair.sample}`, "FGSM copy"].forEach((name, i) => {
    const top = i * half;
    const said = `${p.classNames[pair.calls[i]!]} (${(100 * pair.probs[i]!).toFixed(0)} %)`;
    const wrong = pair.calls[i] !== pair.label;
    text(g, fitted(name, w, g), x, top + 11 * s, { colour: c.fg2 });
    text(g, fitted(`${said}${wrong ? " ✗" : ""}`, w, g), x, top + 26 * s, {
      colour: wrong ? c.gap : c.fg,
      bold: true,
    });
    p.pictures.draw(g, pair.values[i]!, 0, pair.label, x, top + 32 * s, wide);
  });
}
