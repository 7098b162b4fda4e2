/** Draws one small reliability diagram for each class. */

import type { Reliability } from "../../core/reliability";
import { text } from "../../draw/canvas";
import { fontOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";
import { fitted } from "../loss/lettering";
import { barBetween, FEW, hatch, segment, whisker } from "./marks";
import { drawReadout } from "./picture";
import type { Cursor, Scene } from "./pointing";

type G = CanvasRenderingContext2D;

export interface ClassCell {
  k: number; // the class
  name: string;
  result: Reliability;
  before: Reliability | null;
}

export interface Grid {
  columns: number;
  cells: { x: number; y: number; w: number; h: number }[];
}

const LEAST_WHISKER = 5; // px of a bar that gets one
const TALLEST = 1.5; // of a cell, against its width

/** As many columns as make the cells largest. */
export function gridOf(g: G, w: number, h: number, count: number): Grid {
  const s = fontOf(g.canvas).size - 1;
  const [top, head, gap] = [s * 1.7, s * 1.5, 8];
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const room = (h - top) / Math.ceil(count / columns) - head - gap / 2;
    const width = Math.min((w - gap * (columns - 1)) / columns, TALLEST * room);
    const height = Math.min(room, TALLEST * width);
    if (width * height > best.width * best.height) best = { columns, width, height };
  }
  const { columns, width, height } = best;
  return {
    columns,
    cells: Array.from({ length: count }, (_, i) => ({
      x: (i % columns) * (width + gap),
      y: top + head + Math.floor(i / columns) * (height + head + gap / 2),
      w: width,
      h: height,
    })),
  };
}

export function classWords({ name, result: r }: ClassCell): string {
  const percent = (v: number) => `${(100 * v).toFixed(1)} %`;
  return `class ${name}: ECE ${r.ece.toFixed(4)}, says ${percent(r.meanConfidence)}, is ${percent(r.meanAccuracy)} (on average over all samples)`;
}

export function classesScene(cells: readonly ClassCell[], grid: Grid, open: (k: number) => void): Scene {
  const height = grid.cells.length > grid.columns ? grid.cells[grid.columns]!.y - grid.cells[0]!.y : 1e4;
  return {
    places: cells.length,
    stops: cells.map((_, i) => i),
    columns: grid.columns,
    words: (i) => classWords(cells[i]!),
    at(x, y) {
      const found = grid.cells.findIndex(
        (c) => x >= c.x && x <= c.x + c.w && y <= c.y + c.h && y >= c.y + c.h - height,
      );
      return found < 0 ? null : found;
    },
    samples: null,
    pick: (i, how) => {
      if (how === "final" && cells[i]) open(cells[i].k);
    },
  };
}

export function drawClasses(
  g: G,
  c: Colours,
  w: number,
  grid: Grid,
  cells: readonly ClassCell[],
  cursor: Cursor | null,
): void {
  const size = fontOf(g.canvas).size - 1;
  g.font = `${size}px ${fontOf(g.canvas).family}`;
  const long = cells.map(
    (cell) => `${shortTitle(cell)}${cell.before ? ` (${cell.before.ece.toFixed(3)})` : ""}`,
  );
  const fits = long.every((title) => g.measureText(title).width <= grid.cells[0]!.w);
  cells.forEach((cell, i) => {
    const at = grid.cells[i]!;
    const { x, y, w: width, h: height } = at;
    g.font = `${size}px ${fontOf(g.canvas).family}`;
    const title = fits ? long[i]! : fitted(shortTitle(cell), width, g);
    text(g, title, x, y - 4, { size, colour: c.fg });
    drawCell(g, c, at, cell);
    const here = cursor?.place === i;
    g.strokeStyle = here && cursor.keys ? c.accent : here ? c.fg : c.line;
    g.lineWidth = here ? 2 : 1;
    g.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  });
  const words =
    cursor && cells[cursor.place]
      ? classWords(cells[cursor.place]!)
      : "class, its ECE; each from 0 to 1: probability across, share up";
  drawReadout(g, c, size, w, words);
}

const shortTitle = ({ name, result }: ClassCell) => `${name}  ${result.ece.toFixed(3)}`;

function drawCell(g: G, c: Colours, at: Grid["cells"][number], { result: r }: ClassCell): void {
  const x = (p: number) => at.x + p * at.w;
  const y = (p: number) => at.y + at.h * (1 - p);
  const gaps = new Path2D();
  r.counts.forEach((count, b) => {
    if (count === 0) return;
    const [left, width] = barBetween(x(r.edges[b]!), x(r.edges[b + 1]!));
    const [yA, yC] = [y(r.accuracy[b]!), y(r.confidence[b]!)];
    g.globalAlpha = count < FEW ? 0.45 : 1;
    g.fillStyle = c.bar;
    g.fillRect(left, yA, width, y(0) - yA);
    g.globalAlpha = 1;
    gaps.rect(left, Math.min(yA, yC), width, Math.abs(yA - yC));
    if (width >= LEAST_WHISKER)
      whisker(g, left + width / 2, y(r.low[b]!), y(r.high[b]!), Math.min(2, width / 4), c.fg);
  });
  hatch(g, gaps, c.gap, { left: x(0), top: y(1), right: x(1), floor: y(0) });
  segment(g, [x(0), y(0)], [x(1), y(1)], c.fg2, 1, [1.5, 3]);
}
