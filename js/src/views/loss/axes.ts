/** A small plot's frame, and the colours of the three groups, which all pictures of this view share. */

import { line, text, ticks } from "../../draw/canvas";
import { shortNumber } from "../../draw/heatmap";
import { fontOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";

export interface Axes {
  box: { x: number; y: number; w: number; h: number };
  xlim: readonly [number, number];
  ylim: readonly [number, number];
}

/** What a length grows by where type is larger than 12 px, as on a projector. */
export const scaleOf = (g: CanvasRenderingContext2D): number => fontOf(g.canvas).size / 12;

/** Place on the canvas. */
export const atX = ({ box, xlim }: Axes, v: number): number =>
  box.x + ((v - xlim[0]) / (xlim[1] - xlim[0])) * box.w;
export const atY = ({ box, ylim }: Axes, v: number): number =>
  box.y + box.h - ((v - ylim[0]) / (ylim[1] - ylim[0])) * box.h;

export interface FrameWords {
  title: string;
  x?: string; // below the axis; without it the axis has no numbers
  xTicks?: readonly (readonly [number, string])[];
  yFormat?: (v: number) => string;
  yCount?: number;
}

export function drawFrame(g: CanvasRenderingContext2D, c: Colours, at: Axes, o: FrameWords): void {
  const { box } = at;
  const s = scaleOf(g);
  for (const v of ticks(at.ylim[0], at.ylim[1], o.yCount ?? 4)) {
    const y = Math.round(atY(at, v)) + 0.5;
    line(
      g,
      [
        [box.x, y],
        [box.x + box.w, y],
      ],
      v === 0 ? c.line : c.grid,
    );
    const said = o.yFormat?.(v) ?? shortTick(v);
    text(g, said, box.x - 4, y, { align: "right", baseline: "middle", colour: c.fg2 });
  }
  line(
    g,
    [
      [box.x, box.y + box.h],
      [box.x + box.w, box.y + box.h],
    ],
    c.line,
  );
  text(g, o.title, box.x, box.y - 6, { colour: c.fg2 });
  if (o.x === undefined) return;
  const marks = o.xTicks ?? ticks(...at.xlim, 5).map((v) => [v, shortTick(v)] as const);
  for (const [v, said] of marks) {
    const x = atX(at, v);
    line(
      g,
      [
        [x, box.y + box.h],
        [x, box.y + box.h + 3],
      ],
      c.line,
    );
    text(g, said, x, box.y + box.h + 14 * s, { align: "center", colour: c.fg2 });
  }
  text(g, o.x, box.x + box.w / 2, box.y + box.h + 28 * s, { align: "center", colour: c.fg2 });
}

const shortTick = (v: number): string =>
  Number.isInteger(v) ? String(v) : shortNumber(v).replace(/0+$/, "");

/** Easy ones fade into the grey, hard ones stand in ink, wrong labels have the colour of errors. */
export const groupColours = (c: Colours): readonly [string, string, string] => [c.bar, c.fg, c.gap];

/** The least round number that is not below `v`. */
export function roundUp(v: number): number {
  if (!(v > 0) || !Number.isFinite(v)) return 1;
  const unit = 10 ** Math.floor(Math.log10(v));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((m) => m * unit >= v * 0.999)! * unit;
}
