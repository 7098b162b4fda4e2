/** Words that fit into a picture: cut at their end, or broken into lines in the middle of a box. */

import { text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import type { Axes } from "./axes";

const LINE = 15; // px

/** The words, cut at their end where they do not fit. */
export function fitted(words: string, width: number, g: CanvasRenderingContext2D): string {
  let cut = words;
  while (cut.length > 4 && g.measureText(cut).width > width) cut = `${cut.slice(0, -2).trimEnd()}…`;
  return cut;
}

/** Says in the middle of a box why nothing is drawn there. */
export function explain(g: CanvasRenderingContext2D, c: Colours, words: string, box: Axes["box"]): void {
  const lines: string[] = [];
  for (const word of words.split(" ")) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length && g.measureText(longer).width <= box.w - 16) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  const [x, y] = [box.x + box.w / 2, box.y + box.h / 2 - (LINE * (lines.length - 1)) / 2];
  lines.forEach((line, i) => {
    text(g, line, x, y + LINE * i, { align: "center", colour: c.fg, halo: c.bg });
  });
}
