/** A sharp canvas that fills its box, with the few marks our pictures are made of. */

import { OWN_KEYS } from "./dom";
import { fontOf, lendFont, type Size, sizeOf } from "./size";
import type { Colours } from "./theme";

type G = CanvasRenderingContext2D;

export interface Canvas {
  el: HTMLCanvasElement;
  /** Fits the backing store to the box and clears it; w, h in CSS pixels. */
  begin(): { g: G; w: number; h: number };
  /** Lays a part of the picture over it that is kept, and drawn anew only when one of `values` or the size changed. */
  layer(name: string, values: readonly unknown[], draw: (g: G) => void): void;
}

/** `fixed`: a size of its own, instead of that of the box round it. */
export function makeCanvas(label: string, fixed?: Size): Canvas {
  const el = document.createElement("canvas");
  el.setAttribute("role", "img");
  el.setAttribute("aria-label", label);
  if (fixed) el.style.cssText = `width:${fixed.w}px;height:${fixed.h}px`;
  const g = el.getContext("2d")!;
  const size = () => fixed ?? sizeOf(el);
  const layers = new Map<string, { g: G; values: readonly unknown[] }>();
  return {
    el,
    begin() {
      const { w, h } = size();
      const s = fit(el, w, h);
      g.setTransform(s, 0, 0, s, 0, 0);
      g.clearRect(0, 0, w, h);
      return { g, w, h };
    },
    layer(name, values, draw) {
      const { w, h } = size();
      let kept = layers.get(name);
      if (!kept) {
        kept = { g: document.createElement("canvas").getContext("2d")!, values: [] };
        layers.set(name, kept);
        lendFont(kept.g.canvas, el);
      }
      const now = [w, h, scale(), fontOf(el).size, ...values];
      if (!alike(kept.values, now)) {
        const s = fit(kept.g.canvas, w, h);
        kept.g.setTransform(s, 0, 0, s, 0, 0);
        kept.g.clearRect(0, 0, w, h);
        draw(kept.g);
        kept.values = now;
      }
      g.drawImage(kept.g.canvas, 0, 0, w, h);
    },
  };
}

/** The canvas for keys too, with these words on what they do; `more` where it is a control of a known kind. */
export function operable(canvas: Canvas, label: string, more: Record<string, string> = {}): Canvas {
  const own = { tabindex: "0", role: "application", "aria-label": label, ...OWN_KEYS, ...more };
  for (const [name, value] of Object.entries(own)) canvas.el.setAttribute(name, value);
  return canvas;
}

const scale = () => devicePixelRatio || 1;

/** Returns device pixels per CSS pixel. */
function fit(el: HTMLCanvasElement, w: number, h: number): number {
  const s = scale();
  const [pw, ph] = [Math.max(1, Math.round(w * s)), Math.max(1, Math.round(h * s))];
  if (el.width !== pw || el.height !== ph) {
    el.width = pw;
    el.height = ph;
  }
  return s;
}

const alike = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((v, i) => Object.is(v, b[i]));

/** Passes on only what differs from the time before: `show(values, work)`. */
export function whenChanged(): (values: readonly unknown[], work: () => void) => void {
  let before: readonly unknown[] | null = null;
  return (values, work) => {
    if (before && alike(before, values)) return;
    work();
    before = [...values];
  };
}

export interface TextStyle {
  align?: CanvasTextAlign;
  baseline?: CanvasTextBaseline;
  colour?: string;
  size?: number; // px; without it as large as the page's own type allows (11 of 12)
  bold?: boolean;
  rotate?: number; // radians
  halo?: string; // outline colour, for words on a picture
}

