/** Crowds of samples as stamps: each kind of mark is drawn once, then set down wherever a sample stands. */

import { cloudOnGpu } from "./gpu/cloud";
import type { Box } from "./heatmap";

/** Where samples stand, in CSS pixels, and how each looks; painted in this order. */
export interface Cloud {
  x: Float32Array;
  y: Float32Array;
  kind: Uint16Array;
}

/** Marks of every kind at every part of a pixel, side by side: a row per kind. */
export interface Stamps {
  image: ImageData;
  cell: number; // device pixels along a side
  middle: number; // of a mark in its cell
}

/** A stamp stands at a quarter of a device pixel: nobody sees less. */
export const PARTS = 4;

/** `draw` draws mark `kind` round (0, 0); `reach`: CSS pixels it takes on every side. */
export function makeStamps(
  kinds: number,
  reach: number,
  draw: (g: CanvasRenderingContext2D, kind: number) => void,
): Stamps {
  const scale = devicePixelRatio || 1;
  const middle = Math.ceil(reach * scale) + 1;
  const cell = 2 * middle + 1;
  const canvas = document.createElement("canvas");
  canvas.width = cell * PARTS * PARTS;
  canvas.height = cell * kinds;
  const g = canvas.getContext("2d", { willReadFrequently: true })!;
  for (let kind = 0; kind < kinds; kind++) {
    for (let part = 0; part < PARTS * PARTS; part++) {
      const [px, py] = [part % PARTS, Math.floor(part / PARTS)];
      g.setTransform(
        scale,
        0,
        0,
        scale,
        part * cell + middle + px / PARTS,
        kind * cell + middle + py / PARTS,
      );
      draw(g, kind);
    }
  }
  return { image: g.getImageData(0, 0, canvas.width, canvas.height), cell, middle };
}

/** Sets the stamps down, cut off at the edges of the box. */
export function drawCloud(g: CanvasRenderingContext2D, box: Box, cloud: Cloud, stamps: Stamps): void {
  const scale = devicePixelRatio || 1;
  const [left, top] = [Math.round(box.x * scale), Math.round(box.y * scale)];
  const [w, h] = [Math.round(box.w * scale), Math.round(box.h * scale)];
  const places = placesOf(cloud, stamps, scale, left, top);
  g.save();
  g.setTransform(1, 0, 0, 1, 0, 0);
  if (!cloudOnGpu(g, places, stamps, [left, top, w, h])) {
    const image = new ImageData(w, h);
    stampAll(image, places, stamps);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [w, h];
    canvas.getContext("2d")!.putImageData(image, 0, 0);
    g.drawImage(canvas, left, top);
  }
  g.restore();
}

/** Of each sample: its stamp's upper left pixel in the picture, column and row in the image of stamps. */
export type Places = Int16Array; // (n, 4)

export function placesOf(
  { x, y, kind }: Cloud,
  { cell, middle }: Pick<Stamps, "cell" | "middle">,
  scale: number,
  left: number,
  top: number,
): Places {
  const places = new Int16Array(4 * x.length);
  const far = (v: number) => Math.max(-1e4, Math.min(3e4, v)); // what lies far outside stays outside
  for (let i = 0, to = 0; i < x.length; i++, to += 4) {
    const px = Math.round(far(x[i]! * scale - left) * PARTS);
    const py = Math.round(far(y[i]! * scale - top) * PARTS);
    const [wholeX, wholeY] = [Math.floor(px / PARTS), Math.floor(py / PARTS)];
    places[to] = wholeX - middle;
    places[to + 1] = wholeY - middle;
    places[to + 2] = (px - wholeX * PARTS + PARTS * (py - wholeY * PARTS)) * cell;
    places[to + 3] = kind[i]! * cell;
  }
  return places;
}

/** Each stamp over what is there; the alpha of a pixel is not premultiplied, as in all ImageData. */
export function stampAll(
  to: { data: Uint8ClampedArray; width: number; height: number },
  places: Places,
  stamps: { image: Pick<ImageData, "data" | "width">; cell: number },
): void {
  const [w, h] = [to.width, to.height];
  const out = new Uint32Array(to.data.buffer);
  const inks = inkOf(stamps);
  const across = stamps.image.width / stamps.cell;
  for (let i = 0; i < places.length; i += 4) {
    const [x, y] = [places[i]!, places[i + 1]!];
    const ink = inks[(places[i + 3]! * across + places[i + 2]!) / stamps.cell]!;
    for (let q = 0; q < ink.length; q += 3) {
      const [px, py] = [x + ink[q]!, y + ink[q + 1]!];
      if (px < 0 || px >= w || py < 0 || py >= h) continue;
      const at = py * w + px;
      const source = ink[q + 2]!;
      const alpha = source >>> 24;
      out[at] = alpha === 255 || out[at] === 0 ? source : over(source, out[at]!, alpha);
    }
  }
}

const inked = new WeakMap<object, Uint32Array[]>();

/** Of each stamp the pixels that are not empty: column, row, colour. Most of a cell is empty. */
function inkOf({ image, cell }: { image: Pick<ImageData, "data" | "width">; cell: number }): Uint32Array[] {
  const found = inked.get(image);
  if (found) return found;
  const pixels = new Uint32Array(image.data.buffer);
  const [across, down] = [image.width / cell, pixels.length / image.width / cell];
  const inks = Array.from({ length: across * down }, (_, stamp) => {
    const [left, top] = [(stamp % across) * cell, Math.floor(stamp / across) * cell];
    const ink: number[] = [];
    for (let r = 0; r < cell; r++) {
      for (let q = 0; q < cell; q++) {
        const pixel = pixels[(top + r) * image.width + left + q]!;
        if (pixel >>> 24 > 0) ink.push(q, r, pixel);
      }
    }
    return Uint32Array.from(ink);
  });
  inked.set(image, inks);
  return inks;
}

/** Packed pixel `source` over `ground` (bytes r, g, b, a: all platforms with browsers are little-endian). */
function over(source: number, ground: number, alpha: number): number {
  const a = alpha / 255;
  const rest = ((ground >>> 24) / 255) * (1 - a);
  const sum = a + rest;
  const mix = (shift: number) =>
    (((source >>> shift) & 255) * a + ((ground >>> shift) & 255) * rest) / sum + 0.5;
  return ((((sum * 255 + 0.5) | 0) << 24) | ((mix(16) | 0) << 16) | ((mix(8) | 0) << 8) | (mix(0) | 0)) >>> 0;
}
