/** Beside and below the tiles: class weights of the chosen prototype, and what the marked sample looks like. */

import { similarity, squaredDistance } from "../../core/gallery";
import type { Dataset } from "../../core/session";
import { argmax, softmaxRow } from "../../core/softmax";
import { line, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import type { Thumbnails } from "../../draw/thumbnail";
import type { Gallery } from "./numbers";
import { drawProbs } from "./tile";

/** Signed class weights about a zero line; the one that names the prototype's class in ink. */
export function drawWeights(
  g: CanvasRenderingContext2D,
  weights: ArrayLike<number>,
  own: number,
  w: number,
  h: number,
  c: Colours,
): void {
  let most = 1e-12;
  for (let k = 0; k < weights.length; k++) most = Math.max(most, Math.abs(weights[k]!));
  const wide = w / weights.length;
  const middle = (h - 12) / 2;
  for (let k = 0; k < weights.length; k++) {
    const tall = (weights[k]! / most) * (middle - 2);
    g.fillStyle = k === own ? c.fg : c.bar;
    g.fillRect(k * wide + 1, Math.min(middle, middle - tall), Math.max(1, wide - 2), Math.abs(tall));
  }
  line(
    g,
    [
      [0, middle],
      [w, middle],
    ],
    c.fg2,
    0.75,
  );
}

/** Larger bars of the chosen prototype's probabilities, classes named below where there is room. */
export function drawChosenProbs(
  g: CanvasRenderingContext2D,
  probs: ArrayLike<number>,
  own: number,
  w: number,
  h: number,
  c: Colours,
): void {
  drawProbs(g, probs, own, 0, h - 13, w, h - 16, c);
}

/** Names of the classes under bars of the same width. */
export function nameClasses(
  g: CanvasRenderingContext2D,
  names: readonly string[],
  own: number,
  w: number,
  h: number,
  c: Colours,
): void {
  const wide = w / names.length;
  names.forEach((name, k) => {
    const fits = name.length * 6 <= wide;
    const initial = names.length <= 12 ? name.slice(0, Math.max(1, Math.floor(wide / 6.5))) : "";
    text(g, fits ? name : initial, (k + 0.5) * wide, h - 2, {
      align: "center",
      size: 10,
      bold: k === own,
      colour: k === own ? c.fg : c.fg2,
    });
  });
}

export interface MarkedSample {
  sample: number;
  logits: Float32Array; // (k,)
  temperature: number;
  chosen: number;
}

/** Probability of the network's guess. */
export const confidenceOf = ({ logits, temperature }: MarkedSample): number =>
  softmaxRow(logits, 0, logits.length, temperature)[argmax(logits)]!;

const SHOWN_SIMILAR = 8;

/** Distances and similarities of one sample to all prototypes, the most similar first. */
export function similarities(
  gallery: Gallery,
  data: Dataset,
  sample: number,
): { p: number; value: number }[] {
  const { P, scale } = gallery;
  return Array.from({ length: P.m }, (_, p) => ({
    p,
    value: similarity(squaredDistance(data.X, sample * P.d, P.vectors, p * P.d, P.d), scale),
  })).sort((a, b) => b.value - a.value);
}

export function drawMarked(
  g: CanvasRenderingContext2D,
  gallery: Gallery,
  data: Dataset,
  thumbs: Thumbnails,
  m: MarkedSample,
  w: number,
  h: number,
  c: Colours,
): void {
  const size = Math.min(60, thumbs.widest);
  thumbs.draw(g, data.X, m.sample * data.d, data.y[m.sample]!, 1, 2, size);
  const guess = argmax(m.logits);
  const label = data.y[m.sample]!;
  const confidence = confidenceOf(m);
  const name = (k: number) => shorten(data.classNames[k] ?? String(k), 14);
  const right = guess === label;
  const x = size + 10;
  text(g, `sample ${m.sample}`, x, 13, { bold: true, colour: c.fg });
  text(g, `class ${name(label)}`, x, 28, { colour: c.fg2 });
  text(g, `network: ${name(guess)}`, x, 43, { bold: !right, colour: right ? c.fg2 : c.gap });
  text(g, `confidence ${confidence.toFixed(2)}`, x, 58, { colour: c.fg2 });
  text(g, "similarity to prototypes", 0, 84, { colour: c.fg2 });
  const list = similarities(gallery, data, m.sample).slice(
    0,
    Math.min(SHOWN_SIMILAR, Math.floor((h - 90) / 18)),
  );
  const names = gallery.names.map((n) => shorten(n, 9));
  const wide = Math.min(58, Math.max(...names.map((n) => n.length)) * 6 + 8);
  list.forEach(({ p, value }, i) => {
    const y = 91 + i * 18;
    text(g, names[p]!, 0, y + 10, { bold: p === m.chosen, colour: c.fg });
    g.fillStyle = c.grid;
    g.fillRect(wide, y + 1, w - wide - 34, 11);
    g.fillStyle = gallery.P.classes[p] === label ? c.fg : c.bar;
    g.fillRect(wide, y + 1, (w - wide - 34) * value, 11);
    text(g, value.toFixed(2), w - 1, y + 10, { align: "right", colour: c.fg2 });
  });
}

export const shorten = (name: string, most: number): string =>
  name.length <= most ? name : `${name.slice(0, most - 1)}…`;
