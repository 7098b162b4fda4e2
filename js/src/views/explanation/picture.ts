/** The pictures of the explanation view: maps as images or bars; deletion and insertion with what is left. */

import type { Curve } from "../../core/attribution";
import type { Walk } from "../../core/explained";
import { line, ring, text, ticks } from "../../draw/canvas";
import { type Colours, rgb } from "../../draw/theme";
import type { Thumbnails } from "../../draw/thumbnail";
import { type Axes, atX, atY, drawFrame, scaleOf } from "../loss/axes";
import { fitted } from "../loss/lettering";

type G = CanvasRenderingContext2D;

/** Blue speaks for the class, orange against it. */
const hues = (c: Colours) => ({ up: c.dark ? "#4aa3df" : "#0072b2", down: "#e69f00" });

/** One map over the features. `scale`: maps of one name share their largest size. */
export interface FeatureMap {
  title: string;
  detail: string;
  values: ArrayLike<number>;
  scale: string;
}

export interface MapsPicture {
  x: ArrayLike<number>;
  title: string; // of the sample
  label: number;
  maps: FeatureMap[];
  names: readonly string[]; // of the features
  shape: readonly [number, number] | null;
  order: ArrayLike<number>; // features, the first on top
  pictures: Thumbnails;
}

/** Largest size by scale. */
function sizes(maps: readonly FeatureMap[]): Map<string, number> {
  const out = new Map<string, number>();
  for (const { scale, values } of maps)
    out.set(
      scale,
      Array.from(values).reduce((most, v) => Math.max(most, Math.abs(v)), out.get(scale) ?? 0),
    );
  return out;
}

export function drawMaps(g: G, c: Colours, w: number, h: number, p: MapsPicture): void {
  if (p.shape) drawImages(g, c, w, h, p, p.shape);
  else drawBars(g, c, w, h, p);
}

const GAP = 12;

function drawImages(
  g: G,
  c: Colours,
  w: number,
  h: number,
  p: MapsPicture,
  shape: readonly [number, number],
): void {
  const s = scaleOf(g);
  const count = p.maps.length + 1;
  const head = 34 * s;
  const foot = 18 * s;
  const aspect = shape[0] / shape[1];
  const side = (columns: number) => {
    const rows = Math.ceil(count / columns);
    return Math.min((w - GAP * (columns - 1)) / columns, (h / rows - head - foot) / aspect);
  };
  const columns = Array.from({ length: count }, (_, i) => i + 1).reduce((a, b) =>
    side(b) > side(a) ? b : a,
  );
  const wide = Math.max(12, side(columns));
  const most = sizes(p.maps);
  const place = (i: number): [number, number] => [
    ((i % columns) * (w - wide)) / Math.max(1, columns - 1),
    Math.floor(i / columns) * (h / Math.ceil(count / columns)),
  ];
  const caption = (x: number, y: number, title: string, detail: string) => {
    const room = columns > 1 ? (w - wide) / (columns - 1) - 4 : w;
    g.font = `600 ${g.font}`;
    text(g, fitted(title, Math.max(wide, room - 8) / 1.08, g), x, y + 12 * s, { colour: c.fg, bold: true });
    text(g, fitted(detail, Math.max(wide, room - 8), g), x, y + 26 * s, { colour: c.fg2 });
  };
  const [x0, y0] = place(0);
  caption(x0, y0, p.title, "");
  p.pictures.draw(g, p.x, 0, p.label, x0, y0 + head, wide);
  p.maps.forEach((map, i) => {
    const [x, y] = place(i + 1);
    const size = most.get(map.scale) || 1;
    caption(x, y, map.title, map.detail);
    g.imageSmoothingEnabled = false;
    g.drawImage(signedImage(map.values, size, shape, c), x, y + head, wide, wide * aspect);
    g.strokeStyle = c.line;
    g.lineWidth = 1;
    g.strokeRect(x + 0.5, y + head + 0.5, wide - 1, wide * aspect - 1);
    scaleBar(g, c, x, y + head + wide * aspect + 5 * s, wide, size);
  });
}

function signedImage(
  values: ArrayLike<number>,
  size: number,
  [rows, columns]: readonly [number, number],
  c: Colours,
): HTMLCanvasElement {
  const { up, down } = hues(c);
  const [high, low, middle] = [rgb(up), rgb(down), rgb(c.bg)];
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const t = Math.max(-1, Math.min(1, values[i]! / size));
    const end = t > 0 ? high : low;
    for (let q = 0; q < 3; q++) image.data[4 * i + q] = middle[q]! + (end[q]! - middle[q]!) * Math.abs(t);
    image.data[4 * i + 3] = 255;
  }
  const out = document.createElement("canvas");
  [out.width, out.height] = [columns, rows];
  out.getContext("2d")!.putImageData(image, 0, 0);
  return out;
}

const number = (v: number) => String(Number(v.toPrecision(2))).replace("-", "−");

/** From minus to plus the largest size, zero in the middle. */
function scaleBar(g: G, c: Colours, x: number, y: number, w: number, size: number): void {
  const s = scaleOf(g);
  const words = `±${number(size)}`;
  const room = Math.max(16, w - g.measureText(words).width - 6);
  const { up, down } = hues(c);
  const shades = g.createLinearGradient(x, 0, x + room, 0);
  [down, c.bg, up].forEach((colour, i) => {
    shades.addColorStop(i / 2, colour);
  });
  g.fillStyle = shades;
  g.fillRect(x, y, room, 7 * s);
  text(g, words, x + room + 5, y + 8 * s, { colour: c.fg2 });
}

const ROW = 18;

