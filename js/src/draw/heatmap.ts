/** A grid of numbers in cividis: the map, its contours, its colour bar. */

import { contourLevels, type LossScale, place } from "../core/landscape";
import { line, text } from "./canvas";
import { isoPath, strokeIn } from "./field";
import type { Colours } from "./theme";

// Cividis (Nuñez, Anderton & Renslow 2018) at ten even steps: dark blue is low, yellow is high, in both themes.
const CIVIDIS = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 107],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [166, 157, 117],
  [195, 182, 105],
  [225, 208, 80],
  [254, 232, 56],
] as const;

/** [r, g, b] in 0..255 at t in [0, 1]. */
export function cividis(t: number): [number, number, number] {
  const at = Math.min(1, Math.max(0, t)) * (CIVIDIS.length - 1);
  const i = Math.min(CIVIDIS.length - 2, Math.floor(at));
  const [p, q] = [CIVIDIS[i]!, CIVIDIS[i + 1]!];
  const mix = (a: number, b: number) => Math.round(a + (b - a) * (at - i));
  return [mix(p[0], q[0]), mix(p[1], q[1]), mix(p[2], q[2])];
}

const SHADES = 512;
/** The map's colours ready-made: thousands of pixels ask for one in each frame. */
const SHADE = Uint8ClampedArray.from(
  Array.from({ length: SHADES }, (_, i) => [...cividis(i / (SHADES - 1)), 255]).flat(),
);

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** Numbers on ascending axes, and how they become colour. */
export interface Grid {
  xs: readonly number[];
  ys: readonly number[];
  values: ArrayLike<number>; // (ys, xs), NaN where there is none
  scale: LossScale;
}

/** Paints one pixel per grid point, largest y on top, from dark at `low` to light at `high`. */
export function paintShades(
  canvas: HTMLCanvasElement,
  { values, low, high }: { values: ArrayLike<number>; low: number; high: number },
  nx: number,
  ny: number,
): void {
  if (canvas.width !== nx) canvas.width = nx;
  if (canvas.height !== ny) canvas.height = ny;
  const image = new ImageData(nx, ny);
  for (let p = 0; p < nx * ny; p++) {
    const share = Math.min(1, Math.max(0, (values[p]! - low) / (high - low)));
    const to = 4 * ((ny - 1 - Math.floor(p / nx)) * nx + (p % nx));
    image.data.set(
      SHADE.subarray(4 * Math.round(share * (SHADES - 1)), 4 * Math.round(share * (SHADES - 1)) + 4),
      to,
    );
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}

/** A lying colour bar with numbers at its ends, from low to high; `ink`: opacity of its colours. */
export function drawScale(
  g: CanvasRenderingContext2D,
  c: Colours,
  { x, y, w, h }: Box,
  low: string,
  high: string,
  ink: number,
): void {
  const shades = g.createLinearGradient(x, 0, x + w, 0);
  CIVIDIS.forEach((colour, i) => shades.addColorStop(i / (CIVIDIS.length - 1), `rgb(${colour})`));
  g.fillStyle = shades;
  g.globalAlpha = ink;
  g.fillRect(x, y, w, h);
  g.globalAlpha = 1;
  g.strokeStyle = c.line;
  g.lineWidth = 1;
  g.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
  text(g, low, x, y + h + 11, { colour: c.fg });
  text(g, high, x + w, y + h + 11, { align: "right", colour: c.fg });
}

const CELL = 2; // px of the map that share one colour

let scratch: CanvasRenderingContext2D | undefined;

/** The grid as an image, bilinear, larger y upwards; NaN is transparent. To be copied at once: there is one. */
export function heatImage(grid: Grid, w: number, h: number): HTMLCanvasElement {
  const [nx, ny] = [grid.xs.length, grid.ys.length];
  const [cols, rows] = [Math.max(1, Math.round(w / CELL)), Math.max(1, Math.round(h / CELL))];
  const along = (axis: readonly number[], count: number, flip: boolean) =>
    Array.from({ length: count }, (_, p) => {
      const share = (p + 0.5) / count;
      const [low, high] = [axis[0]!, axis[axis.length - 1]!];
      return place(axis, low + (high - low) * (flip ? 1 - share : share));
    });
  const levels = Float64Array.from(grid.values, (v) => grid.scale.of(v));
  const [ci, ri] = [along(grid.xs, cols, false), along(grid.ys, rows, true)];
  const [right, up] = [nx > 1 ? 1 : 0, ny > 1 ? nx : 0];
  const image = new ImageData(cols, rows);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const [x, y] = [ci[c]!, ri[r]!];
      const at = y.i * nx + x.i;
      const low = levels[at]! * (1 - x.t) + levels[at + right]! * x.t;
      const high = levels[at + up]! * (1 - x.t) + levels[at + up + right]! * x.t;
      const v = low * (1 - y.t) + high * y.t;
      if (Number.isNaN(v)) continue;
      const from = 4 * Math.round(v * (SHADES - 1));
      const to = 4 * (r * cols + c);
      for (let q = 0; q < 4; q++) image.data[to + q] = SHADE[from + q]!;
    }
  }
  scratch ??= document.createElement("canvas").getContext("2d")!;
  if (scratch.canvas.width !== cols) scratch.canvas.width = cols;
  if (scratch.canvas.height !== rows) scratch.canvas.height = rows;
  scratch.putImageData(image, 0, 0);
  return scratch.canvas;
}

