/** Draws a confusion matrix for 2 to 100 classes. */

import type { Confusion } from "../../core/confusion";
import { line, ring, text } from "../../draw/canvas";
import { fontOf, sizeOf } from "../../draw/size";
import { type Colours, rgb } from "../../draw/theme";

export interface Cell {
  a: number; // true class
  b: number; // predicted class
}

export interface Picture {
  matrix: Confusion;
  names: readonly string[];
  /** (k, k) selected samples of each cell; null when nothing is selected. */
  selected: Int32Array | null;
  /** Cell of the marked sample, or null. */
  marked: Cell | null;
  /** Cell under pointer or keys, and whether the keys have it. */
  cursor: (Cell & { keys: boolean }) | null;
}

export interface Layout {
  size: number; // px of axis words
  left: number;
  top: number;
  cw: number; // cell width and height
  ch: number;
  upright: boolean; // names under the columns stand upright
  recall: boolean; // there is room for the share right beside each row
}

const FAINT = 0.3; // strength of cells without selected samples

export function layout(g: CanvasRenderingContext2D, w: number, h: number, names: readonly string[]): Layout {
  const font = fontOf(g.canvas);
  const size = font.size - 1;
  g.font = `${size}px ${font.family}`;
  const k = names.length;
  const longest = Math.max(...names.map((name) => g.measureText(short(name)).width));
  const left = size * 1.6 + Math.min(longest, w * 0.25) + 6;
  const top = size * 1.9;
  const right = size * 3.9;
  const cw = (w - left - right) / k;
  const upright = longest > cw - 2;
  const bottom = size * 1.8 + (upright ? longest : size) + 4;
  const ch = (h - top - bottom) / k;
  return { size, left, top, cw, ch, upright, recall: ch >= size };
}

/** Cell at a place of the canvas, or null. */
export function cellAt(at: Layout, k: number, x: number, y: number): Cell | null {
  const [a, b] = [Math.floor((y - at.top) / at.ch), Math.floor((x - at.left) / at.cw)];
  return a >= 0 && a < k && b >= 0 && b < k ? { a, b } : null;
}

/** Words on one cell. */
export function readout(m: Confusion, names: readonly string[], { a, b }: Cell): string {
  const count = m.counts[a * m.k + b]!;
  const of = m.rowTotals[a]!;
  const share = of === 0 ? "" : ` (${((100 * count) / of).toFixed(1)} % of class ${names[a]})`;
  return `true ${names[a]}, called ${names[b]}: ${count} of ${of}${share}`;
}

export function drawConfusion(g: CanvasRenderingContext2D, c: Colours, at: Layout, p: Picture): void {
  drawCells(g, c, at, p);
  drawNames(g, c, at, p);
  const { size } = at;
  if (p.marked) {
    const radius = Math.min(3, at.ch / 3, at.cw / 3); // in the corner, beside the number
    ring(
      g,
      at.left + (p.marked.b + 1) * at.cw - radius - 2.5,
      at.top + p.marked.a * at.ch + radius + 2.5,
      c,
      radius,
    );
  }
  if (p.cursor) {
    const { a, b, keys } = p.cursor;
    g.strokeStyle = keys ? c.accent : c.fg;
    g.lineWidth = keys ? 2.5 : 1.5;
    g.strokeRect(at.left + b * at.cw, at.top + a * at.ch, at.cw, at.ch);
    text(g, readout(p.matrix, p.names, p.cursor), 0, size + 1, { size, colour: c.fg });
  } else drawLegend(g, c, at);
}

