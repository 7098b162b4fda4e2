/** A sample or prototype as a small picture: image, bar profile of a table row, or place in a scatter. */

import type { Dataset } from "../core/session";
import { line, mark } from "./canvas";
import { type Colours, classColour, rgb } from "./theme";

/** Standard deviations from the mean that fill half of a profile's height. */
const PROFILE_SPAN = 2.5;
const SCATTER_DOTS = 300;
const KEPT = 200; // small pictures

export interface Thumbnails {
  /** Height of a picture as a share of its width. */
  aspect: number;
  widest: number; // px: larger says nothing more
  /** Draws the vector at `from` of `values`, which is (or stands for) class `c`. */
  draw(
    g: CanvasRenderingContext2D,
    values: ArrayLike<number>,
    from: number,
    c: number,
    x: number,
    y: number,
    w: number,
  ): void;
  /** The features in words: "petal length (cm) 1.46 (-1.30 sd)". */
  words(values: ArrayLike<number>, from: number): string;
}

/** How the samples of a data set are pictured; `rows` are those the scale is taken from. */
export function thumbnails(data: Dataset, rows: ArrayLike<number>, c: Colours): Thumbnails {
  if (data.imageShape) return images(data, rows, data.imageShape, c);
  return data.d === 2 ? scatters(data, rows, c) : profiles(data, rows, c);
}

function images(data: Dataset, rows: ArrayLike<number>, shape: [number, number], c: Colours): Thumbnails {
  const [low, high] = range(data, rows, null);
  const [ink, paper] = [rgb(c.fg), rgb(c.bg)];
  const [height, width] = shape;
  const made = new WeakMap<object, Map<number, HTMLCanvasElement>>();
  const picture = (values: ArrayLike<number>, from: number): HTMLCanvasElement => {
    const kept = made.get(values) ?? new Map<number, HTMLCanvasElement>();
    made.set(values, kept);
    const small = kept.get(from) ?? paint(values, from);
    if (kept.size > KEPT) kept.clear();
    kept.set(from, small);
    return small;
  };
  const paint = (values: ArrayLike<number>, from: number): HTMLCanvasElement => {
    const image = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const v = Math.min(1, Math.max(0, (values[from + i]! - low) / (high - low || 1)));
      for (let q = 0; q < 3; q++) image.data[4 * i + q] = paper[q]! + (ink[q]! - paper[q]!) * v;
      image.data[4 * i + 3] = 255;
    }
    const small = document.createElement("canvas");
    [small.width, small.height] = [width, height];
    small.getContext("2d")!.putImageData(image, 0, 0);
    return small;
  };
  return {
    aspect: height / width,
    widest: 58,
    draw(g, values, from, _class, x, y, w) {
      g.imageSmoothingEnabled = false;
      g.drawImage(picture(values, from), x, y, w, (w * height) / width);
      frame(g, x, y, w, (w * height) / width, c);
    },
    words: () => "",
  };
}

function profiles(data: Dataset, rows: ArrayLike<number>, c: Colours): Thumbnails {
  const { d, X, featureNames } = data;
  const mean = new Float64Array(d);
  const deviation = new Float64Array(d);
  for (let i = 0; i < rows.length; i++)
    for (let j = 0; j < d; j++) mean[j]! += X[rows[i]! * d + j]! / rows.length;
  for (let i = 0; i < rows.length; i++)
    for (let j = 0; j < d; j++) deviation[j]! += (X[rows[i]! * d + j]! - mean[j]!) ** 2 / rows.length;
  const standard = (values: ArrayLike<number>, from: number, j: number) =>
    deviation[j]! > 0 ? (values[from + j]! - mean[j]!) / Math.sqrt(deviation[j]!) : 0;
  return {
    aspect: 0.5,
    widest: 150,
    draw(g, values, from, _class, x, y, w) {
      const height = w / 2;
      const middle = y + height / 2;
      const wide = (w - 4) / d;
      g.fillStyle = c.bar2;
      for (let j = 0; j < d; j++) {
        const z = Math.min(PROFILE_SPAN, Math.max(-PROFILE_SPAN, standard(values, from, j)));
        const tall = (z / PROFILE_SPAN) * (height / 2 - 2);
        const gap = wide > 4 ? 1 : 0;
        g.fillRect(
          x + 2 + j * wide + gap / 2,
          Math.min(middle, middle - tall),
          Math.max(0.6, wide - gap),
          Math.max(0.6, Math.abs(tall)),
        );
      }
      line(
        g,
        [
          [x, middle],
          [x + w, middle],
        ],
        c.fg2,
        0.75,
      );
      frame(g, x, y, w, height, c);
    },
    words: (values, from) =>
      Array.from({ length: d }, (_, j) => {
        const z = standard(values, from, j);
        return `${featureNames[j] ?? `feature ${j}`} ${Number(values[from + j]!.toPrecision(3))} (${z < 0 ? "−" : "+"}${Math.abs(z).toFixed(2)} sd)`;
      }).join("\n"),
  };
}

function scatters(data: Dataset, rows: ArrayLike<number>, c: Colours): Thumbnails {
  const { X, y: labels } = data;
  const [x0, x1] = range(data, rows, 0);
  const [y0, y1] = range(data, rows, 1);
  const every = Math.max(1, Math.floor(rows.length / SCATTER_DOTS));
  return {
    aspect: 1,
    widest: 104,
    draw(g, values, from, own, x, y, w) {
      const margin = 5;
      const to = (X: ArrayLike<number>, at: number) =>
        [
          x + margin + ((X[at]! - x0) / (x1 - x0 || 1)) * (w - 2 * margin),
          y + w - margin - ((X[at + 1]! - y0) / (y1 - y0 || 1)) * (w - 2 * margin),
        ] as const;
      g.save();
      g.beginPath();
      g.rect(x, y, w, w);
      g.clip();
      for (let i = 0; i < rows.length; i += every) {
        const row = rows[i]!;
        g.globalAlpha = labels[row] === own ? 0.7 : 0.25;
        g.fillStyle = labels[row] === own ? classColour(own, c.dark) : c.bar;
        const [px, py] = to(X, row * 2);
        g.fillRect(px - 0.75, py - 0.75, 1.5, 1.5);
      }
      g.globalAlpha = 1;
      mark(g, own, ...to(values, from), Math.min(6, w / 9), classColour(own, c.dark), c.fg, 1.5);
      g.restore();
      frame(g, x, y, w, w, c);
    },
    words: (values, from) =>
      [0, 1]
        .map((j) => `${data.featureNames[j] ?? `feature ${j}`} ${Number(values[from + j]!.toPrecision(3))}`)
        .join("\n"),
  };
}

function frame(g: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, c: Colours): void {
  g.strokeStyle = c.line;
  g.lineWidth = 1;
  g.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
}

/** Lowest and highest value of one feature, or of all. */
function range(data: Dataset, rows: ArrayLike<number>, feature: number | null): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const { X, d } = data;
  for (let i = 0; i < rows.length; i++) {
    for (let j = feature ?? 0; j < (feature === null ? d : feature + 1); j++) {
      low = Math.min(low, X[rows[i]! * d + j]!);
      high = Math.max(high, X[rows[i]! * d + j]!);
    }
  }
  return [low, high];
}
