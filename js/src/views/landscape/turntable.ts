/** The landscape as a 3-D surface on a turntable. */

import { valueAt } from "../../core/landscape";
import { corners, extent, type Mesh, mesh, pick, project, type Turn } from "../../core/surface";
import { line, text } from "../../draw/canvas";
import { type Box, cividis, type Grid } from "../../draw/heatmap";
import { drawTriangles, type Triangles } from "../../draw/triangles";
import { dot, Labels, marker, markerName, ON_MAP, type Point, polyline, type Scene } from "./picture";

export const TURN_AT_FIRST: Turn = { yaw: 0.6, pitch: 0.65 };

export interface Model3 {
  shape: Mesh;
  heights: Float64Array;
  /** Pixel of a screen place. */
  to(place: readonly [number, number]): [number, number];
  /** The point of the plane under a pixel, or null beside the surface. */
  at(px: number, py: number): Point | null;
}

export function model3(grid: Grid, turn: Turn, box: Box): Model3 {
  const heights = Float64Array.from(grid.values, (v) => grid.scale.of(v));
  const [nx, ny] = [grid.xs.length, grid.ys.length];
  const shape = mesh(heights, nx, ny, turn);
  const [w, h] = extent(turn.pitch);
  const s = Math.min(box.w / (2 * w), box.h / (2 * h)) * 0.99;
  const [cx, cy] = [box.x + box.w / 2, box.y + box.h / 2];
  return {
    shape,
    heights,
    to: ([u, v]) => [cx + u * s, cy - v * s],
    at(px, py) {
      const found = pick(shape, (px - cx) / s, (cy - py) / s);
      return found && { a: axisAt(grid.xs, found.i), b: axisAt(grid.ys, found.j) };
    },
  };
}

function axisAt(axis: readonly number[], at: number): number {
  const i = Math.min(axis.length - 2, Math.floor(at));
  return axis[i]! + (at - i) * (axis[i + 1]! - axis[i]!);
}

/** Slopes that face away from the light, which falls along x, are darker by up to this share. */
const SHADE = 0.3;

/** Cells from which the surface is drawn as triangles without lines between them. */
const DENSE = 2500;

export function drawSurface(g: CanvasRenderingContext2D, m: Model3, box: Box): void {
  if (m.shape.order.length > DENSE) drawTriangles(g, box, trianglesOf(m));
  else drawCells(g, m);
}

/** Height of a cell, and how bright it is; `finer`: its grid than the one the shading is made for. */
function cellOf(
  { heights, shape: { nx } }: Model3,
  cell: number,
  finer: number,
): [height: number, light: number] {
  const [p, q, s, t] = [cell, cell + 1, cell + nx + 1, cell + nx];
  const height = (heights[p]! + heights[q]! + heights[s]! + heights[t]!) / 4;
  const slope = (heights[q]! - heights[p]!) * finer;
  return [height, 1 - Math.min(SHADE, Math.max(0, 0.1 + slope * 1.5))];
}

function trianglesOf(m: Model3): Triangles {
  const { nx, order, points } = m.shape;
  const places = new Float32Array(points.length);
  for (let p = 0; p < points.length; p += 2)
    [places[p], places[p + 1]] = m.to([points[p]!, points[p + 1]!]) as [number, number];
  const corners = new Float32Array(order.length * 12);
  const colours = new Uint32Array(order.length * 2);
  const finer = (nx - 1) / 40; // shaded as the same slope on a grid of 41
  let n = 0;
  let to = 0;
  for (let o = 0; o < order.length; o++) {
    const cell = order[o]!;
    const [height, light] = cellOf(m, cell, finer);
    if (Number.isNaN(height)) continue;
    const [r, g, b] = cividis(height);
    const colour =
      ((255 << 24) | ((b * light + 0.5) << 16) | ((g * light + 0.5) << 8) | (r * light + 0.5)) >>> 0;
    // two triangles of the corners p, q, s, t
    for (const point of [cell, cell + 1, cell + nx, cell + nx + 1, cell + nx, cell + 1]) {
      corners[to++] = places[2 * point]!;
      corners[to++] = places[2 * point + 1]!;
    }
    colours[n++] = colour;
    colours[n++] = colour;
  }
  return { corners: corners.subarray(0, to), colours: colours.subarray(0, n) };
}

function drawCells(g: CanvasRenderingContext2D, m: Model3): void {
  const { nx, points, order } = m.shape;
  g.save();
  g.lineWidth = 0.6;
  for (const cell of order) {
    const [height, light] = cellOf(m, cell, 1);
    if (Number.isNaN(height)) continue;
    const four = corners(nx, cell);
    const colour = cividis(height).map((v) => Math.round(v * light));
    g.beginPath();
    four.forEach((p, i) => {
      const [x, y] = m.to([points[2 * p]!, points[2 * p + 1]!]);
      if (i) g.lineTo(x, y);
      else g.moveTo(x, y);
    });
    g.closePath();
    g.fillStyle = `rgb(${colour})`;
    g.fill();
    g.strokeStyle = "rgba(255,255,255,.16)";
    g.stroke();
  }
  g.restore();
}

export function drawMarks3(g: CanvasRenderingContext2D, scene: Scene, m: Model3, turn: Turn, box: Box): void {
  const { grid, hover, here } = scene;
  const levels = m.heights;
  const ends = (axis: readonly number[]) => [axis[0]!, axis[axis.length - 1]!] as const;
  const [[x0, x1], [y0, y1]] = [ends(grid.xs), ends(grid.ys)];
  const at = (a: number, b: number): [number, number] | null => {
    const height = valueAt(grid.xs, grid.ys, levels, a, b);
    if (Number.isNaN(height)) return null;
    return m.to(project(turn, (2 * (a - x0)) / (x1 - x0) - 1, (2 * (b - y0)) / (y1 - y0) - 1, height + 0.01));
  };
  const labels = new Labels(g, box);
  const spot = hover ?? here;
  const place = at(spot.a, spot.b);
  if (place) labels.reserve(place[0], place[1], 9);
  if (hover) {
    const along = (from: (t: number) => [number, number] | null) =>
      Array.from({ length: 41 }, (_, i) => from(i / 40)).filter((p): p is [number, number] => p !== null);
    line(
      g,
      along((t) => at(x0 + t * (x1 - x0), hover.b)),
      ON_MAP,
      1,
      [3, 3],
    );
    line(
      g,
      along((t) => at(hover.a, y0 + t * (y1 - y0))),
      ON_MAP,
      1,
      [3, 3],
    );
  }
  const path = scene.path.map((p) => ({ ...p, place: at(p.x, p.y) })).filter((p) => p.place !== null);
  if (path.length > 1) {
    polyline(
      g,
      path.map((p) => p.place!),
    );
    for (const p of path) {
      dot(g, p.place![0], p.place![1]);
      labels.reserve(p.place![0], p.place![1], 4);
    }
  }
  if (place) {
    marker(g, ...place);
    labels.write(markerName(scene), ...place, { bold: true, must: true, gap: 12 });
  }
  if (path.length > 1) labels.write("start", ...path[0]!.place!);
  text(g, "drag to turn; height and colour: loss", box.x + box.w / 2, box.y + box.h + 29, {
    align: "center",
    colour: scene.colours.fg2,
  });
}
