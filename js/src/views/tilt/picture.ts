/** The pictures of the tilt view: error, strength and distance over the angle. */

import { type Measured, type Moment, type TheoryCurve, WIDEST } from "../../core/tiltcurve";
import { line, mark, ring, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, roundUp, scaleOf } from "../loss/axes";
import { fitted } from "../loss/lettering";
import { hatch } from "../reliability/marks";
import { TYPES } from "./words";

type G = CanvasRenderingContext2D;

export interface TiltPicture {
  curve: TheoryCurve;
  sample: Measured[]; // at the curve's degrees
  path: Measured[];
  epochs: Moment[];
  now: { degrees: number; measured: Measured };
  half: number; // half the centroids' distance
}

const ANGLES = [-85, -60, -30, 0, 30, 60, 85].map((v) => [v, `${v}°`.replace("-", "−")] as const);
const FEW_ANGLES = ANGLES.filter(([v]) => v % 2 || v === 0);
const WEAKEST = 12; // strength where the axis ends, as 1 / cos 85°

/** Where an angle stands; what lies beyond the axis stands at its end. */
const placeX = (at: Axes, degrees: number) => atX(at, Math.min(WIDEST, Math.max(-WIDEST, degrees)));
const placeY = (at: Axes, v: number) => atY(at, Math.min(at.ylim[1], Math.max(at.ylim[0], v)));

export function drawErrors(g: G, c: Colours, w: number, h: number, p: TiltPicture): Axes {
  const s = scaleOf(g);
  const seen = [...p.curve.theory, ...[...p.sample, ...p.path, p.now.measured].map((m) => m.error)];
  const at: Axes = {
    box: { x: 44 * s, y: 38 * s, w: Math.max(40, w - 54 * s), h: Math.max(20, h - 70 * s) },
    xlim: [-WIDEST, WIDEST],
    ylim: [0, roundUp(Math.max(0.02, ...seen.filter(Number.isFinite)) * 1.05)],
  };
  const { box } = at;
  drawZones(g, c, at, p.curve);
  drawFrame(g, c, at, {
    title: "error",
    x: fitted("angle off the centroid direction: drag to turn", box.w, g),
    xTicks: box.w < 330 * s ? FEW_ANGLES : ANGLES,
    yFormat: (v) => `${Number((100 * v).toPrecision(3))} %`,
  });
  const { degrees, theory, best, least } = p.curve;
  const curve = (values: ArrayLike<number>, colour: string, dash: number[]) =>
    line(
      g,
      Array.from(degrees, (v, i) => [placeX(at, v), placeY(at, values[i]!)] as const),
      colour,
      2,
      dash,
    );
  curve(
    p.sample.map((m) => m.error),
    c.gap,
    [],
  );
  curve(theory, c.fg, [6, 4]);
  drawMeasured(g, c, at, p, (m) => m.error);
  const x = placeX(at, best);
  line(
    g,
    [
      [x, box.y + box.h],
      [x, placeY(at, least)],
    ],
    c.fg,
    1,
    [2, 3],
  );
  mark(g, 3, x, placeY(at, least), 5, c.bg, c.fg, 1.75);
  legend(g, c, w, s);
  drawNow(g, c, at, p, p.now.measured.error);
  return at;
}

/** The kinds of adversarial examples, shaded and named. */
function drawZones(g: G, c: Colours, at: Axes, { degrees, types }: TheoryCurve): void {
  const { box } = at;
  const s = scaleOf(g);
  for (let from = 0; from < degrees.length; ) {
    let to = from;
    while (to + 1 < degrees.length && types[to + 1] === types[from]) to++;
    const [x0, x1] = [
      atX(at, Math.max(-WIDEST, degrees[from]! - 0.5)),
      atX(at, Math.min(WIDEST, degrees[to]! + 0.5)),
    ];
    const type = types[from]!;
    if (type > 0) {
      g.save();
      g.globalAlpha = type === 1 ? 0.16 : 0.3;
      g.fillStyle = c.bar;
      g.fillRect(x0, box.y, x1 - x0, box.h);
      g.globalAlpha = 0.35;
      const path = new Path2D();
      path.rect(x0, box.y, x1 - x0, box.h);
      if (type === 2) hatch(g, path, c.bar, { left: x0, top: box.y, right: x1, floor: box.y + box.h });
      g.restore();
    }
    const long = `${type}: ${TYPES[type]}`;
    g.font = `${11 * s}px sans-serif`;
    const said =
      g.measureText(long).width < x1 - x0 - 4 ? long : x1 - x0 > 44 * s ? `type ${type}` : String(type);
    if (x1 - x0 > 9 * s)
      text(g, said, (x0 + x1) / 2, box.y + 13 * s, { align: "center", colour: c.fg, halo: c.bg });
    from = to + 1;
  }
}

