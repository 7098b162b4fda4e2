/** Draws the boundary: field, lines, samples, and the angle between centroid direction and normal. */

import { dot, norm, plus } from "../../core/linalg";
import { planeLift, projectPoint } from "../../core/plane";
import { type Canvas, line, mark, ring, text, ticks } from "../../draw/canvas";
import { clipTo, placeField, strokeIn } from "../../draw/field";
import { type Box, drawScale } from "../../draw/heatmap";
import { fontOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";
import type { ShownField } from "./fields";
import { drawLetter, drawSamples, MARKS, styleOf } from "./samples";
import type { Scene, View } from "./scene";

type G = CanvasRenderingContext2D;
type Point = readonly [number, number];

export const PLOT = { left: 34, right: 2, top: 20, bottom: 32 };
const ARROW = 0.8; // of the half height of the plot
const CELL_INK = 0.55; // opacity of the cells' borders: there are many
const SHADE_INK = 0.65; // of the shades: names of classes must be read on dark blue and on yellow
const SCALE = { w: 104, h: 8 }; // px of the colour bar
const SHORTEST = 32; // px of the arrows where they stand close to the edge

export function plotBox(w: number, h: number): Box {
  const { left, right, top, bottom } = PLOT;
  return { x: left, y: top, w: Math.max(40, w - left - right), h: Math.max(40, h - top - bottom) };
}

/** Hues by class of the field. */
export function fieldHues(scene: Scene, dark: boolean): string[] {
  const style = styleOf(scene, dark);
  const classes = scene.restricted ? [scene.pair.a, scene.pair.b] : scene.data.classNames.map((_, k) => k);
  return classes.map((k) => style(k).hue);
}

export interface Drawing {
  scene: Scene;
  view: View;
  shown: ShownField | null;
  pinned: Path2D | null; // border of the pinned network
  selected: Uint8Array | null; // by sample
  lasso: Point[];
  focus: boolean; // the handle is under the pointer
  certified: Certified | null; // of the marked sample
  scale: { low: string; high: string } | null; // of the shades, where they are no confidence
  corner: number; // px at the right of the legend that a button takes
}

/** How far round the marked sample its class provably stays. */
export interface Certified {
  radius: number;
  off: number; // how far the sample lies off the plane
  by: string; // in words
}

/** Radius of the circle that the plane cuts out of the ball; 0 where the ball does not reach it. */
export const circleOf = ({ radius, off }: Certified): number =>
  Math.sqrt(Math.max(0, radius ** 2 - off ** 2));

/** How far a sample lies off the plane. */
export function offPlane({ plane, data }: Scene, sample: number): number {
  const x = data.X.subarray(sample * data.d, (sample + 1) * data.d);
  const off = norm(plus(x, -1, planeLift(plane, ...projectPoint(plane, x))));
  return off < 1e-6 * Math.max(1, Math.sqrt(dot(x, x))) ? 0 : off; // rounding of float32 inputs
}

/** Draws all of it; returns where the handle stands, or null without one. */
export function drawBoundary(canvas: Canvas, g: G, c: Colours, d: Drawing): Point | null {
  const { scene, shown, view, selected, lasso, focus, corner } = d;
  const { x, y, w } = view.box;
  if (shown) drawField(g, c, d, shown);
  else text(g, "the field is being computed", x + w / 2, y + 14, { align: "center", colour: c.fg2 });
  if (d.pinned) strokeIn(g, d.pinned, view.box, { colour: c.fg, width: 1.75 });
  canvas.layer("samples", [scene, c, selected], (to) => {
    to.save();
    clipTo(to, view.box);
    drawSamples(to, c, scene, view, selected);
    to.restore();
  });
  canvas.layer("marks", [scene, c, focus, corner, d.certified, d.scale], (to) => drawMarks(to, c, d));
  g.save();
  clipTo(g, view.box);
  drawLasso(g, c, lasso);
  g.restore();
  return scene.turning ? angleOf(d).handle : null;
}

/** All that lies over the samples. */
function drawMarks(g: G, c: Colours, d: Drawing): void {
  const { scene, view } = d;
  const { box } = view;
  g.save();
  clipTo(g, box);
  if (scene.turning || scene.restricted) drawCentroids(g, c, d);
  if (!scene.attack) drawMarked(g, c, d); // under the words at the arrows
  if (scene.turning) drawAngle(g, c, d);
  if (scene.kind === "points") drawThree(g, c, d);
  if (scene.attack) {
    drawAttack(g, c, d);
    drawMarked(g, c, d);
  }
  if (d.scale) drawShadeScale(g, c, box, d.scale);
  g.restore();
  g.strokeStyle = c.line;
  g.lineWidth = 1;
  g.strokeRect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1);
  drawAxes(g, c, d);
  drawLegend(g, c, d);
}

