/** The landscape from above: heat map, contours, training path, marker, cross-hair. */

import { line, text, ticks } from "../../draw/canvas";
import { type Box, drawContours, type Grid, heatImage } from "../../draw/heatmap";
import { dot, Labels, marker, markerName, ON_MAP, type Point, polyline, type Scene } from "./picture";
import { epochName } from "./words";

export interface MapPlaces {
  x(a: number): number;
  y(b: number): number;
  /** The point of the plane under a pixel, or null outside the map. */
  at(px: number, py: number): Point | null;
}

export function places(grid: Grid, box: Box): MapPlaces {
  const ends = (axis: readonly number[]) => [axis[0]!, axis[axis.length - 1]!] as const;
  const [[x0, x1], [y0, y1]] = [ends(grid.xs), ends(grid.ys)];
  return {
    x: (a) => box.x + ((a - x0) / (x1 - x0)) * box.w,
    y: (b) => box.y + (1 - (b - y0) / (y1 - y0)) * box.h,
    at(px, py) {
      const [s, t] = [(px - box.x) / box.w, 1 - (py - box.y) / box.h];
      return s >= 0 && s <= 1 && t >= 0 && t <= 1 ? { a: x0 + s * (x1 - x0), b: y0 + t * (y1 - y0) } : null;
    },
  };
}

/** The part that changes only with score, temperature and plane; the caller keeps it. */
export function drawGround(g: CanvasRenderingContext2D, grid: Grid, box: Box, empty: string): void {
  g.fillStyle = empty; // shows through where the loss is not finite
  g.fillRect(box.x, box.y, box.w, box.h);
  g.imageSmoothingEnabled = true;
  g.drawImage(heatImage(grid, box.w, box.h), box.x, box.y, box.w, box.h);
  drawContours(g, grid, box);
}

export function drawMarks(g: CanvasRenderingContext2D, scene: Scene, box: Box): void {
  const { hover, here } = scene;
  const to = places(scene.grid, box);
  const labels = new Labels(g, box);
  g.save();
  g.beginPath();
  g.rect(box.x, box.y, box.w, box.h);
  g.clip();
  const spot = hover ?? here;
  if (hover) {
    for (const [colour, dash] of [
      ["rgba(0,0,0,.6)", []],
      [ON_MAP, [3, 3]],
    ] as const) {
      line(
        g,
        [
          [to.x(hover.a), box.y],
          [to.x(hover.a), box.y + box.h],
        ],
        colour,
        1,
        [...dash],
      );
      line(
        g,
        [
          [box.x, to.y(hover.b)],
          [box.x + box.w, to.y(hover.b)],
        ],
        colour,
        1,
        [...dash],
      );
    }
  }
  labels.reserve(to.x(spot.a), to.y(spot.b), 9);
  if (scene.path.length > 1) {
    const path = scene.path.map((p) => [to.x(p.x), to.y(p.y)] as const);
    polyline(g, path);
    for (const [x, y] of path) {
      dot(g, x, y);
      labels.reserve(x, y, 4);
    }
  }
  marker(g, to.x(spot.a), to.y(spot.b));
  labels.write(markerName(scene), to.x(spot.a), to.y(spot.b), { bold: true, must: true, gap: 12 });
  if (scene.path.length > 1) nameStations(labels, scene, to);
  g.restore();
}

/** "start" and epochs, each where it is at least 36 px from the one named before. */
function nameStations(labels: Labels, scene: Scene, to: MapPlaces): void {
  const spot = scene.hover ?? scene.here;
  let last: [number, number] | null = null;
  scene.path.forEach((p, i) => {
    const [x, y] = [to.x(p.x), to.y(p.y)];
    if (last && Math.hypot(x - last[0], y - last[1]) < 36) return;
    if (Math.hypot(x - to.x(spot.a), y - to.y(spot.b)) < 16) return; // the marker has a name of its own
    last = [x, y];
    labels.write(i === 0 ? "start" : epochName(p.epoch), x, y);
  });
}

export function drawAxes(g: CanvasRenderingContext2D, scene: Scene, box: Box): void {
  const { land, grid, colours: c } = scene;
  const to = places(grid, box);
  g.strokeStyle = c.line;
  g.lineWidth = 1;
  g.strokeRect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1);
  const ends = (axis: readonly number[]) => [axis[0]!, axis[axis.length - 1]!] as const;
  for (const v of ticks(...ends(grid.xs), box.w / 55)) {
    text(g, String(v), to.x(v), box.y + box.h + 14, { align: "center", colour: c.fg2 });
  }
  for (const v of ticks(...ends(grid.ys), box.h / 40)) {
    const y = Math.min(box.y + box.h - 5, Math.max(box.y + 6, to.y(v)));
    text(g, String(v), box.x - 5, y, { align: "right", baseline: "middle", colour: c.fg2 });
  }
  const [first, second] = axisNames(land.plane);
  text(g, first, box.x + box.w / 2, box.y + box.h + 29, { align: "center", colour: c.fg2 });
  text(g, second, box.x - 34, box.y + box.h / 2, { align: "center", colour: c.fg2, rotate: -Math.PI / 2 });
}

/** Names of the two axes with their unit. */
function axisNames(plane: "path" | "random"): [string, string] {
  return plane === "path"
    ? ["path direction 1 (weight distance)", "path direction 2"]
    : ["random direction 1 (share of each filter’s norm)", "random direction 2"];
}
