/** Paints a class field: hue is the class, strength is how sure the classifier is; and its lines. */

import { type Certainty, crossings, type Field } from "../core/field";
import type { Box } from "./heatmap";
import { rgb } from "./theme";

const SHADES = 64;
const FAINT = 0.05; // share of hue where the classifier cannot decide at all
const STRONG = 0.52; // and where it is sure

/** An image with one pixel per grid point, largest y on top; `hues` by class of the field. */
export function paintField(
  f: Field,
  sure: Certainty,
  hues: readonly string[],
  ground: string,
): HTMLCanvasElement {
  const base = rgb(ground);
  const tables = new Map([...f.margins.keys()].map((k) => [k, shades(rgb(hues[k]!), base)]));
  const image = new ImageData(f.nx, f.ny);
  const pixels = new Uint32Array(image.data.buffer);
  const chance = 1 / f.k;
  for (let j = 0; j < f.ny; j++) {
    const to = (f.ny - 1 - j) * f.nx;
    for (let i = 0; i < f.nx; i++) {
      const at = j * f.nx + i;
      const share = Math.max(0, (sure.confidence[at]! - chance) / (1 - chance));
      pixels[to + i] = tables.get(sure.top[at]!)![Math.round(share * (SHADES - 1))]!;
    }
  }
  const canvas = document.createElement("canvas");
  canvas.width = f.nx;
  canvas.height = f.ny;
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
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

/** The line on which `values` (ny, nx) equal `level`. */
export function isoLine(
  g: CanvasRenderingContext2D,
  values: Float32Array,
  { nx, ny }: Pick<Field, "nx" | "ny">,
  level: number,
  box: Box,
  { colour, width }: LineStyle,
): void {
  const pieces = crossings(values, nx, ny, level);
  const x = (i: number) => box.x + (i / (nx - 1)) * box.w;
  const y = (j: number) => box.y + (1 - j / (ny - 1)) * box.h;
  g.save();
  clipTo(g, box);
  g.beginPath();
  for (let p = 0; p < pieces.length; p += 4) {
    g.moveTo(x(pieces[p]!), y(pieces[p + 1]!));
    g.lineTo(x(pieces[p + 2]!), y(pieces[p + 3]!));
  }
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.lineCap = "round";
  g.stroke();
  g.restore();
}

export function clipTo(g: CanvasRenderingContext2D, box: Box): void {
  g.beginPath();
  g.rect(box.x, box.y, box.w, box.h);
  g.clip();
}
