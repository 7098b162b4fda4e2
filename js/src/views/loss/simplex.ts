/** A loss over the probabilities of three classes: heat, arrows of the gradient step, samples as points. */

import { lossScale } from "../../core/landscape";
import type { LossSimplex } from "../../core/lossprofile";
import { line, ring, text } from "../../draw/canvas";
import { cividis, drawColourBar } from "../../draw/heatmap";
import type { Colours } from "../../draw/theme";
import { groupColours } from "./axes";
import { groupMark } from "./curve";
import { explain } from "./lettering";

export interface SimplexPicture {
  simplex: LossSimplex | null;
  title: string;
  why: string;
  names: readonly [string, string, string]; // label first
  /** Samples with this label: probabilities among the three (n, 3), and which are selected. */
  points: Float64Array;
  groups: Uint8Array;
  selected: Uint8Array | null;
  marked: number | null; // of the points
}

export interface SimplexLayout {
  /** Corners of the label and the other two. */
  corners: readonly (readonly [number, number])[];
}

/** The label stands at the top. */
export function simplexLayout(w: number, h: number): SimplexLayout {
  const [top, bottom] = [44, 26];
  const room = Math.min(w - 96, (h - top - bottom) / 0.866);
  const middle = Math.max(room / 2 + 24, (w - 60) / 2);
  const foot = top + room * 0.866;
  return {
    corners: [
      [middle, top],
      [middle - room / 2, foot],
      [middle + room / 2, foot],
    ],
  };
}

export const placeOf = ({ corners }: SimplexLayout, a: number, b: number, c: number): [number, number] => [
  a * corners[0]![0] + b * corners[1]![0] + c * corners[2]![0],
  a * corners[0]![1] + b * corners[1]![1] + c * corners[2]![1],
];

const ARROWS_EVERY = 5; // rows of the grid
const LONGEST = 17; // px of an arrow

export function drawSimplex(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: SimplexPicture,
): SimplexLayout {
  const at = simplexLayout(w, h);
  const [top, left, right] = at.corners as [[number, number], [number, number], [number, number]];
  text(g, p.title, 0, 12, { colour: c.fg });
  const field = p.simplex;
  if (field) {
    const scale = lossScale(field.value);
    drawHeat(g, at, field, (v) => scale.of(v));
    line(g, [top, left, right, top], c.line);
    drawArrows(g, at, field);
    const bar = { x: w - 44, y: top[1], w: 10, h: Math.max(10, left[1] - top[1] - 16) };
    drawColourBar(g, bar, scale, "loss", c);
  } else {
    line(g, [top, left, right, top], c.line);
    explain(g, c, p.why, { x: 0, y: 0, w, h });
  }
  text(g, `label ${p.names[0]}`, top[0], top[1] - 8, { align: "center", colour: c.fg, bold: true });
  text(g, p.names[1], left[0], left[1] + 16, { align: "center", colour: c.fg, bold: true });
  text(g, p.names[2], right[0], right[1] + 16, { align: "center", colour: c.fg, bold: true });
  const hues = groupColours(c);
  for (let group = 0; group < 3; group++) {
    for (const chosen of p.selected ? [0, 1] : [1]) {
      g.beginPath();
      for (let i = 0; 3 * i < p.points.length; i++)
        if (p.groups[i] === group && (!p.selected || p.selected[i] === chosen))
          groupMark(g, group, ...pointAt(at, p.points, i));
      g.globalAlpha = chosen ? 1 : 0.3;
      g.strokeStyle = c.bg;
      g.lineWidth = 2;
      g.stroke();
      g.fillStyle = hues[group]!;
      g.fill();
    }
  }
  g.globalAlpha = 1;
  if (p.marked !== null) ring(g, ...pointAt(at, p.points, p.marked), c, 6);
  return at;
}

const pointAt = (at: SimplexLayout, points: Float64Array, i: number): [number, number] =>
  placeOf(at, points[3 * i]!, points[3 * i + 1]!, points[3 * i + 2]!);