function drawField(g: G, c: Colours, { view }: Drawing, shown: ShownField): void {
  g.globalAlpha = shown.score ? SHADE_INK : 1;
  placeField(g, shown.image, view.box);
  g.globalAlpha = 1;
  const cells = shown.cellLines(view.box);
  if (cells) {
    g.globalAlpha = CELL_INK;
    if (shown.score) strokeIn(g, cells, view.box, { colour: c.bg, width: 2 }); // dark shades would swallow them
    strokeIn(g, cells, view.box, { colour: c.fg, width: 0.75 });
    g.globalAlpha = 1;
  }
  if (shown.score) strokeIn(g, shown.line(view.box), view.box, { colour: c.bg, width: 5 });
  else strokeIn(g, shown.sureLine(view.box), view.box, { colour: c.fg2, width: 1 });
  strokeIn(g, shown.line(view.box), view.box, { colour: c.fg, width: 2.25 });
}

function drawCentroids(g: G, c: Colours, { scene, view }: Drawing): void {
  const { pair, plane } = scene;
  const { a, b } = pair.centroids;
  const style = styleOf(scene, c.dark);
  for (const [k, mean] of [
    [pair.a, a],
    [pair.b, b],
  ] as const) {
    const [s, t] = projectPoint(plane, mean);
    mark(g, style(k).shape, view.x(s), view.y(t), 7, style(k).hue, c.fg, 2);
  }
}

/** The samples that span the plane, numbered in their order. */
function drawThree(g: G, c: Colours, { scene, view }: Drawing): void {
  const corners = scene.plane.coords!.map(([s, t]): Point => [view.x(s), view.y(t)]);
  line(g, [...corners, corners[0]!], c.fg, 1, [2, 3]);
  corners.forEach(([x, y], i) => {
    g.beginPath();
    g.arc(x, y, 8, 0, 2 * Math.PI);
    g.fillStyle = c.fg;
    g.fill();
    text(g, String(i + 1), x, y + 0.5, { align: "center", baseline: "middle", bold: true, colour: c.bg });
  });
}

function drawMarked(g: G, c: Colours, { scene, view, certified }: Drawing): void {
  const { marked, data, pair, plane, restricted } = scene;
  if (marked === null || (restricted && data.y[marked] !== pair.a && data.y[marked] !== pair.b)) return;
  const [s, t] = projectPoint(plane, data.X.subarray(marked * data.d, (marked + 1) * data.d));
  const k = data.y[marked]!;
  const r = scene.rows.indexOf(marked);
  if (r < 0)
    mark(
      g,
      styleOf(scene, c.dark)(k).shape,
      view.x(s),
      view.y(t),
      4,
      styleOf(scene, c.dark)(k).hue,
      c.fg,
      1.5,
    );
  if (certified && certified.radius < Number.POSITIVE_INFINITY && circleOf(certified) > 0)
    drawCircle(g, c, view, [view.x(s), view.y(t)], circleOf(certified));
  ring(g, view.x(s), view.y(t), c, 8);
}

