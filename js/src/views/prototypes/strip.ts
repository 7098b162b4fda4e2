/** Training samples nearest to the chosen prototype; a click marks one. */

import type { Dataset } from "../../core/session";
import { argmax } from "../../core/softmax";
import { type Canvas, makeCanvas } from "../../draw/canvas";
import { h, OWN_KEYS } from "../../draw/dom";
import { sizeOf } from "../../draw/size";
import type { Thumbnails } from "../../draw/thumbnail";
import type { Gallery } from "./numbers";

const HEIGHT = 38; // px of a picture
const GAP = 6; // px
const CAPTION =
  "display:block;font-size:11px;line-height:16px;text-align:center;overflow:hidden;text-overflow:ellipsis;white-space:nowrap";

export interface StripState {
  gallery: Gallery;
  chosen: number;
  data: Dataset;
  thumbs: Thumbnails;
  logitsOf(rows: number[]): Float32Array; // (rows, k)
  selected: Uint8Array | null;
}

export interface Strip {
  el: HTMLElement;
  show(state: StripState): void;
}

export function makeStrip(mark: (sample: number) => void): Strip {
  const el = h("div", {
    role: "group",
    "aria-label": "Nearest training samples",
    style: `display:flex;gap:${GAP}px;overflow:hidden;flex:1;min-width:0`,
  });
  let built: Pick<StripState, "gallery" | "thumbs" | "chosen"> & { count: number } = {} as never;
  let items: { row: number; canvas: Canvas; caption: HTMLElement; button: HTMLElement }[] = [];

  function build({ gallery, thumbs, chosen }: StripState): void {
    const width = Math.min(thumbs.widest, Math.round(HEIGHT / thumbs.aspect));
    const count = Math.max(1, Math.floor((sizeOf(el).w + GAP) / (width + GAP)));
    const same = built.gallery === gallery && built.thumbs === thumbs;
    if (same && built.chosen === chosen && built.count === count) return;
    built = { gallery, thumbs, chosen, count };
    items = gallery
      .nearest(chosen)
      .slice(0, count)
      .map(({ row }) => {
        const canvas = makeCanvas("", { w: width, h: HEIGHT });
        canvas.el.setAttribute("aria-hidden", "true"); // the button has the words
        const caption = h("span", { style: `width:${width}px;${CAPTION}` });
        const style = "height:auto;padding:0;border:0;background:none;border-radius:2px";
        const button = h(
          "button",
          { type: "button", ...OWN_KEYS, style, onclick: () => mark(row) },
          canvas.el,
          caption,
        );
        return { row, canvas, caption, button };
      });
    el.replaceChildren(...items.map((i) => i.button));
  }

  return {
    el,
    show(s) {
      build(s);
      const { data, thumbs } = s;
      // Most selections hold validation samples only: then none of these is marked down.
      const selected = items.some((i) => s.selected?.[i.row]) ? s.selected : null;
      const z = s.logitsOf(items.map((i) => i.row));
      const name = (k: number) => data.classNames[k] ?? String(k);
      items.forEach(({ row, canvas, caption, button }, i) => {
        const [label, guess] = [data.y[row]!, argmax(z, i * data.k, data.k)];
        const wrong = guess !== label;
        const words = wrong ? `${name(label)} as ${name(guess)}` : name(label);
        caption.textContent = words;
        caption.style.color = wrong ? "var(--clsviz-gap)" : "var(--clsviz-fg2)";
        caption.style.fontWeight = wrong ? "600" : "";
        button.title = `sample ${row}: ${words}`;
        button.setAttribute("aria-label", `Sample ${row}, class ${words}`);
        const { g, w } = canvas.begin();
        g.globalAlpha = selected && !selected[row] ? 0.35 : 1;
        thumbs.draw(g, data.X, row * data.d, label, 0, 0, w);
        g.globalAlpha = 1;
      });
    },
  };
}
