/** The pictures of the robustness view: margins as a histogram; accuracy against radius, and one sample moved. */

import { line, ring, text, ticks } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import type { Thumbnails } from "../../draw/thumbnail";
import { type Axes, atX, atY, drawFrame, roundUp, scaleOf } from "../loss/axes";
import { BINS, type Bins, drawStretch } from "../loss/histogram";
import { explain, fitted } from "../loss/lettering";
import { drawThreshold, inBox, short, triangle } from "../ood/picture";
import { hatch } from "../reliability/marks";
import { type Accuracy, type Attacks, METHODS, type Pair } from "./numbers";

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
  axis: string; // in words; what follows a colon may be left out
  right: number; // how many samples are
  wrong: number;
  threshold: number;
  selected: Uint32Array | null; // (3 BINS,) likewise, of those selected
  marked: number | null; // margin
  cursor: { from: number; to: number } | null;
  below: Uint32Array; // (k, 2) samples of each class, and those below the threshold
  classNames: readonly string[];
}

const CLASSES = 96; // px beside the histogram for the classes
const LEAST = 200; // px that the histogram needs itself

export function drawMargins(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: MarginPicture,
): Axes {
  const { bins } = p;
  const s = scaleOf(g);
  const aside = w - CLASSES * s > LEAST * s ? CLASSES * s : 0;
  let most = 1;
  for (let b = 0; b < BINS; b++) most = Math.max(most, bins.counts[3 * b]! + bins.counts[3 * b + 1]!);
  const at: Axes = {
    box: { x: 40 * s, y: 38 * s, w: w - 40 * s - 10 - aside, h: Math.max(20, h - 70 * s) },
    xlim: [bins.low, bins.high],
    ylim: [0, roundUp(most)],
  };
  const { box } = at;
  drawFrame(g, c, at, {
    title: "",
    x: axisWords(g, p, box.w),
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
  drawStretch(g, c, at, p.cursor);
  marginLegend(g, c, p);
  drawThreshold(g, c, at, p.threshold, ["← below", ""]);
  if (p.marked !== null) triangle(g, c, Math.max(box.x + 7, inBox(at, p.marked)), box.y);
  if (aside) drawByClass(g, c, p, w - aside + 8 * s, aside - 8 * s, h);
  return at;
}

/** What the axis is, in as many words as there is room for. */
function axisWords(g: CanvasRenderingContext2D, { axis, bins }: MarginPicture, width: number): string {
  const [short] = axis.split(":") as [string];
  const beyond = bins.beyond ? "; end bars hold what lies beyond" : "";
  const fits = [axis + beyond, short + beyond, short].find((words) => g.measureText(words).width <= width);
  return fits ?? fitted(short, width, g);
}

/** Of each class the share of samples below the threshold, the largest first where there is no room for all. */
function drawByClass(
  g: CanvasRenderingContext2D,
  c: Colours,
  p: MarginPicture,
  x: number,
  w: number,
  h: number,
): void {
  const s = scaleOf(g);
  const share = (k: number) => p.below[2 * k + 1]! / p.below[2 * k]!;
  let classes = p.classNames.map((_, k) => k).filter((k) => p.below[2 * k]! > 0);
  const room = Math.floor((h - 38 * s) / (15 * s));
  const all = classes.length <= room;
  if (!all) {
    const most = classes.sort((a, b) => share(b) - share(a)).slice(0, room);
    classes = most.sort((a, b) => a - b);
  }
  text(g, fitted(all ? "below, by class" : `${room} classes with most`, w, g), x, 12 * s, { colour: c.fg2 });
  const row = Math.min(24 * s, (h - 38 * s) / Math.max(1, classes.length));
  classes.forEach((k, i) => {
    const y = 20 * s + i * row;
    const bar = Math.max(3 * s, row - 15 * s);
    const count = `${p.below[2 * k + 1]}/${p.below[2 * k]}`;
    const room = w - 6 * s - g.measureText(count).width;
    text(g, fitted(p.classNames[k]!, room, g), x, y + 10 * s, { colour: c.fg });
    text(g, count, x + w, y + 10 * s, { align: "right", colour: c.fg2 });
    g.fillStyle = c.grid;
    g.fillRect(x, y + 12 * s, w, bar);
    g.fillStyle = c.accent;
    g.fillRect(x, y + 12 * s, w * share(k), bar);
  });
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
  attacks: Attacks;
  curves: Accuracy<Float64Array>;
  radius: number;
  accuracy: Accuracy<number>; // at it
  pair: Pair | null;
  pictures: Thumbnails;
  classNames: readonly string[];
}

const FGSM = [5, 3];
const CERTIFIED = [1, 3];
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
  const { radii, exact } = p.attacks;
  const limit = radii[radii.length - 1]!;
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
  const { found, certified, fgsm } = p.curves;
  const points = (values: Float64Array) =>
    Array.from(values, (v, i) => [atX(at, radii[i]!), atY(at, v)] as const);
  if (!exact) drawUnknown(g, c, at, p.attacks, p.curves);
  line(g, points(fgsm), c.gap, 2, FGSM);
  if (!exact) line(g, points(certified), c.fg, 2, CERTIFIED);
  line(g, points(found), c.fg, 2);
  radiusLegend(g, c, p.attacks, box.x + box.w);
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
  for (const accuracy of Object.values(p.accuracy)) ring(g, x, atY(at, accuracy), c, 4.5);
  if (p.pair) drawPair(g, c, p, p.pair, w - aside + 8 * s, aside - 8 * s, h);
  return at;
}

/** Between what was found and what is certain nobody knows; of a linear network the search has missed it. */
function drawUnknown(
  g: CanvasRenderingContext2D,
  c: Colours,
  at: Axes,
  { linear, radii }: Attacks,
  { found, fgsm, certified }: Accuracy<Float64Array>,
): void {
  const above = found.map((v, i) => Math.min(v, fgsm[i]!)); // both are attacks
  g.beginPath();
  above.forEach((v, i) => g.lineTo(atX(at, radii[i]!), atY(at, v)));
  for (let i = radii.length - 1; i >= 0; i--) g.lineTo(atX(at, radii[i]!), atY(at, certified[i]!));
  g.closePath();
  g.globalAlpha = 0.5;
  g.fillStyle = c.grid;
  g.fill();
  g.globalAlpha = 1;
  // words where the gap is widest, of some heights
  const words = linear ? "missed" : "unknown";
  let [from, to, level] = [0, 0, 0];
  for (const share of [0.2, 0.35, 0.5]) {
    const first = (values: Float64Array) => atX(at, radii[values.findIndex((v) => v < share)] ?? at.xlim[1]);
    const [left, right] = [first(certified), first(above)];
    if (right - left > to - from) [from, to, level] = [left, right, share];
  }
  if (to - from < g.measureText(words).width + 16) return;
  const style = { align: "center", baseline: "middle", colour: c.fg2, halo: c.bg } as const;
  text(g, words, (from + to) / 2, atY(at, level), style);
}

function radiusLegend(g: CanvasRenderingContext2D, c: Colours, attacks: Attacks, width: number): void {
  const s = scaleOf(g);
  const { exact, linear, by } = attacks;
  const found = exact ? "exact" : `attacked, ${METHODS[by]}: upper bound`;
  const certified = linear ? "certified: exact" : "certified: lower bound";
  const entries = [
    [found, c.fg, [], 0],
    ...(exact ? [] : ([[certified, c.fg, CERTIFIED, 1]] as const)),
    ["FGSM", c.gap, FGSM, exact ? 0 : 1],
  ] as const;
  const ends = [0, 0];
  for (const [words, colour, dash, row] of entries) {
    const [x, y] = [ends[row]!, row * 15 * s];
    line(
      g,
      [
        [x, y + 8 * s],
        [x + 22 * s, y + 8 * s],
      ],
      colour,
      2,
      [...dash],
    );
    const said = fitted(words, width - x - 26 * s, g);
    text(g, said, x + 26 * s, y + 12 * s, { colour: c.fg });
    ends[row] = x + 38 * s + g.measureText(said).width;
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
