/** What the pictures of the landscape view are drawn from, and the marks they share. */

import type { Landscape } from "../../core/session";
import { text } from "../../draw/canvas";
import type { Box, Grid } from "../../draw/heatmap";
import type { Colours } from "../../draw/theme";

export interface Point {
  a: number;
  b: number;
}

export interface Scene {
  land: Landscape;
  grid: Grid;
  /** The training path where it lies in the plane; none on a random one. */
  path: Landscape["path"];
  /** The network shown where it lies in this plane, else the centre. */
  here: Point;
  hereLabel: string;
  hover: Point | null;
  /** Loss at the hovered point. */
  loss: number;
  colours: Colours;
}

/** Words and marks on the coloured ground are white with a dark edge, in both themes. */
export const ON_MAP = "#fff";
export const EDGE = "#000";

export function polyline(g: CanvasRenderingContext2D, points: readonly (readonly [number, number])[]): void {
  g.lineJoin = "round";
  for (const [colour, width] of [
    [EDGE, 4],
    [ON_MAP, 2],
  ] as const) {
    g.beginPath();
    for (const [x, y] of points) g.lineTo(x, y); // the first lineTo of a path begins it
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.stroke();
  }
}

export function dot(g: CanvasRenderingContext2D, x: number, y: number): void {
  g.beginPath();
  g.arc(x, y, 2.6, 0, 2 * Math.PI);
  g.fillStyle = ON_MAP;
  g.fill();
  g.strokeStyle = EDGE;
  g.lineWidth = 1;
  g.stroke();
}

export function marker(g: CanvasRenderingContext2D, x: number, y: number): void {
  for (const [colour, width] of [
    [EDGE, 5],
    [ON_MAP, 2.5],
  ] as const) {
    g.beginPath();
    g.arc(x, y, 7, 0, 2 * Math.PI);
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.stroke();
  }
}

export function markerName({ hover, loss, hereLabel }: Scene): string {
  if (!hover) return hereLabel;
  return `loss ${Number.isFinite(loss) ? loss.toPrecision(3) : "not finite"}`;
}

/** Words on the map that keep clear of each other and of the edges. */
export class Labels {
  private readonly taken: { x0: number; x1: number; y0: number; y1: number }[] = [];

  constructor(
    private readonly g: CanvasRenderingContext2D,
    private readonly box: Box,
  ) {}

  /** Keeps a spot free of words. */
  reserve(x: number, y: number, r: number): void {
    this.taken.push({ x0: x - r, x1: x + r, y0: y - r, y1: y + r });
  }

  /** Writes beside (x, y) where there is room; a word that must be shown is, whatever it covers. */
  write(words: string, x: number, y: number, o: { bold?: boolean; must?: boolean; gap?: number } = {}): void {
    const size = 11;
    const gap = o.gap ?? 7;
    const width = words.length * size * (o.bold ? 0.6 : 0.54);
    const spots = [
      [gap, -6],
      [-gap - width, -6],
      [gap, 14],
      [-gap - width, 14],
      [-width / 2, -gap - 6],
      [-width / 2, gap + 12],
      [gap, 4],
      [-gap - width, 4],
      [gap, -18],
      [-gap - width, -18],
      [gap, 26],
      [-gap - width, 26],
    ].map(([dx, dy]) => ({ x0: x + dx!, x1: x + dx! + width, y0: y + dy! - size, y1: y + dy! + 3 }));
    const inside = spots.filter(
      (s) =>
        s.x0 >= this.box.x + 2 &&
        s.x1 <= this.box.x + this.box.w - 2 &&
        s.y0 >= this.box.y + 2 &&
        s.y1 <= this.box.y + this.box.h - 2,
    );
    const free = inside.find(
      (s) => !this.taken.some((t) => s.x0 < t.x1 && s.x1 > t.x0 && s.y0 < t.y1 && s.y1 > t.y0),
    );
    const spot = free ?? (o.must ? (inside[0] ?? spots[0]) : undefined);
    if (!spot) return;
    this.taken.push(spot);
    text(this.g, words, spot.x0, spot.y1 - 3, { colour: ON_MAP, halo: EDGE, bold: o.bold ?? false, size });
  }
}
