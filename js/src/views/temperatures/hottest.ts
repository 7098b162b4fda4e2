/** The hottest samples as small pictures, with class and temperature; a click marks one. */

import type { Dataset } from "../../core/session";
import { argmax } from "../../core/softmax";
import { type Canvas, makeCanvas } from "../../draw/canvas";
import { h, OWN_KEYS } from "../../draw/dom";
import { fontOf, sizeOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";
import { type Thumbnails, thumbnails } from "../../draw/thumbnail";
import type { Temperatures } from "./numbers";

const HEIGHT = 46; // px of a picture
const GAP = 8;
const LINES = 2; // of words below a picture

export interface HottestState {
  data: Dataset;
  heat: Temperatures;
  colours: Colours;
  selected: Uint8Array | null; // of the dataset's samples
  marked: number | null;
}

export interface Hottest {
  el: HTMLElement;
  show(state: HottestState): void;
}

interface Tile {
  canvas: Canvas;
  name: HTMLElement;
  heat: HTMLElement;
  button: HTMLButtonElement;
  sample: number;
}

export function makeHottest(mark: (sample: number) => void): Hottest {
  const el = h("div", { class: "clsviz-hottest", role: "group", "aria-label": "Hottest samples" });
  let tiles: Tile[] = [];
  let built = "";
  let pictures: { data: Dataset; colours: Colours; thumbs: Thumbnails } | null = null;

  const thumbsOf = (data: Dataset, c: Colours): Thumbnails | null => {
    if (data.d === 0) return null;
    if (pictures?.data !== data || pictures.colours !== c) {
      const rows = data.train.length > 0 ? data.train : data.validation;
      pictures = { data, colours: c, thumbs: thumbnails(data, rows, c) };
    }
    return pictures.thumbs;
  };

  /** As many tiles as there is room for. */
  function build(data: Dataset, thumbs: Thumbnails | null, most: number): void {
    const { size } = fontOf(el);
    const line = Math.round(size * 1.3) || 16; // px; before the page has a font
    const height = thumbs ? HEIGHT : 0;
    const width = Math.max(62, thumbs ? Math.min(thumbs.widest, Math.round(HEIGHT / thumbs.aspect)) : 0);
    const room = sizeOf(el);
    const columns = Math.max(1, Math.floor((room.w + GAP) / (width + GAP)));
    const rows = Math.max(1, Math.floor((room.h + GAP) / (height + LINES * line + 4 + GAP)));
    const count = Math.min(most, columns * rows);
    const key = JSON.stringify([data.name, data.d, width, height, line, count, columns]);
    if (key === built) return;
    built = key;
    el.style.gridTemplateColumns = `repeat(${columns}, ${width}px)`;
    tiles = Array.from({ length: count }, () => {
      const wide = thumbs ? Math.min(width, thumbs.widest, Math.round(HEIGHT / thumbs.aspect)) : 1;
      const canvas = makeCanvas("", { w: wide, h: Math.max(1, height) });
      canvas.el.setAttribute("aria-hidden", "true"); // the button has the words
      canvas.el.style.margin = "0 auto";
      canvas.el.hidden = !thumbs;
      const caption = `width:${width}px;line-height:${line}px`;
      const [name, heat] = [h("span", { style: caption }), h("span", { style: caption })];
      const tile: Tile = { canvas, name, heat, sample: -1, button: null as never };
      tile.button = h(
        "button",
        { type: "button", ...OWN_KEYS, onclick: () => mark(tile.sample) },
        canvas.el,
        name,
        heat,
      );
      return tile;
    });
    el.replaceChildren(...tiles.map((t) => t.button));
  }

  return {
    el,
    show({ data, heat, colours: c, selected, marked }) {
      const thumbs = thumbsOf(data, c);
      build(data, thumbs, heat.order.length);
      const { samples } = heat;
      const some = tiles.some((_, i) => selected?.[samples.rows[heat.order[i]!]!]) ? selected : null;
      tiles.forEach((tile, i) => {
        const row = heat.order[i]!;
        const sample = samples.rows[row]!;
        const label = samples.labels[row]!;
        const guess = argmax(samples.logits, row * data.k, data.k);
        const class_ = (k: number) => data.classNames[k] ?? String(k);
        const words = guess === label ? class_(label) : `${class_(label)} as ${class_(guess)}`;
        const hot = `T ${heat.temperature[row]!.toFixed(2)}`;
        const group = samples.groups[row]!;
        tile.sample = sample;
        tile.name.textContent = words;
        tile.name.className = guess === label ? "" : "clsviz-miss";
        tile.heat.textContent = hot;
        tile.button.classList.toggle("clsviz-marked", sample === marked);
        tile.button.setAttribute("aria-pressed", String(sample === marked));
        const noted = group === 2 ? ", mislabelled" : "";
        tile.button.title = `sample ${sample}: ${words}${noted}, ${hot}`;
        tile.button.setAttribute("aria-label", `Sample ${sample}, class ${words}${noted}, ${hot}`);
        if (!thumbs) return;
        const { g, w } = tile.canvas.begin();
        g.globalAlpha = some && !some[sample] ? 0.35 : 1;
        thumbs.draw(g, data.X, sample * data.d, label, 0, 0, w);
        g.globalAlpha = 1;
      });
    },
  };
}