export function text(
  g: CanvasRenderingContext2D,
  words: string,
  x: number,
  y: number,
  style: TextStyle,
): void {
  const set = style.rotate || style.halo; // else the canvas need not remember what was before
  if (set) {
    g.save();
    g.translate(x, y);
    if (style.rotate) g.rotate(style.rotate);
  }
  const font = fontOf(g.canvas);
  const size = style.size ?? font.size - 1;
  g.font = `${style.bold ? "600 " : ""}${size}px ${font.family}`;
  g.textAlign = style.align ?? "left";
  g.textBaseline = style.baseline ?? "alphabetic";
  if (style.halo) {
    g.strokeStyle = style.halo;
    g.lineWidth = 3;
    g.lineJoin = "round";
    g.strokeText(words, 0, 0);
  }
  g.fillStyle = style.colour ?? "currentColor";
  g.fillText(words, set ? 0 : x, set ? 0 : y);
  if (set) g.restore();
}

export function line(
  g: CanvasRenderingContext2D,
  points: readonly (readonly [number, number])[],
  colour: string,
  width = 1,
  dash: number[] = [],
): void {
  g.save();
  g.beginPath();
  points.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.setLineDash(dash);
  g.stroke();
  g.restore();
}

/** Ring on the one marked sample: two tones, so that it shows on every ground. */
export function ring(g: CanvasRenderingContext2D, x: number, y: number, c: Colours, radius = 7): void {
  for (const [colour, width] of [
    [c.bg, 4.5],
    [c.fg, 2],
  ] as const) {
    g.beginPath();
    g.arc(x, y, Math.max(0, radius), 0, 2 * Math.PI);
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.stroke();
  }
}

const SHAPES = ["circle", "triangle", "square", "diamond", "down", "cross"] as const;

/** Mark of class k: a shape beside the hue, so that colour is never alone. */
export function mark(
  g: CanvasRenderingContext2D,
  k: number,
  x: number,
  y: number,
  r: number,
  fill: string | null,
  stroke: string,
  width = 1,
): void {
  g.beginPath();
  switch (SHAPES[k % SHAPES.length]) {
    case "circle":
      g.arc(x, y, r, 0, 2 * Math.PI);
      break;
    case "triangle":
      g.moveTo(x, y - r * 1.25);
      g.lineTo(x + r * 1.15, y + r * 0.8);
      g.lineTo(x - r * 1.15, y + r * 0.8);
      break;
    case "square":
      g.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
      break;
    case "diamond":
      g.moveTo(x, y - r * 1.3);
      g.lineTo(x + r * 1.1, y);
      g.lineTo(x, y + r * 1.3);
      g.lineTo(x - r * 1.1, y);
      break;
    case "down":
      g.moveTo(x, y + r * 1.25);
      g.lineTo(x + r * 1.15, y - r * 0.8);
      g.lineTo(x - r * 1.15, y - r * 0.8);
      break;
    case "cross": {
      const a = r * 0.45;
      g.rect(x - r, y - a, 2 * r, 2 * a);
      g.rect(x - a, y - r, 2 * a, 2 * r);
      break;
    }
  }
  g.closePath();
  if (fill) {
    g.fillStyle = fill;
    g.fill();
  }
  g.strokeStyle = stroke;
  g.lineWidth = width;
  g.stroke();
}

/** A grey image of `shape` (rows, columns), values low..high, ink on ground, from X at `from`. */
export function image(
  g: CanvasRenderingContext2D,
  X: ArrayLike<number>,
  from: number,
  shape: readonly [number, number],
  x: number,
  y: number,
  size: number,
  ink: readonly [number, number, number],
  ground: readonly [number, number, number],
  low = 0,
  high = 1,
): void {
  const [rows, columns] = shape;
  const [cw, ch] = [size / columns, size / rows];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const v = Math.min(1, Math.max(0, (X[from + i * columns + j]! - low) / (high - low || 1)));
      const [r, gr, bl] = ground.map((u, q) => Math.round(u + (ink[q]! - u) * v));
      g.fillStyle = `rgb(${r},${gr},${bl})`;
      g.fillRect(x + j * cw, y + i * ch, cw + 0.5, ch + 0.5);
    }
  }
}

/** About `count` round numbers that span low..high. */
export function ticks(low: number, high: number, count = 5): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough)!;
  const out: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    out.push(Number((i * step).toPrecision(12)));
  return out;
}
