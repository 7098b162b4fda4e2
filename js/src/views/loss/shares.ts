/** Whose gradient it is: easy, hard and mislabelled samples as shares of one bar each. */

import { GROUPS } from "../../core/lossterms";
import { text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { groupColours } from "./axes";
import { fitted } from "./lettering";

export interface Share {
  name: string;
  shares: readonly [number, number, number] | null;
}

/** Height that `bars` bars take. */
export const sharesHeight = (bars: number, size: number): number => 4 + bars * (2 * size + 14);

export function drawShares(
  g: CanvasRenderingContext2D,
  c: Colours,
  box: { x: number; y: number; w: number },
  bars: readonly Share[],
  size: number,
): void {
  const colours = groupColours(c);
  const step = 2 * size + 14;
  bars.forEach(({ name, shares }, i) => {
    const top = box.y + i * step;
    const words = shares
      ? GROUPS.map((group, j) => `${group} ${percent(shares[j]!)}`).filter((_, j) => shares[j]! > 0)
      : ["not known"];
    const tail = words.join(", ");
    text(g, tail, box.x + box.w, top + size, { align: "right", colour: c.fg, size });
    const room = box.w - g.measureText(tail).width - 12;
    text(g, fitted(name, room, g), box.x, top + size, { colour: c.fg2, size });
    let x = box.x;
    (shares ?? [0, 0, 0]).forEach((share, j) => {
      g.fillStyle = colours[j]!;
      g.fillRect(x, top + size + 4, share * box.w, size);
      x += share * box.w;
    });
    g.strokeStyle = c.line;
    g.lineWidth = 1;
    g.strokeRect(box.x + 0.5, top + size + 4.5, box.w - 1, size - 1);
  });
}

/** A share in whole percent; what is there at all is never called nothing, and what lacks some never all. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value > 0 && value < 1) return "<1 %";
  if (value > 99 && value < 100) return ">99 %";
  return `${Math.round(value)} %`;
}