/** The way of the attack: the sample, its steps, where it ends, and the sample that the second axis points to. */
function drawAttack(g: G, c: Colours, { scene, view }: Drawing): void {
  const { attack, data, plane } = scene;
  const { path, neighbour, called } = attack!;
  const way = path.map((p): Point => {
    const [s, t] = projectPoint(plane, p); // of two features the plane is that of the data
    return [view.x(s), view.y(t)];
  });
  line(g, way, c.bg, 5);
  line(g, way, c.fg, 2.25);
  for (const [x, y] of way.slice(1, -1)) mark(g, 0, x, y, 3, c.fg, c.bg, 1.5);
  const [start, end] = [way[0]!, way[way.length - 1]!];
  const beyond = way[way.length - 2]!;
  const angle = Math.atan2(end[1] - beyond[1], end[0] - beyond[0]);
  arrow(g, c, beyond, end, angle, []);
  const note = (words: string, [x, y]: Point, up: number) =>
    text(g, words, x, y + up, { align: "center", bold: true, colour: c.fg, halo: c.halo });
  // the way may be short: each word stands on its own side of it
  const [lower, upper] = [24, -13];
  const climbs = end[1] < start[1] - 1;
  note(`start: ${shorten(data.classNames[called[0]]!)}`, start, climbs ? lower : upper);
  note(`end: ${shorten(data.classNames[called[1]]!)}`, end, climbs ? upper : lower);
  if (data.d === 2) return; // two features need no second axis
  const near = projectPoint(plane, data.X.subarray(neighbour * data.d, (neighbour + 1) * data.d));
  const k = data.y[neighbour]!;
  const [x, y] = [view.x(near[0]), view.y(near[1])];
  const style = styleOf(scene, c.dark)(k);
  mark(g, style.shape, x, y, 6, style.hue, c.fg, 2);
  const side = x > view.box.x + view.box.w / 2 ? -1 : 1;
  text(g, `nearest ${shorten(data.classNames[k]!)}`, x + 11 * side, y + 4, {
    align: side > 0 ? "left" : "right",
    colour: c.fg,
    halo: c.halo,
  });
}

/** The circle in which the marked sample's class is proved to stay. */
function drawCircle(g: G, c: Colours, view: View, at: Point, radius: number): void {
  const [rx, ry] = [view.x(radius) - view.x(0), view.y(0) - view.y(radius)];
  for (const [colour, width, dash] of [
    [c.bg, 4, []],
    [c.fg, 1.75, [6, 3]],
  ] as const) {
    g.beginPath();
    g.ellipse(at[0], at[1], rx, ry, 0, 0, 2 * Math.PI);
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.setLineDash([...dash]);
    g.stroke();
  }
  g.setLineDash([]);
}

/** The colour bar in the corner of the plot, on a plate of its own. */
function drawShadeScale(g: G, c: Colours, box: Box, { low, high }: { low: string; high: string }): void {
  const [x, y] = [box.x + 10, box.y + box.h - SCALE.h - 20];
  g.fillStyle = c.bg;
  g.fillRect(x - 6, y - 6, SCALE.w + 12, SCALE.h + 24);
  drawScale(g, c, { x, y, ...SCALE }, low, high, SHADE_INK);
}

interface Angle {
  from: Point;
  zero: number; // direction of the centroids on the canvas, radians
  turned: number; // of the normal
  length: number; // px of the arrows
  handle: Point;
}

function angleOf({ scene, view }: Drawing): Angle {
  const { plane, rule, trained, pair } = scene;
  const { box } = view;
  const [s, t] = projectPoint(plane, trained.through);
  const from: Point = [view.x(s), view.y(t)];
  const direction = (v: Float64Array): number => {
    let [du, dv] = [0, 0];
    v.forEach((value, i) => {
      du += value * plane.u[i]!;
      dv += value * plane.v[i]!;
    });
    return Math.atan2(view.y(t + dv) - from[1], view.x(s + du) - from[0]);
  };
  const [zero, turned] = [direction(pair.centroids.z), direction(rule.w)];
  // as long as both fit into the picture
  const length = Math.max(
    SHORTEST,
    Math.min((ARROW * box.h) / 2, room(box, from, zero), room(box, from, turned)),
  );
  return { from, zero, turned, length, handle: along(from, turned, length) };
}

const along = (from: Point, angle: number, reach: number): Point => [
  from[0] + reach * Math.cos(angle),
  from[1] + reach * Math.sin(angle),
];

