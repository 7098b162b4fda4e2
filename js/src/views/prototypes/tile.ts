/** One tile of the gallery: picture, share selected, the network's probabilities. */

import { softmaxRow } from "../../core/softmax";
import type { Colours } from "../../draw/theme";

export const BARS = 22; // px below the picture
const SHARE = 3; // px

/** Heights of bars in half device pixels: tiles are drawn again only when one of theirs changes. */
export function barPixels(probs: ArrayLike<number>): number[] {
  const full = (BARS - 4) * (devicePixelRatio || 1) * 2;
  return Array.from(probs, (p) => Math.round(p * full));
}

export interface TileState {
  width: number;
  picture: number; // px, height of the picture
  probs: Float64Array | null;
  own: number; // class the tile stands for
  share: number | null; // of the samples it decides that are selected; null: nothing is selected
  chosen: boolean;
  nearest: boolean; // to the marked sample
}

export function drawTile(
  g: CanvasRenderingContext2D,
  picture: HTMLCanvasElement,
  s: TileState,
  c: Colours,
): void {
  const faded = s.share === 0;
  g.globalAlpha = faded ? 0.35 : 1;
  g.drawImage(picture, 2, 2, s.width, s.picture);
  const floor = s.picture + SHARE + BARS + 3;
  if (s.probs) drawProbs(g, s.probs, s.own, 2, floor, s.width, BARS - 4, c);
  g.globalAlpha = 1;
  if (s.share !== null) {
    g.fillStyle = c.grid;
    g.fillRect(2, s.picture + 4, s.width, SHARE);
    g.fillStyle = c.fg;
    g.fillRect(2, s.picture + 4, s.width * s.share, SHARE);
  }
  if (s.chosen) {
    g.strokeStyle = c.fg;
    g.lineWidth = 2;
    g.strokeRect(1, 1, s.width + 2, s.picture + 2);
  }
  if (s.nearest) {
    g.beginPath();
    g.arc(s.width - 2, 6, 4.5, 0, 2 * Math.PI);
    g.fillStyle = c.fg;
    g.fill();
    g.strokeStyle = c.bg;
    g.lineWidth = 2;
    g.stroke();
  }
}

/** Bars of probabilities: ink for the tile's own class, the gap hue for another. */
export function drawProbs(
  g: CanvasRenderingContext2D,
  probs: ArrayLike<number>,
  own: number,
  x: number,
  floor: number,
  w: number,
  h: number,
  c: Colours,
): void {
  const wide = w / probs.length;
  g.fillStyle = c.line;
  g.fillRect(x, floor, w, 1);
  for (let k = 0; k < probs.length; k++) {
    g.fillStyle = k === own ? c.fg : c.gap;
    const [gap, tall] = [wide > 3 ? 0.8 : 0, probs[k]! * h];
    // at most 14 px: two classes give bars, not blocks
    const bar = Math.min(14, wide - gap);
    g.fillRect(x + (k + 0.5) * wide - bar / 2, floor - tall, bar, tall);
  }
}

export const probsOf = (logits: Float32Array, p: number, k: number, temperature: number): Float64Array =>
  softmaxRow(logits, p * k, k, temperature);