function drawBars(g: G, c: Colours, w: number, h: number, p: MapsPicture): void {
  const s = scaleOf(g);
  const head = 36 * s;
  const room = h - head - 14 * s;
  const rows = Math.min(p.order.length, Math.max(1, Math.floor(room / (ROW * s))));
  const step = Math.min(30 * s, room / rows);
  const names = Math.min(150 * s, w * 0.26);
  const numbers = 52 * s;
  const wide = (w - names - numbers) / p.maps.length;
  const most = sizes(p.maps);
  const { up, down } = hues(c);
  text(g, fitted(p.title, names + numbers - 8, g), 0, 12 * s, { colour: c.fg, bold: true });
  text(g, "feature", 0, 26 * s, { colour: c.fg2 });
  text(g, "value", names + numbers - 10, 26 * s, { colour: c.fg2, align: "right" });
  p.maps.forEach((map, m) => {
    const x = names + numbers + m * wide + 6;
    text(g, fitted(map.title, (wide - 10) / 1.08, g), x, 12 * s, { colour: c.fg, bold: true });
    text(g, fitted(map.detail, wide - 10, g), x, 26 * s, { colour: c.fg2 });
    const middle = x + (wide - 12) / 2;
    line(
      g,
      [
        [middle, head],
        [middle, head + rows * step],
      ],
      c.line,
    );
    text(g, `±${number(most.get(map.scale) || 1)}`, middle, head + rows * step + 12 * s, {
      align: "center",
      colour: c.fg2,
    });
  });
  for (let r = 0; r < rows; r++) {
    const i = p.order[r]!;
    const y = head + (r + 0.5) * step;
    text(g, fitted(p.names[i] ?? `feature ${i}`, names - 10, g), 0, y, { baseline: "middle", colour: c.fg });
    text(g, number(p.x[i]!), names + numbers - 10, y, { baseline: "middle", align: "right", colour: c.fg2 });
    p.maps.forEach((map, m) => {
      const half = (wide - 12) / 2;
      const middle = names + numbers + m * wide + 6 + half;
      const length = (half * map.values[i]!) / (most.get(map.scale) || 1);
      g.fillStyle = length > 0 ? up : down;
      g.fillRect(Math.min(middle, middle + length), y - step * 0.34, Math.abs(length), step * 0.68);
    });
  }
  if (rows < p.order.length)
    text(g, `and ${p.order.length - rows} more in the table`, 0, head + rows * step + 12 * s, {
      colour: c.fg2,
    });
}

export interface CurvesPicture {
  curves: Record<Walk, Curve>;
  axis: string;
  count: number; // features changed, where the pictures aside are
  aside: readonly { title: string; values: ArrayLike<number>; p: number }[];
  label: number;
  pictures: Thumbnails;
}

const ASIDE = 112; // px beside the curves for what is left of the sample

export function drawCurves(g: G, c: Colours, w: number, h: number, p: CurvesPicture): Axes {
  const s = scaleOf(g);
  const aside = ASIDE * s;
  const d = p.curves.deletion.p.length - 1;
  const at: Axes = {
    box: { x: 40 * s, y: 38 * s, w: Math.max(40, w - 58 * s - aside), h: Math.max(20, h - 70 * s) },
    xlim: [0, d],
    ylim: [0, 1],
  };
  const { box } = at;
  drawFrame(g, c, at, {
    title: "",
    x: fitted(p.axis, box.w + 20, g),
    xTicks: ticks(0, d, box.w < 180 * s ? 2 : 4)
      .filter(Number.isInteger)
      .map((v) => [v, String(v)] as const),
    yFormat: (v) => `${Number((100 * v).toPrecision(3))} %`,
  });
  const draw = (walk: Walk, colour: string, width: number, dash: number[]) =>
    line(
      g,
      Array.from(p.curves[walk].p, (v, i) => [atX(at, i), atY(at, v)] as const),
      colour,
      width,
      dash,
    );
  draw("random_deletion", c.gap, 1.25, [2, 3]);
  draw("random_insertion", c.fg, 1.25, [2, 3]);
  draw("deletion", c.gap, 2, []);
  draw("insertion", c.fg, 2, []);
  legend(g, c, box.x + box.w);
  const x = atX(at, p.count);
  line(
    g,
    [
      [x, box.y - 4],
      [x, box.y + box.h],
    ],
    c.accent,
    2,
  );
  for (const walk of ["deletion", "insertion"] as const)
    ring(g, x, atY(at, p.curves[walk].p[p.count]!), c, 4.5);
  const half = h / 2;
  const left = w - aside + 8 * s;
  const wide = Math.max(16, Math.min(aside - 8 * s, (half - 38 * s) / p.pictures.aspect));
  p.aside.forEach(({ title, values, p: probability }, i) => {
    const top = i * half;
    text(g, fitted(title, aside - 8 * s, g), left, top + 11 * s, { colour: c.fg2 });
    text(g, `p = ${probability.toFixed(2)}`, left, top + 26 * s, { colour: c.fg, bold: true });
    p.pictures.draw(g, values, 0, p.label, left, top + 32 * s, wide);
  });
  return at;
}

function legend(g: G, c: Colours, width: number): void {
  const s = scaleOf(g);
  const half = width / 2;
  for (const [words, colour, dash, x, y] of [
    ["deletion", c.gap, [], 0, 0],
    ["insertion", c.fg, [], half, 0],
    ["random order, likewise", c.fg2, [2, 3], 0, 14 * s],
  ] as const) {
    line(
      g,
      [
        [x, y + 8 * s],
        [x + 18 * s, y + 8 * s],
      ],
      colour,
      2,
      [...dash],
    );
    const room = (y > 0 ? width : half) - 22 * s;
    text(g, fitted(words, Math.max(10, room), g), x + 22 * s, y + 12 * s, { colour: c.fg });
  }
}