/** Arrows along the centroids (dashed) and the normal, the arc between them, the handle that turns it. */
function drawAngle(g: G, c: Colours, d: Drawing): void {
  const { focus, scene, view } = d;
  const { rule } = scene;
  const { box } = view;
  const { from, zero, turned, length, handle } = angleOf(d);
  const end = (angle: number, reach: number) => along(from, angle, reach);
  arrow(g, c, from, end(zero, length), zero, [5, 3]);
  arrow(g, c, from, handle, turned, []);

  const sweep = Math.atan2(Math.sin(turned - zero), Math.cos(turned - zero));
  const radius = length * 0.42;
  for (const [colour, width] of [
    [c.bg, 4],
    [c.fg, 1.5],
  ] as const) {
    g.beginPath();
    g.arc(from[0], from[1], radius, zero, zero + sweep, sweep < 0);
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.stroke();
  }
  const middle = end(zero + sweep / 2, radius + 7);
  const below = Math.abs(sweep) < 0.35; // a small angle leaves no room inside
  text(
    g,
    `${rule.angle.toFixed(1)}°`,
    below ? end(zero, radius)[0] : middle[0],
    middle[1] + (below ? (sweep <= 0 ? 16 : -8) : 4),
    {
      bold: true,
      size: 13,
      colour: c.fg,
      halo: c.halo,
    },
  );

  g.beginPath();
  g.arc(handle[0], handle[1], 8, 0, 2 * Math.PI);
  g.fillStyle = c.bg;
  g.fill();
  g.strokeStyle = focus ? c.accent : c.fg;
  g.lineWidth = focus ? 3 : 2.25;
  g.stroke();
  text(g, "↻", handle[0], handle[1] + 0.5, { align: "center", baseline: "middle", bold: true, colour: c.fg });
  const far = handle[0] > box.x + box.w * 0.58;
  const [aside, above] = below ? [far ? 8 : -8, -14] : [far ? -13 : 13, 3];
  text(g, "normal: drag to tilt", handle[0] + aside, handle[1] + above, {
    align: far ? "right" : "left",
    colour: c.fg,
    halo: c.halo,
  });
  const drop = sweep <= 0 ? 1 : -1; // the words stand away from the normal
  const foot = end(zero, length * 0.8);
  const words: Point = [foot[0] - 26 * drop * Math.sin(zero), foot[1] + 26 * drop * Math.cos(zero)];
  line(g, [foot, words], c.fg2);
  const inside = (v: number, low: number, high: number) => Math.min(high, Math.max(low, v));
  const x = inside(words[0], box.x + 56, box.x + box.w - 56);
  const y = inside(words[1] + (words[1] > foot[1] ? 11 : -3), box.y + 12, box.y + box.h - 5);
  text(g, "centroid direction", x, y, { align: "center", colour: c.fg, halo: c.halo });
}

/** Pixels from a point to the edge of the box in a direction, less the size of a handle. */
function room(box: Box, [x, y]: Point, angle: number): number {
  const along = (from: number, low: number, size: number, step: number) =>
    Math.abs(step) < 1e-9 ? Number.POSITIVE_INFINITY : ((step > 0 ? low + size : low) - from) / step;
  const edge = Math.min(along(x, box.x, box.w, Math.cos(angle)), along(y, box.y, box.h, Math.sin(angle)));
  return edge - 14;
}

function arrow(g: G, c: Colours, from: Point, to: Point, angle: number, dash: number[]): void {
  line(g, [from, to], c.bg, 5);
  line(g, [from, to], c.fg, 2.25, dash);
  const point = (reach: number, turn: number): Point => [
    to[0] + reach * Math.cos(angle + turn),
    to[1] + reach * Math.sin(angle + turn),
  ];
  g.beginPath();
  for (const [x, y] of [point(8, 0), point(-4, -1.2), point(-4, 1.2)]) g.lineTo(x, y);
  g.closePath();
  g.fillStyle = c.fg;
  g.fill();
}

function drawLasso(g: G, c: Colours, lasso: Point[]): void {
  if (lasso.length < 2) return;
  line(g, [...lasso, lasso[0]!], c.bg, 3);
  line(g, [...lasso, lasso[0]!], c.fg, 1.25, [4, 3]);
}

