/** The parts of the sample view that change with the sample only: picture, features, neighbours. */

import type { Neighbours } from "../../core/neighbours";
import type { Dataset } from "../../core/session";
import { type Canvas, image, makeCanvas } from "../../draw/canvas";
import { h } from "../../draw/dom";
import { button } from "../../draw/knobs";
import { colours, rgb } from "../../draw/theme";

interface Limits {
  low: Float32Array; // (d,) least value of each feature
  high: Float32Array;
}

const limits = new WeakMap<Dataset, Limits>();

function limitsOf(data: Dataset): Limits {
  const found = limits.get(data);
  if (found) return found;
  const low = new Float32Array(data.d).fill(Number.POSITIVE_INFINITY);
  const high = new Float32Array(data.d).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < data.X.length; i++) {
    const j = i % data.d;
    low[j] = Math.min(low[j]!, data.X[i]!);
    high[j] = Math.max(high[j]!, data.X[i]!);
  }
  limits.set(data, { low, high });
  return { low, high };
}

/** The sample as an image, with the grey scale that all images of the data share. */
export function drawImage(canvas: Canvas, data: Dataset, sample: number): void {
  const c = colours(canvas.el);
  const { low, high } = limitsOf(data);
  const { g, w } = canvas.begin();
  image(
    g,
    data.X,
    sample * data.d,
    data.imageShape!,
    0,
    0,
    w,
    rgb(c.fg),
    rgb(c.bg),
    Math.min(...low),
    Math.max(...high),
  );
}

const RAIL =
  "position: relative; height: 16px; background: linear-gradient(var(--clsviz-bar), var(--clsviz-bar)) center / 100% 1px no-repeat";
const DOT =
  "position: absolute; top: 4px; width: 8px; height: 8px; margin-left: -4px; border-radius: 50%; background: var(--clsviz-fg)";

/** A table row per feature: name, place between the least and the largest value in the data, value. */
export function featureRows(data: Dataset, sample: number): HTMLElement[] {
  const { low, high } = limitsOf(data);
  return data.featureNames.map((name, j) => {
    const value = data.X[sample * data.d + j]!;
    const place = high[j]! > low[j]! ? (value - low[j]!) / (high[j]! - low[j]!) : 0.5;
    return h(
      "tr",
      {},
      h("td", { style: "text-align: left; overflow-wrap: anywhere; color: var(--clsviz-fg2)" }, name),
      h(
        "td",
        { style: "width: 30%" },
        h("div", { style: RAIL }, h("span", { style: `${DOT}; left: ${(100 * place).toFixed(1)}%` })),
      ),
      h("td", {}, Number(value.toPrecision(4)).toString()),
    );
  });
}

/** What a neighbour says of itself; in the hue of errors where its label differs from `truth`. */
interface Words {
  name: string;
  label: string;
  colour: string;
  far: string;
}

/** One button per neighbour (image and label, or a line of words); a click marks it. `draw` paints the images. */
export function neighbourButtons(
  data: Dataset,
  found: Neighbours,
  truth: number,
  mark: (sample: number) => void,
): { el: HTMLElement; draw(): void } {
  const canvases: [Canvas, number][] = [];
  const buttons = Array.from(found.index, (sample, i) => {
    const label = data.classNames[data.y[sample]!]!;
    const far = found.distance[i]!.toPrecision(3);
    const colour = data.y[sample] === truth ? "var(--clsviz-fg2)" : "var(--clsviz-gap)";
    const words = {
      label,
      far,
      colour,
      name: `Neighbour ${i + 1}: sample ${sample}, labelled ${label}, distance ${far}`,
    };
    const click = () => mark(sample);
    if (!data.imageShape) return neighbourLine(sample, words, click);
    const canvas = makeCanvas(words.name);
    canvases.push([canvas, sample]);
    return neighbourTile(canvas, words, click);
  });
  const tiles = `display: grid; grid-template-columns: repeat(${found.index.length || 1}, minmax(0, 52px)); gap: 3px`;
  return {
    el: h("div", { style: data.imageShape ? tiles : null }, ...buttons),
    draw() {
      for (const [canvas, sample] of canvases) drawImage(canvas, data, sample);
    },
  };
}

function neighbourTile(canvas: Canvas, { name, label, colour }: Words, click: () => void): HTMLElement {
  const tile = button("", click, {
    "aria-label": name,
    title: name,
    style: "height: auto; min-width: 0; padding: 0; overflow: hidden",
  });
  tile.append(
    h("span", { style: "display: block; aspect-ratio: 1" }, canvas.el),
    h(
      "span",
      { style: `display: block; overflow: hidden; text-overflow: ellipsis; color: ${colour}` },
      label,
    ),
  );
  return tile;
}

function neighbourLine(sample: number, { name, label, colour, far }: Words, click: () => void): HTMLElement {
  const line = button("", click, {
    "aria-label": name,
    style: "display: flex; gap: 8px; width: 100%; height: 20px; padding: 0 4px; border: 0",
  });
  line.append(
    h("span", { style: "color: var(--clsviz-fg2)" }, `sample ${sample}`),
    h(
      "span",
      { style: `flex: 1; text-align: left; overflow: hidden; text-overflow: ellipsis; color: ${colour}` },
      label,
    ),
    h("span", { style: "color: var(--clsviz-fg2)" }, far),
  );
  return line;
}