export const CONTOURS = 9;

/** Contour lines, evenly spaced on the scale, in a box that the grid fills from edge to edge. */
export function drawContours(g: CanvasRenderingContext2D, grid: Grid, box: Box): void {
  const [nx, ny] = [grid.xs.length, grid.ys.length];
  if (nx < 3 || ny < 3 || !(grid.scale.high > grid.scale.low)) return;
  const levels = Float32Array.from(grid.values, (v) => grid.scale.of(v));
  for (let i = 1; i <= CONTOURS; i++) {
    const level = i / (CONTOURS + 1);
    const colour = level > 0.5 ? "rgba(0,0,0,.42)" : "rgba(255,255,255,.42)";
    strokeIn(g, isoPath(levels, { nx, ny }, level, box), box, { colour, width: 1 });
  }
}

/** Upright colour bar with a line at each contour, numbers, and the unit below. */
export function drawColourBar(
  g: CanvasRenderingContext2D,
  box: Box,
  scale: LossScale,
  unit: string,
  c: Colours,
): void {
  const shades = g.createLinearGradient(0, box.y + box.h, 0, box.y);
  CIVIDIS.forEach((colour, i) => shades.addColorStop(i / (CIVIDIS.length - 1), `rgb(${colour})`));
  g.fillStyle = shades;
  g.fillRect(box.x, box.y, box.w, box.h);
  contourLevels(scale, CONTOURS).forEach((_, i) => {
    const y = box.y + box.h * (1 - (i + 1) / (CONTOURS + 1));
    line(
      g,
      [
        [box.x, y],
        [box.x + box.w, y],
      ],
      i + 1 > (CONTOURS + 1) / 2 ? "rgba(0,0,0,.42)" : "rgba(255,255,255,.42)",
    );
  });
  g.strokeStyle = c.line;
  g.lineWidth = 1;
  g.strokeRect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1);
  for (const t of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
    text(g, shortNumber(scale.at(t)), box.x + box.w + 4, box.y + box.h * (1 - t), {
      baseline: t === 0 ? "bottom" : t === 1 ? "top" : "middle",
      colour: c.fg2,
    });
  }
  text(g, unit, box.x - 1, box.y + box.h + 14, { colour: c.fg2 });
}

/** At most five characters: 0.0013, 0.60, 4.62, 13.8, 138, 2e5. */
export function shortNumber(v: number): string {
  const size = Math.abs(v);
  if (size === 0) return "0";
  if (size >= 1e4 || size < 1e-3) return v.toExponential(0).replace("e+", "e");
  if (size >= 100) return v.toFixed(0);
  if (size >= 10) return v.toFixed(1);
  return size < 0.1 ? v.toFixed(3) : v.toFixed(2);
}