export function axisTitles({ kind, data, attack }: Scene): [string, string] {
  if (data.d === 2) return [data.featureNames[0] ?? "feature 1", data.featureNames[1] ?? "feature 2"];
  if (kind === "pca") return ["principal direction 1 (input units)", "principal direction 2"];
  if (kind === "lda")
    return data.k > 2
      ? ["first discriminant (input units)", "second discriminant"]
      : ["discriminant (input units)", "most spread across it"];
  if (kind === "attack" && attack)
    return [
      "along the attack (input units)",
      `towards the nearest ${shorten(data.classNames[data.y[attack.neighbour]!]!)}`,
    ];
  if (kind === "points" || kind === "attack")
    return ["from sample 1 to sample 2 (input units)", "towards sample 3"];
  return ["along the centroids (input units)", "across, in the normal’s plane"];
}

function drawAxes(g: G, c: Colours, { scene, view }: Drawing): void {
  const { box } = view;
  const [across, up] = axisTitles(scene);
  const style = { colour: c.fg2 };
  for (const s of ticks(view.xlim[0], view.xlim[1], 4)) {
    const x = view.x(s);
    if (x > box.x + 6 && x < box.x + box.w - 6)
      text(g, shortTick(s), x, box.y + box.h + 13, { ...style, align: "center" });
  }
  for (const t of ticks(view.ylim[0], view.ylim[1], 3)) {
    const y = view.y(t);
    if (y > box.y + 6 && y < box.y + box.h - 4)
      text(g, shortTick(t), box.x - 4, y + 4, { ...style, align: "right" });
  }
  text(g, across, box.x + box.w / 2, box.y + box.h + 28, { ...style, align: "center" });
  text(g, up, 9, box.y + box.h / 2, { ...style, align: "center", rotate: -Math.PI / 2 });
}

const shortTick = (v: number) => (Math.abs(v) >= 1e4 ? v.toExponential(0) : String(v)).replace("-", "−");

/** Names beside marks above the plot; what does not fit is left out, from the right. */
function drawLegend(g: G, c: Colours, { scene, view, corner, scale }: Drawing): void {
  const { data, restricted, pair } = scene;
  const y = 9;
  let x = view.box.x;
  let full = false;
  const style = styleOf(scene, c.dark);
  const entry = (width: number, name: string, draw: (x: number) => void) => {
    g.font = `11px ${fontOf(g.canvas).family}`;
    const need = width + 4 + g.measureText(name).width;
    if (full || x + need > view.box.x + view.box.w - corner - 4) {
      full = true;
      return;
    }
    draw(x);
    text(g, name, x + width + 4, y + 4, { colour: c.fg2 });
    x += need + 12;
  };
  const hollow = (at: number, k: number) => mark(g, style(k).shape, at, y, 3.6, c.bg, c.fg, 1.5);
  const classes = restricted ? [pair.a, pair.b] : data.classNames.map((_, k) => k);
  if (classes.length <= MARKS) {
    for (const k of classes) {
      entry(9, shorten(data.classNames[k]!), (at) =>
        mark(g, style(k).shape, at + 5, y, 4.5, style(k).hue, c.dark ? "#0b0c0d" : "#30363d", 0.9),
      );
    }
    entry(20, "wrong", (at) => [hollow(at + 5, classes[0]!), hollow(at + 16, classes[1]!)]);
    entry(14, classes.length === 2 ? "p = 0.5" : "boundary", (at) =>
      line(
        g,
        [
          [at, y],
          [at + 14, y],
        ],
        c.fg,
        2.25,
      ),
    );
  } else {
    if (!scale) entry(0, "hue: class, strength: confidence", () => {});
    entry(14, "wrong", (at) => {
      g.font = `10px ${fontOf(g.canvas).family}`;
      g.textAlign = "center";
      g.textBaseline = "middle";
      drawLetter(g, c, data.classNames[0]!.slice(0, 2), at + 7, y, false);
    });
  }
  if (scale) return;
  entry(14, "0.9", (at) =>
    line(
      g,
      [
        [at, y],
        [at + 14, y],
      ],
      c.fg2,
      1,
    ),
  );
}

export const shorten = (name: string, most = 12) =>
  name.length > most ? `${name.slice(0, most - 1)}…` : name;