/** Small triangles in the colour of their middle. */
function drawHeat(
  g: CanvasRenderingContext2D,
  at: SimplexLayout,
  { side, value }: LossSimplex,
  level: (v: number) => number,
): void {
  const start = (a: number) => a * side - (a * (a - 1)) / 2; // first point with `a` steps of the label
  const index = (a: number, b: number) => start(a) + b;
  const n = side - 1;
  const corner = (a: number, b: number) => placeOf(at, a / n, b / n, (n - a - b) / n);
  const fill = (cells: readonly (readonly [number, number])[]) => {
    const middle = cells.reduce((sum, [a, b]) => sum + level(value[index(a, b)]!), 0) / 3;
    if (Number.isNaN(middle)) return;
    g.fillStyle = g.strokeStyle = `rgb(${cividis(middle).join(",")})`;
    g.beginPath();
    cells.forEach(([a, b], i) => {
      const [x, y] = corner(a, b);
      if (i) g.lineTo(x, y);
      else g.moveTo(x, y);
    });
    g.closePath();
    g.fill();
    g.stroke(); // closes the hairline between neighbours
  };
  g.lineWidth = 1.2;
  for (let a = 0; a < n; a++) {
    for (let b = 0; a + b < n; b++) {
      fill([
        [a, b],
        [a + 1, b],
        [a, b + 1],
      ]);
      if (a + b + 1 < n)
        fill([
          [a + 1, b],
          [a, b + 1],
          [a + 1, b + 1],
        ]);
    }
  }
}

/** Where a gradient step takes the probabilities; lengths as the square root, so that small ones are seen. */
function drawArrows(
  g: CanvasRenderingContext2D,
  at: SimplexLayout,
  { side, points, flow }: LossSimplex,
): void {
  let most = 0;
  for (let i = 0; 3 * i < flow.length; i++)
    most = Math.max(most, Math.hypot(flow[3 * i]!, flow[3 * i + 1]!, flow[3 * i + 2]!));
  if (!(most > 0) || !Number.isFinite(most)) return;
  let i = 0;
  for (let a = 0; a < side; a++) {
    for (let b = 0; b < side - a; b++, i++) {
      if (a % ARROWS_EVERY !== 2 || b % ARROWS_EVERY !== 2 || side - 1 - a - b < 1) continue;
      const [x, y] = pointAt(at, points, i);
      const [u, v] = placeOf(at, flow[3 * i]!, flow[3 * i + 1]!, flow[3 * i + 2]!); // the flow sums to 0
      const length = Math.hypot(u, v);
      const size = Math.hypot(flow[3 * i]!, flow[3 * i + 1]!, flow[3 * i + 2]!);
      if (!(length > 0)) continue;
      const reach = LONGEST * Math.sqrt(size / most);
      arrow(g, x, y, (u / length) * reach, (v / length) * reach);
    }
  }
}

function arrow(g: CanvasRenderingContext2D, x: number, y: number, u: number, v: number): void {
  const [tx, ty] = [x + u, y + v];
  for (const [colour, width] of [
    ["rgba(0,0,0,.55)", 3],
    ["#fff", 1.4],
  ] as const) {
    line(
      g,
      [
        [x, y],
        [tx, ty],
      ],
      colour,
      width,
    );
    line(
      g,
      [
        [tx - 0.35 * u - 0.25 * v, ty - 0.35 * v + 0.25 * u],
        [tx, ty],
        [tx - 0.35 * u + 0.25 * v, ty - 0.35 * v - 0.25 * u],
      ],
      colour,
      width,
    );
  }
}

/** Number of the point nearest to a place, within reach; null for none. */
export function pointNear(at: SimplexLayout, points: Float64Array, px: number, py: number): number | null {
  let [best, least] = [null as number | null, 12 ** 2];
  for (let i = 0; 3 * i < points.length; i++) {
    const [x, y] = pointAt(at, points, i);
    const far = (x - px) ** 2 + (y - py) ** 2;
    if (far <= least) [best, least] = [i, far];
  }
  return best;
}
