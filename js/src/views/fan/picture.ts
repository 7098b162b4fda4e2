/** Four small plots against one setting: line for the mean over seeds, band for their range. */

import { type Fan, isFrozen, placeOf, type Spot, spots, type Varied } from "../../core/fan";
import { line, ring, text, ticks } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { fitted } from "../loss/lettering";

export interface PanelData {
  title: string;
  values: Float64Array; // per member, nan where not known
  format(value: number): string;
  /** Ends that the axis never passes. */
  bounds: [number, number];
}

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Strip {
  varied: Varied;
  /** Horizontal place of each value in each panel's box, in the order of the spots. */
  boxes: Box[];
  order: number[]; // values from left to right
  share: number[]; // where they stand, 0..1
}

const PADDING = { left: 34, right: 8, top: 18, bottom: 18 };
const GAP = 6;

export function layoutStrip(varied: Varied, w: number, h: number): Strip {
  const place = placeOf(varied);
  const order = [...varied.values].sort((p, q) => place(p) - place(q));
  const [low, high] = [place(order[0]!), place(order[order.length - 1]!)];
  const columns = w < 240 ? 1 : 2;
  const rows = 4 / columns;
  const [pw, ph] = [(w - GAP * (columns - 1)) / columns, h / rows];
  const boxes = [0, 1, 2, 3].map((i) => ({
    x: (i % columns) * (pw + GAP) + PADDING.left,
    y: Math.floor(i / columns) * ph + PADDING.top,
    w: pw - PADDING.left - PADDING.right,
    h: ph - PADDING.top - PADDING.bottom,
  }));
  return {
    varied,
    boxes,
    order,
    share: order.map((v) => (high > low ? (place(v) - low) / (high - low) : 0.5)),
  };
}

/** Index of the value nearest to a point of the canvas; null outside all panels. */
export function valueAt(strip: Strip, px: number, py: number): number | null {
  const reach = 12;
  const box = strip.boxes.find(
    (b) => px >= b.x - reach && px <= b.x + b.w + reach && py >= b.y - reach && py <= b.y + b.h + reach,
  );
  if (!box) return null;
  const at = (px - box.x) / box.w;
  let best = 0;
  strip.share.forEach((s, i) => {
    if (Math.abs(s - at) < Math.abs(strip.share[best]! - at)) best = i;
  });
  return best;
}

export interface Picture {
  fan: Fan;
  strip: Strip;
  panels: PanelData[];
  member: number; // on screen; where the run itself is, the one most like it
  ringed: boolean;
  step: number;
  cursor: number | null; // value under the pointer or the keys
  valueText(value: number): string;
}

export function drawStrip(g: CanvasRenderingContext2D, c: Colours, p: Picture): void {
  p.panels.forEach((panel, i) => {
    drawPanel(g, c, p, panel, p.strip.boxes[i]!);
  });
}

function drawPanel(g: CanvasRenderingContext2D, c: Colours, p: Picture, panel: PanelData, box: Box): void {
  const { fan, strip, member, step } = p;
  const all = spots(fan, strip.varied.path, member, panel.values, step);
  const x = (i: number) => box.x + strip.share[i]! * box.w;
  text(g, panel.title, box.x - PADDING.left + 2, box.y - 6, { colour: c.fg, bold: true });
  const range = rangeOf(all, panel, p);
  const y = (v: number) => box.y + box.h - ((v - range[0]) / (range[1] - range[0])) * box.h;
  for (const t of ticks(range[0], range[1], 4)) {
    line(
      g,
      [
        [box.x, y(t)],
        [box.x + box.w, y(t)],
      ],
      c.grid,
    );
    text(g, panel.format(t), box.x - 5, y(t) + 4, { align: "right", colour: c.fg2 });
  }
  line(
    g,
    [
      [box.x, box.y + box.h],
      [box.x + box.w, box.y + box.h],
    ],
    c.line,
  );
  const ends = strip.order.length - 1;
  const end = (i: number) => fitted(p.valueText(strip.order[i]!), box.w / 2 - 4, g);
  text(g, end(0), box.x, box.y + box.h + 13, { colour: c.fg2 });
  if (ends > 0)
    text(g, end(ends), box.x + box.w, box.y + box.h + 13, {
      align: "right",
      colour: c.fg2,
    });

  const known = all.map((s, i) => ({ ...s, i })).filter((s) => Number.isFinite(s.mean));
  if (fan.seeds.length > 1 && known.length > 1) {
    g.beginPath();
    known.forEach((s, j) => (j ? g.lineTo(x(s.i), y(s.high)) : g.moveTo(x(s.i), y(s.high))));
    for (const s of [...known].reverse()) g.lineTo(x(s.i), y(s.low));
    g.closePath();
    g.globalAlpha = 0.4;
    g.fillStyle = c.bar;
    g.fill();
    g.globalAlpha = 1;
  }
  const here = strip.order.indexOf(fan.members[member]!.values[strip.varied.path]!);
  const upright = (i: number, dash: number[]) =>
    line(
      g,
      [
        [x(i), box.y],
        [x(i), box.y + box.h],
      ],
      c.fg2,
      1,
      dash,
    );
  if (p.ringed) upright(here, [3, 3]);
  if (p.cursor !== null && !(p.ringed && p.cursor === here)) upright(p.cursor, [1, 2]);
  const { names } = strip.varied; // finished models: nothing lies between one and the next
  if (!names)
    line(
      g,
      known.map((s) => [x(s.i), y(s.mean)] as const),
      c.fg,
      1.8,
    );
  if (known.length < 2 || known.length <= 32)
    for (const s of known) {
      g.beginPath();
      g.arc(x(s.i), y(s.mean), names ? 3.5 : 2, 0, 2 * Math.PI);
      g.fillStyle = c.fg;
      g.fill();
    }
  // diverged networks stand where they were frozen, open
  all.forEach((s, i) => {
    for (const m of s.members) {
      const v = panel.values[m]!;
      if (!isFrozen(fan, m, step) || !Number.isFinite(v)) continue;
      g.beginPath();
      g.arc(x(i), y(Math.min(range[1], Math.max(range[0], v))), 3, 0, 2 * Math.PI);
      g.fillStyle = c.bg;
      g.fill();
      g.strokeStyle = c.fg2;
      g.lineWidth = 1.2;
      g.stroke();
    }
  });
  const own = panel.values[member]!;
  if (p.ringed && Number.isFinite(own))
    ring(g, x(here), y(Math.min(range[1], Math.max(range[0], own))), c, 5);
  if (known.length === 0)
    text(g, "not computed yet", box.x + box.w / 2, box.y + box.h / 2, { align: "center", colour: c.fg2 });
}

/** Room for the bands and the ring, with a little air; never past the panel's own ends. */
function rangeOf(all: readonly Spot[], panel: PanelData, p: Picture): [number, number] {
  const own = panel.values[p.member]!;
  const values = all.flatMap((s) => (Number.isFinite(s.mean) ? [s.low, s.high] : []));
  if (Number.isFinite(own)) values.push(own);
  if (values.length === 0) return panel.bounds;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = 0.08 * (high - low) || 0.05 * (panel.bounds[1] - panel.bounds[0]);
  return [Math.max(panel.bounds[0], low - air), Math.min(panel.bounds[1], high + air)];
}
