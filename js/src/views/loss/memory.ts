/** Share of the flipped labels that the network has learnt by heart, over time. */

import type { Snapshot } from "../../core/session";
import { line, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, scaleOf } from "./axes";
import { explain } from "./lettering";

/** What a snapshot says of flipped labels; NaN where it does not. */
export const memorised = (s: Snapshot): number => s.metrics.train_memorised ?? Number.NaN;
export const recovered = (s: Snapshot): number => s.metrics.train_recovered ?? Number.NaN;

export interface MemoryPicture {
  moments: readonly Snapshot[];
  epoch: number; // on screen
  why: string; // there is no curve
}

export function drawMemory(
  g: CanvasRenderingContext2D,
  c: Colours,
  box: { x: number; y: number; w: number; h: number },
  p: MemoryPicture,
): void {
  const s = scaleOf(g);
  const last = Math.max(1e-6, p.moments[p.moments.length - 1]?.epoch ?? 1);
  const at: Axes = {
    box: { x: box.x + 40 * s, y: box.y + 20 * s, w: box.w - 40 * s - 8, h: Math.max(16, box.h - 54 * s) },
    xlim: [0, last],
    ylim: [0, 1],
  };
  drawFrame(g, c, at, { title: "", x: "epoch", yCount: 2, yFormat: (v) => `${Math.round(100 * v)} %` });
  if (p.why) {
    text(g, "flipped labels", box.x, box.y + 12 * s, { colour: c.fg2 });
    explain(g, c, p.why, at.box);
    return;
  }
  let x = box.x;
  for (const [name, of, colour, dash] of [
    ["memorised", memorised, c.gap, []],
    ["recovered", recovered, c.fg, [4, 3]],
  ] as [string, typeof memorised, string, number[]][]) {
    const points = p.moments
      .filter((m) => Number.isFinite(of(m)))
      .map((m) => [atX(at, m.epoch), atY(at, of(m))] as const);
    line(g, points, colour, 2, dash);
    line(
      g,
      [
        [x, box.y + 8 * s],
        [x + 18, box.y + 8 * s],
      ],
      colour,
      2,
      dash,
    );
    const words = x === box.x ? `flipped labels ${name}` : name;
    text(g, words, x + 23, box.y + 12 * s, { colour: c.fg });
    x += 35 + g.measureText(words).width;
  }
  const now = atX(at, Math.min(last, p.epoch));
  line(
    g,
    [
      [now, at.box.y],
      [now, at.box.y + at.box.h],
    ],
    c.accent,
    2,
  );
}
