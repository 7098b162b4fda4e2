/** The marks a reliability diagram is made of, and their legend. */

import { line, text } from "../../draw/canvas";
import { fontOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";

type G = CanvasRenderingContext2D;
type Point = readonly [number, number];

/** Bars on fewer samples are drawn as outlines. */
export const FEW = 10;

const HATCH = 5; // px between the lines of a gap

export function segment(g: G, from: Point, to: Point, colour: string, width = 1, dash: number[] = []): void {
  line(g, [from, to], colour, width, dash);
}

/** Interval with short ends of half width `cap`. */
export function whisker(g: G, x: number, low: number, high: number, cap: number, colour: string): void {
  segment(g, [x, low], [x, high], colour, 1.25);
  for (const end of [low, high]) segment(g, [x - cap, end], [x + cap, end], colour, 1.25);
}

export function openDot(g: G, c: Colours, x: number, y: number, radius: number): void {
  g.beginPath();
  g.arc(x, y, radius, 0, 2 * Math.PI);
  g.fillStyle = c.bg;
  g.fill();
  g.strokeStyle = c.fg;
  g.lineWidth = 1.5;
  g.stroke();
}

/** Dashes of what was before the calibrator; the pinned state has longer ones. */
export const BEFORE_DASH = [2, 2];

export function openSquare(g: G, c: Colours, x: number, y: number, half: number): void {
  g.fillStyle = c.bg;
  g.fillRect(x - half, y - half, 2 * half, 2 * half);
  g.strokeStyle = c.fg;
  g.lineWidth = 1.5;
  g.strokeRect(x - half, y - half, 2 * half, 2 * half);
}

/** Left end and width of a bar between two places; neighbours are kept apart where there is room. */
export function barBetween(from: number, to: number): [number, number] {
  const apart = to - from > 6 ? 1 : 0;
  return [from + apart, Math.max(1.5, to - from - 2 * apart)];
}

interface Area {
  left: number;
  top: number;
  right: number;
  floor: number;
}

/** Fills `path` with slanted lines; over one `area` they run on from bar to bar. */
export function hatch(g: G, path: Path2D, colour: string, { left, top, right, floor }: Area): void {
  const height = floor - top;
  g.save();
  g.strokeStyle = colour;
  g.lineWidth = 1;
  g.stroke(path);
  g.clip(path);
  g.beginPath();
  for (let x = left - height; x < right; x += HATCH) {
    g.moveTo(x, floor);
    g.lineTo(x + height, top);
  }
  g.lineWidth = 1.5;
  g.stroke();
  g.restore();
}

/** A word and the mark before it; `draw` has 14 px from x. */
export type LegendItem = [words: string, draw: (x: number, y: number) => void];

/** Words for marks, as many as there is room for between `left` and `right`. */
export function drawLegend(
  g: G,
  c: Colours,
  size: number,
  left: number,
  right: number,
  items: readonly LegendItem[],
): void {
  const y = size * 0.65;
  g.font = `${size}px ${fontOf(g.canvas).family}`;
  let x = left;
  for (const [words, draw] of items) {
    const width = 18 + g.measureText(words).width;
    if (x + width > right) break;
    draw(x, y);
    text(g, words, x + 18, y, { baseline: "middle", size, colour: c.fg2 });
    x += width + 8;
  }
}

/** The marks of a diagram. */
export function diagramLegend(g: G, c: Colours, before: boolean, pinned: boolean): LegendItem[] {
  const gap: LegendItem = [
    "gap",
    (x, y) => {
      const path = new Path2D();
      path.rect(x + 0.5, y - 4.5, 13, 9);
      hatch(g, path, c.gap, { left: x, top: y - 5, right: x + 14, floor: y + 5 });
    },
  ];
  const pin: LegendItem = [
    "pinned",
    (x, y) => {
      segment(g, [x, y], [x + 14, y], c.fg, 1.5, [4, 2]);
      openDot(g, c, x + 7, y, 2.5);
    },
  ];
  const was: LegendItem = [
    "before",
    (x, y) => {
      segment(g, [x, y], [x + 14, y], c.fg, 1.5, BEFORE_DASH);
      openSquare(g, c, x + 7, y, 2.5);
    },
  ];
  return [
    gap,
    ...(before ? [was] : []),
    ...(pinned ? [pin] : []),
    ["90 % interval", (x, y) => whisker(g, x + 7, y - 5, y + 5, 3, c.fg)],
    ["perfect", (x, y) => segment(g, [x, y + 4], [x + 14, y - 4], c.fg2, 1.25, [1.5, 3])],
    [
      `under ${FEW}`,
      (x, y) => {
        g.strokeStyle = c.bar2;
        g.lineWidth = 1;
        g.strokeRect(x + 3.5, y - 4.5, 8, 9);
      },
    ],
  ];
}
