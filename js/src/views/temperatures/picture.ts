/** Temperatures of the samples as a histogram: right, wrong and mislabelled ones stacked. */

import { line, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, scaleOf } from "../loss/axes";
import { BINS, type Bins, drawStretch } from "../loss/histogram";
import { fitted } from "../loss/lettering";
import { triangle } from "../ood/picture";
import { hatch } from "../reliability/marks";
import { GROUPS } from "./numbers";

const TICKS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10];

export interface HeatPicture {
  bins: Bins;
  selected: Uint32Array | null; // (BINS, 3) counts of those selected
  fitted: number; // one temperature for all
  marked: number | null; // temperature of the marked sample
  cursor: { from: number; to: number } | null;
}

export function drawHeat(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: HeatPicture,
): Axes {
  const { bins } = p;
  const s = scaleOf(g);
  let most = 1;
  for (let b = 0; b < BINS; b++)
    most = Math.max(most, bins.counts[3 * b]! + bins.counts[3 * b + 1]! + bins.counts[3 * b + 2]!);
  const at: Axes = {
    box: { x: 40 * s, y: 38 * s, w: w - 40 * s - 10, h: Math.max(20, h - 70 * s) },
    xlim: [bins.low, bins.high],
    ylim: [0, most * 1.06],
  };
  const { box } = at;
  const wide = box.w > 240 * s;
  drawFrame(g, c, at, {
    title: "",
    x: fitted("temperature of the sample (log scale)", box.w, g),
    xTicks: TICKS.filter((v) => wide || (v !== 0.03 && v !== 0.3 && v !== 3)).map((v) => [
      Math.log10(v),
      String(v),
    ]),
    yCount: 4,
    yFormat: (v) => (Number.isInteger(v) ? String(v) : ""),
  });
  text(g, "samples", 0, 27 * s, { colour: c.fg2 });
  legend(g, c, p, w);
  const width = box.w / BINS;
  for (let b = 0; b < BINS; b++) {
    let foot = 0;
    for (let group = 0; group < 3; group++) {
      const count = bins.counts[3 * b + group]!;
      if (count === 0) continue;
      const x = box.x + b * width + 0.5;
      const chosen = p.selected?.[3 * b + group] ?? 0;
      swatch(g, c, group, x, atY(at, foot + count), width - 1, atY(at, foot), p.selected ? 0.3 : 1);
      if (chosen) swatch(g, c, group, x, atY(at, foot + chosen), width - 1, atY(at, foot), 1);
      foot += count;
    }
  }
  drawStretch(g, c, at, p.cursor);
  drawFitted(g, c, at, p.fitted, s);
  if (p.marked !== null) triangle(g, c, inBox(at, p.marked), box.y);
  return at;
}

const inBox = (at: Axes, t: number) =>
  Math.min(at.box.x + at.box.w, Math.max(at.box.x, atX(at, Math.log10(t))));

/** Right ones grey, wrong ones hatched, mislabelled ones in ink: hue is never alone. */
function swatch(
  g: CanvasRenderingContext2D,
  c: Colours,
  group: number,
  x: number,
  top: number,
  width: number,
  floor: number,
  alpha: number,
): void {
  g.globalAlpha = alpha;
  if (group === 1) {
    const path = new Path2D();
    path.rect(x, top, width, floor - top);
    hatch(g, path, c.gap, { left: x, top, right: x + width, floor });
  } else {
    g.fillStyle = group === 0 ? c.bar : c.fg;
    g.fillRect(x, top, width, floor - top);
  }
  g.globalAlpha = 1;
}

function drawFitted(g: CanvasRenderingContext2D, c: Colours, at: Axes, t: number, s: number): void {
  const { box } = at;
  const x = inBox(at, t);
  line(
    g,
    [
      [x, box.y - 4],
      [x, box.y + box.h],
    ],
    c.fg,
    1.5,
    [4, 3],
  );
  const words = `one T for all ${t.toFixed(2)}`;
  const half = g.measureText(words).width / 2;
  const middle = Math.min(box.x + box.w - half, Math.max(50 * s + half, x));
  text(g, words, middle, box.y - 8 * s, { align: "center", colour: c.fg });
}

function legend(g: CanvasRenderingContext2D, c: Colours, p: HeatPicture, w: number): void {
  const s = scaleOf(g);
  const totals = [0, 0, 0];
  p.bins.counts.forEach((count, i) => {
    totals[i % 3]! += count;
  });
  let x = 0;
  GROUPS.forEach((name, group) => {
    if (group === 2 && totals[2] === 0) return;
    const words = fitted(`${totals[group]} ${name}`, w - x - 16 * s, g);
    swatch(g, c, group, x, 3 * s, 10 * s, 13 * s, 1);
    text(g, words, x + 14 * s, 12 * s, { colour: c.fg });
    x += 26 * s + g.measureText(words).width;
  });
}