function drawCells(
  g: CanvasRenderingContext2D,
  c: Colours,
  at: Layout,
  { matrix: m, selected }: Picture,
): void {
  const { k } = m;
  const [ground, ink, right, wrong] = [rgb(c.bg), rgb(c.fg), rgb(c.bar2), rgb(c.gap)];
  const gap = Math.min(at.cw, at.ch) > 8 ? 1 : 0;
  const widest = String(Math.max(...m.counts)).length * at.size * 0.62;
  const numbers = widest < at.cw - 2 && at.ch > at.size;
  g.fillStyle = c.grid;
  g.fillRect(at.left, at.top, at.cw * k, at.ch * k);
  for (let a = 0; a < k; a++) {
    for (let b = 0; b < k; b++) {
      const count = m.counts[a * k + b]!;
      const [x, y] = [at.left + b * at.cw, at.top + a * at.ch];
      const chosen = selected ? selected[a * k + b]! : 0;
      const faint = selected !== null && chosen === 0;
      const shade = mix(
        ground,
        a === b ? right : wrong,
        count === 0 ? 0 : strength(count / m.rowTotals[a]!) * (faint ? FAINT : 1),
      );
      g.fillStyle = `rgb(${shade.join(",")})`;
      g.fillRect(x + gap / 2, y + gap / 2, at.cw - gap, at.ch - gap);
      if (chosen > 0) {
        // share selected, as a line of ink along the foot of the cell
        g.fillStyle = c.fg;
        const thick = Math.min(3, at.ch / 4);
        g.fillRect(x + gap, y + at.ch - gap - thick, (at.cw - 2 * gap) * (chosen / count), thick);
      }
      if (!numbers || count === 0) continue;
      const colour = contrast(shade, ink) >= contrast(shade, ground) ? c.fg : c.bg;
      g.globalAlpha = faint ? 0.6 : 1;
      text(g, String(count), x + at.cw / 2, y + at.ch / 2 + 0.5, {
        align: "center",
        baseline: "middle",
        size: at.size,
        colour,
        bold: a === b,
      });
      g.globalAlpha = 1;
    }
  }
}

/** Square root of the share: one error in a hundred is still seen. */
const strength = (share: number) => 0.1 + 0.9 * Math.sqrt(share);

function drawNames(g: CanvasRenderingContext2D, c: Colours, at: Layout, { matrix: m, names }: Picture): void {
  const { size, left, top, cw, ch } = at;
  const { k } = m;
  const [bottom, right] = [top + k * ch, left + k * cw];
  const stepDown = Math.ceil((size + 1) / ch); // every how many-th name there is room for
  const stepAcross = Math.ceil((at.upright ? size + 1 : 1) / cw);
  for (let i = 0; i < k; i++) {
    const name = short(names[i]!);
    if (i % stepDown === 0) {
      text(g, name, left - 5, top + (i + 0.5) * ch, {
        align: "right",
        baseline: "middle",
        size,
        colour: c.fg2,
      });
    }
    if (i % stepAcross === 0) {
      const x = left + (i + 0.5) * cw;
      if (at.upright)
        text(g, name, x, bottom + 5, {
          align: "right",
          baseline: "middle",
          size,
          colour: c.fg2,
          rotate: -Math.PI / 2,
        });
      else text(g, name, x, bottom + size + 3, { align: "center", size, colour: c.fg2 });
    }
    if (at.recall && m.rowTotals[i]! > 0) {
      const share = Math.round((100 * m.counts[i * k + i]!) / m.rowTotals[i]!);
      text(g, `${share} %`, right + 4, top + (i + 0.5) * ch, { baseline: "middle", size, colour: c.fg2 });
    }
  }
  const words = { align: "center", size, colour: c.fg2 } as const;
  text(g, "true class", size * 0.9, (top + bottom) / 2, { ...words, rotate: -Math.PI / 2 });
  text(g, "predicted class", (left + right) / 2, sizeOf(g.canvas).h - 3, words);
  if (at.recall) text(g, "right", right + 4, sizeOf(g.canvas).h - 3, { size, colour: c.fg2 });
  line(
    g,
    [
      [left, bottom],
      [right, bottom],
    ],
    c.line,
  );
}

function drawLegend(g: CanvasRenderingContext2D, c: Colours, at: Layout): void {
  const { size } = at;
  let x = 0;
  for (const [colour, words] of [
    [c.bar2, "right"],
    [c.gap, "wrong"],
  ] as const) {
    g.fillStyle = colour;
    g.fillRect(x, 2, size, size - 1);
    text(g, words, x + size + 5, size, { size, colour: c.fg2 });
    x += size + 17 + words.length * size * 0.56;
  }
  const words = "stronger: larger share of its row";
  if (x + words.length * size * 0.55 < sizeOf(g.canvas).w) text(g, words, x, size, { size, colour: c.fg2 });
}

/** Cut in the middle: names often differ at their ends only. */
const short = (name: string) => (name.length > 12 ? `${name.slice(0, 5)}…${name.slice(-6)}` : name);

type Rgb = readonly [number, number, number];

function mix(a: Rgb, b: Rgb, t: number): [number, number, number] {
  return [0, 1, 2].map((i) => Math.round(a[i]! + (b[i]! - a[i]!) * t)) as [number, number, number];
}

/** WCAG contrast ratio. */
function contrast(a: Rgb, b: Rgb): number {
  const luminance = (colour: Rgb) => {
    const [r, g, bl] = colour.map((v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * bl!;
  };
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}
