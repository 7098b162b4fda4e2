/** Thousands of small one-coloured triangles, the farthest first: a surface too fine for the canvas's own paths. */

import { trianglesOnGpu } from "./gpu/triangles";
import type { Box } from "./heatmap";

export interface Triangles {
  corners: Float32Array; // (n, 3, 2) CSS pixels
  colours: Uint32Array; // (n,) packed, opaque (bytes r, g, b, a: all platforms with browsers are little-endian)
}

const FINER = 2; // drawn at twice the size and shrunk: smooth edges
const MOST = 5e5; // pixels that this may take

/** Draws them in the box and cuts off what leaves it. */
export function drawTriangles(g: CanvasRenderingContext2D, box: Box, t: Triangles): void {
  const scale = Math.min(FINER * (devicePixelRatio || 1), Math.sqrt(MOST / (box.w * box.h)));
  const [w, h] = [Math.max(1, Math.round(box.w * scale)), Math.max(1, Math.round(box.h * scale))];
  const corners = new Float32Array(t.corners.length);
  for (let i = 0; i < corners.length; i += 2) {
    corners[i] = (t.corners[i]! - box.x) * scale;
    corners[i + 1] = (t.corners[i + 1]! - box.y) * scale;
  }
  const place = [box.x, box.y, box.w, box.h] as const;
  g.imageSmoothingEnabled = true;
  if (trianglesOnGpu(g, { corners, colours: t.colours }, w, h, place)) return;
  const image = new ImageData(w, h);
  fillAll(new Uint32Array(image.data.buffer), w, h, { corners, colours: t.colours });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [w, h];
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  g.drawImage(canvas, ...place);
}

/** Colours the pixels whose centres lie in a triangle; later ones over earlier ones. */
export function fillAll(out: Uint32Array, w: number, h: number, { corners: v, colours }: Triangles): void {
  for (let t = 0, at = 0; t < colours.length; t++, at += 6) {
    const [x0, y0, x1, y1, x2, y2] = [v[at]!, v[at + 1]!, v[at + 2]!, v[at + 3]!, v[at + 4]!, v[at + 5]!];
    const area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
    if (!(Math.abs(area) > 0)) continue; // seen from the side, or not finite
    const turn = area > 0 ? 1 : -1;
    const low = Math.max(0, Math.ceil(Math.min(y0, y1, y2) - 0.5));
    const high = Math.min(h - 1, Math.floor(Math.max(y0, y1, y2) - 0.5));
    const left = Math.max(0, Math.ceil(Math.min(x0, x1, x2) - 0.5));
    const right = Math.min(w - 1, Math.floor(Math.max(x0, x1, x2) - 0.5));
    for (let y = low; y <= high; y++) {
      for (let x = left; x <= right; x++) {
        const [px, py] = [x + 0.5, y + 0.5];
        if (((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * turn < 0) continue;
        if (((x2 - x1) * (py - y1) - (px - x1) * (y2 - y1)) * turn < 0) continue;
        if (((x0 - x2) * (py - y2) - (px - x2) * (y0 - y2)) * turn < 0) continue;
        out[y * w + x] = colours[t]!;
      }
    }
  }
}