function drawMeasured(g: G, c: Colours, at: Axes, p: TiltPicture, value: (m: Measured) => number): void {
  const join = (points: readonly Measured[]) =>
    line(
      g,
      points.map((m) => [placeX(at, m.degrees), placeY(at, value(m))] as const),
      c.fg2,
      1,
    );
  join(p.path);
  for (const m of p.epochs) mark(g, 1, placeX(at, m.degrees), placeY(at, value(m)), 3.5, c.bg, c.fg, 1.25);
  for (const m of p.path) mark(g, 2, placeX(at, m.degrees), placeY(at, value(m)), 3, c.accent, c.fg, 0.75);
}

function drawNow(g: G, c: Colours, at: Axes, p: TiltPicture, value: number): void {
  const x = placeX(at, p.now.degrees);
  line(
    g,
    [
      [x, at.box.y],
      [x, at.box.y + at.box.h],
    ],
    c.accent,
    1.5,
  );
  ring(g, x, placeY(at, value), c, 5.5);
}

function legend(g: G, c: Colours, w: number, s: number): void {
  let x = 0;
  const entry = (words: string, draw: (x: number) => void, width: number) => {
    const room = w - x - width - 5 * s;
    const said = fitted(words, room, g);
    g.font = `${11 * s}px sans-serif`;
    if (room < 40 * s || said.length < words.length) return;
    draw(x);
    text(g, said, x + width + 4 * s, 12 * s, { colour: c.fg });
    x += width + 14 * s + g.measureText(words).width;
  };
  const y = 8 * s;
  const stroke = (colour: string, dash: number[]) => (from: number) =>
    line(
      g,
      [
        [from, y],
        [from + 18 * s, y],
      ],
      colour,
      2,
      dash,
    );
  entry("theory", stroke(c.fg, [6, 4]), 18 * s);
  entry("samples", stroke(c.gap, []), 18 * s);
  entry("L2 path", (from) => mark(g, 2, from + 5, y, 3.5, c.accent, c.fg, 0.75), 10 * s);
  entry("epochs", (from) => mark(g, 1, from + 5, y, 4, c.bg, c.fg, 1.25), 10 * s);
  entry("best by theory", (from) => mark(g, 3, from + 5, y, 4.5, c.bg, c.fg, 1.75), 10 * s);
  entry("on screen", (from) => ring(g, from + 5, y, c, 4), 10 * s);
}

/** Strength above, distance below; the theory of both is geometry: 1 / |cos| and half the distance times cos. */
export function drawStrength(g: G, c: Colours, w: number, h: number, p: TiltPicture): void {
  const s = scaleOf(g);
  const { degrees } = p.curve;
  const half = (h - 78 * s) / 2;
  const box = (top: number) => ({ x: 44 * s, y: top, w: Math.max(40, w - 54 * s), h: Math.max(16, half) });
  const rad = (v: number) => (v * Math.PI) / 180;
  const draw = (
    at: Axes,
    title: string,
    last: boolean,
    value: (m: Measured) => number,
    theory: (v: number) => number,
    format: (v: number) => string,
  ) => {
    drawFrame(g, c, at, {
      title: fitted(title, at.box.w, g),
      ...(last ? { x: fitted("angle off the centroid direction", at.box.w, g), xTicks: FEW_ANGLES } : {}),
      yCount: 3,
      yFormat: format,
    });
    const curve = (values: readonly number[], colour: string, dash: number[]) =>
      line(
        g,
        values.map((v, i) => [placeX(at, degrees[i]!), placeY(at, v)] as const),
        colour,
        2,
        dash,
      );
    curve(p.sample.map(value), c.gap, []);
    curve(Array.from(degrees, theory), c.fg, [6, 4]);
    drawMeasured(g, c, at, p, value);
    drawNow(g, c, at, p, value(p.now.measured));
  };
  draw(
    { box: box(22 * s), xlim: [-WIDEST, WIDEST], ylim: [0, Math.log10(WEAKEST)] },
    "adversarial strength (log)",
    false,
    (m) => Math.log10(m.strength),
    (v) => -Math.log10(Math.cos(rad(v))),
    (v) => String(Number((10 ** v).toPrecision(2))),
  );
  const most = roundUp(p.half * 1.02);
  draw(
    { box: box(46 * s + half), xlim: [-WIDEST, WIDEST], ylim: [0, most] },
    "adversarial distance",
    true,
    (m) => m.distance,
    (v) => p.half * Math.cos(rad(v)),
    (v) => String(Number(v.toPrecision(3))),
  );
}
