/** Draws the probabilities of one sample as bars, one line per class. */

import { text } from "../../draw/canvas";
import { fontOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";

export interface Bars {
  p: ArrayLike<number>; // probability of each class
  logits: ArrayLike<number>; // of each class
  names: readonly string[];
  truth: number;
  guess: number;
}

/** Most classes that get a line; of more, the likeliest. */
export const MOST_BARS = 10;

/** Height of the picture in lines of text. */
export const lines = (k: number): number => Math.min(k, MOST_BARS);

/** Classes with a line, in class order: all, or the likeliest and the true one. Temperature does not change them. */
export function barClasses(logits: ArrayLike<number>, truth: number): number[] {
  const all = Array.from(logits, (_, k) => k);
  if (all.length <= MOST_BARS) return all;
  const likeliest = all.sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, MOST_BARS);
  if (!likeliest.includes(truth)) likeliest[MOST_BARS - 1] = truth;
  return likeliest.sort((a, b) => a - b);
}

export function drawBars(g: CanvasRenderingContext2D, c: Colours, w: number, h: number, o: Bars): void {
  const classes = barClasses(o.logits, o.truth);
  const font = fontOf(g.canvas);
  const size = font.size - 1;
  g.font = `600 ${size}px ${font.family}`;
  const shown = classes.map((k) => short(o.names[k]!));
  const left = Math.min(w * 0.4, Math.max(...shown.map((name) => g.measureText(name).width))) + 8;
  const right = w - size * 3.7;
  const step = h / classes.length;
  classes.forEach((k, i) => {
    const y = (i + 0.5) * step;
    const thick = Math.min(12, step * 0.72);
    const own = k === o.truth;
    const error = k === o.guess && !own;
    g.fillStyle = c.grid;
    g.fillRect(left, y - thick / 2, right - left, thick);
    g.fillStyle = own ? c.fg : error ? c.gap : c.bar;
    g.fillRect(left, y - thick / 2, Math.max(1, o.p[k]! * (right - left)), thick);
    const bold = own || error;
    const colour = own ? c.fg : error ? c.gap : c.fg2;
    text(g, shown[i]!, left - 6, y, { align: "right", baseline: "middle", size, colour, bold });
    text(g, o.p[k]!.toFixed(3), w, y, { align: "right", baseline: "middle", size, colour, bold });
  });
}

/** Cut in the middle: names often differ at their ends only. */
const short = (name: string) => (name.length > 14 ? `${name.slice(0, 6)}…${name.slice(-7)}` : name);
