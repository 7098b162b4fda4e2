/** Paints a class field: hue is the class, strength is how sure the classifier is; and its lines. */

import { confidences, crossings, type Field } from "../core/field";
import { fieldOnGpu } from "./gpu/field";
import type { Box } from "./heatmap";
import { rgb } from "./theme";

const SHADES = 64;
const FAINT = 0.05; // share of hue where the classifier cannot decide at all
const STRONG = 0.52; // and where it is sure

/** Paints one pixel per grid point into `canvas`, largest y on top; `hues` by class of the field. */
export function paintField(
  canvas: HTMLCanvasElement,
  f: Field,
  temperature: number,
  hues: readonly string[],
  ground: string,
): void {
  if (canvas.width !== f.nx) canvas.width = f.nx;
  if (canvas.height !== f.ny) canvas.height = f.ny;
  const g = canvas.getContext("2d")!;
  const tables = shadesOf(hues, ground);
  if (fieldOnGpu(g, f, temperature, tables)) return;
  const confidence = confidences(f, temperature);
  const image = new ImageData(f.nx, f.ny);
  const pixels = new Uint32Array(image.data.buffer);
  const chance = 1 / f.k;
  const scale = (SHADES - 1) / (1 - chance);
  for (let j = 0; j < f.ny; j++) {
    const to = (f.ny - 1 - j) * f.nx;
    for (let i = 0; i < f.nx; i++) {
      const at = j * f.nx + i;
      const shade = Math.max(0, Math.round((confidence[at]! - chance) * scale));
      pixels[to + i] = tables[f.top[at]!]![shade]!;
    }
  }
  g.putImageData(image, 0, 0);
}

const made = new Map<string, readonly Uint32Array[]>();

/** Ready-made shades of all classes, the same array for the same colours. */
function shadesOf(hues: readonly string[], ground: string): readonly Uint32Array[] {
  const key = [ground, ...hues].join();
  const found = made.get(key) ?? hues.map((hue) => shades(rgb(hue), rgb(ground)));
  if (made.size > 8) made.clear();
  made.set(key, found);
  return found;
}

/** Packed pixels from undecided to sure (bytes r, g, b, a: all platforms with browsers are little-endian). */
function shades(hue: readonly number[], base: readonly number[]): Uint32Array {
  return Uint32Array.from({ length: SHADES }, (_, s) => {
    const share = FAINT + ((STRONG - FAINT) * s) / (SHADES - 1);
    const [r, g, b] = base.map((v, q) => Math.round(v + (hue[q]! - v) * share)) as [number, number, number];
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

/** Stretches the image over the box, smoothly; its outermost points lie on the box's edges. */
export function placeField(g: CanvasRenderingContext2D, image: HTMLCanvasElement, box: Box): void {
  const [cw, ch] = [box.w / (image.width - 1), box.h / (image.height - 1)];
  g.save();
  clipTo(g, box);
  g.imageSmoothingEnabled = true;
  g.drawImage(image, box.x - cw / 2, box.y - ch / 2, box.w + cw, box.h + ch);
  g.restore();
}

export interface LineStyle {
  colour: string;
  width: number;
}

/** The line on which `values` (ny, nx) equal `level`, in a box that the grid fills. */
export function isoPath(
  values: Float32Array,
  { nx, ny }: Pick<Field, "nx" | "ny">,
  level: number,
  box: Box,
): Path2D {
  return piecesPath(crossings(values, nx, ny, level), { nx, ny }, box);
}

/** Line pieces x1, y1, x2, y2 in grid units, in a box that the grid fills. */
export function piecesPath(
  pieces: ArrayLike<number>,
  { nx, ny }: Pick<Field, "nx" | "ny">,
  box: Box,
): Path2D {
  const path = new Path2D();
  const x = (i: number) => box.x + (i / (nx - 1)) * box.w;
  const y = (j: number) => box.y + (1 - j / (ny - 1)) * box.h;
  for (let p = 0; p < pieces.length; p += 4) {
    path.moveTo(x(pieces[p]!), y(pieces[p + 1]!));
    path.lineTo(x(pieces[p + 2]!), y(pieces[p + 3]!));
  }
  return path;
}

export function strokeIn(
  g: CanvasRenderingContext2D,
  path: Path2D,
  box: Box,
  { colour, width }: LineStyle,
): void {
  g.save();
  clipTo(g, box);
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.lineCap = "round";
  g.stroke(path);
  g.restore();
}

export function clipTo(g: CanvasRenderingContext2D, box: Box): void {
  g.beginPath();
  g.rect(box.x, box.y, box.w, box.h);
  g.clip();
}
