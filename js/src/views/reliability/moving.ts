/** Draws how far confidences moved: a histogram, wrong and right guesses told apart. */

import { MOVED_BINS, type Moved } from "../../core/moved";
import { fontOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, roundUp, scaleOf } from "../loss/axes";
import { explain } from "../loss/lettering";
import { barBetween, drawLegend, segment } from "./marks";
import { drawReadout } from "./picture";
import type { Cursor, Scene } from "./pointing";

type G = CanvasRenderingContext2D;

export interface MovedPicture {
  moved: Moved | null;
  why: string; // there is none
  /** Which bins hold selected samples; null when nothing is selected. */
  selected: Uint8Array | null;
  cursor: Cursor | null;
}

const FAINT = 0.3;

export const signed = (v: number, digits = 3): string =>
  `${v < -(0.5 * 10 ** -digits) ? "−" : v >= 0.5 * 10 ** -digits ? "+" : ""}${Math.abs(v).toFixed(digits)}`;

export const edge = ({ reach }: Moved, b: number) => -reach + (2 * reach * b) / MOVED_BINS;

export function movedWords(m: Moved, b: number): string {
  const [wrong, right] = [m.counts[2 * b]!, m.counts[2 * b + 1]!];
  return `${signed(edge(m, b))} to ${signed(edge(m, b + 1))}: ${right} right, ${wrong} wrong before`;
}

export function movedScene(m: Moved, at: Axes, samples: Scene["samples"]): Scene {
  const { box } = at;
  const bins = Array.from({ length: MOVED_BINS }, (_, b) => b);
  return {
    places: MOVED_BINS,
    stops: bins.filter((b) => m.counts[2 * b]! + m.counts[2 * b + 1]! > 0),
    words: (b) => movedWords(m, b),
    at(x, y, beyond) {
      const inside = x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h + 3;
      if (!inside && !beyond) return null;
      return Math.min(MOVED_BINS - 1, Math.max(0, Math.floor(((x - box.x) / box.w) * MOVED_BINS)));
    },
    samples,
  };
}

export function drawMoved(g: G, c: Colours, w: number, h: number, p: MovedPicture): Axes {
  const s = scaleOf(g);
  const m = p.moved;
  const totals = Array.from({ length: MOVED_BINS }, (_, b) =>
    m ? m.counts[2 * b]! + m.counts[2 * b + 1]! : 0,
  );
  const reach = m?.reach ?? 1;
  const at: Axes = {
    box: { x: 44 * s, y: 26 * s, w: w - 62 * s, h: h - 62 * s },
    xlim: [-reach, reach],
    ylim: [0, roundUp(Math.max(10, ...totals))],
  };
  drawFrame(g, c, at, {
    title: "",
    x: "confidence after − before",
    xTicks: [-1, -0.5, 0, 0.5, 1].map(
      (v) =>
        [
          v * reach,
          signed(v * reach)
            .replace(/0+$/, "")
            .replace(/\.$/, ""),
        ] as const,
    ),
    yFormat: (v) => (Number.isInteger(v) ? String(v) : ""),
  });
  const size = fontOf(g.canvas).size - 1;
  if (!m) {
    explain(g, c, p.why, at.box);
    return at;
  }
  for (let b = 0; b < MOVED_BINS; b++) {
    const [wrong, right] = [m.counts[2 * b]!, m.counts[2 * b + 1]!];
    if (wrong + right === 0) continue;
    const [x, width] = barBetween(atX(at, edge(m, b)), atX(at, edge(m, b + 1)));
    g.globalAlpha = p.selected && !p.selected[b] ? FAINT : 1;
    const [low, middle, high] = [0, wrong, wrong + right].map((v) => atY(at, v)) as [number, number, number];
    g.fillStyle = c.gap;
    g.fillRect(x, middle, width, low - middle);
    g.fillStyle = c.bar;
    g.fillRect(x, high, width, middle - high);
    g.globalAlpha = 1;
    if (p.cursor?.place !== b) continue;
    g.strokeStyle = p.cursor.keys ? c.accent : c.fg;
    g.lineWidth = 2;
    g.strokeRect(x - 1, high - 1, width + 2, low - high + 2);
  }
  segment(g, [atX(at, 0), at.box.y], [atX(at, 0), at.box.y + at.box.h], c.fg2, 1, [2, 3]);
  const block = (colour: string) => (x: number, y: number) => {
    g.fillStyle = colour;
    g.fillRect(x, y - 5, 14, 10);
  };
  if (p.cursor) drawReadout(g, c, size, w, movedWords(m, p.cursor.place));
  else
    drawLegend(g, c, size, 4, w, [
      ["right before", block(c.bar)],
      ["wrong before", block(c.gap)],
    ]);
  return at;
}
