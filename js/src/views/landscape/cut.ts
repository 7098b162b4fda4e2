/** Below the map: the loss along the horizontal line through the marker. */

import { cutAt } from "../../core/landscape";
import { line, text } from "../../draw/canvas";
import { type Box, shortNumber } from "../../draw/heatmap";
import type { Scene } from "./picture";

export function drawCut(g: CanvasRenderingContext2D, scene: Scene, box: Box): void {
  const { grid, colours: c } = scene;
  const { xs, ys, values, scale } = grid;
  text(g, "loss along the horizontal line through the marker", box.x, box.y + 9, { colour: c.fg2 });
  const spot = scene.hover ?? scene.here;
  const [x0, x1] = [xs[0]!, xs[xs.length - 1]!];
  const [top, bottom] = [box.y + 20, box.y + box.h - 3];
  const x = (a: number) => box.x + ((a - x0) / (x1 - x0)) * box.w;
  const y = (v: number) => bottom - scale.of(v) * (bottom - top);
  line(
    g,
    [
      [box.x, bottom + 2.5],
      [box.x + box.w, bottom + 2.5],
    ],
    c.line,
  );
  for (const [v, baseline] of [
    [scale.high, "top"],
    [scale.low, "bottom"],
  ] as const) {
    text(g, shortNumber(v), box.x - 5, baseline === "top" ? top - 3 : bottom + 3, {
      align: "right",
      baseline,
      colour: c.fg2,
    });
  }
  const cut = cutAt(xs, ys, values, spot.b);
  let piece: [number, number][] = [];
  const finish = () => {
    if (piece.length > 1) line(g, piece, c.fg, 1.75);
    piece = [];
  };
  cut.forEach((v, i) => {
    if (Number.isFinite(v)) piece.push([x(xs[i]!), y(v)]);
    else finish();
  });
  finish();
  const i = xs.findIndex((v) => v >= spot.a);
  if (i < 0) return;
  const before = Math.max(0, i - 1);
  const t = xs[i]! > xs[before]! ? (spot.a - xs[before]!) / (xs[i]! - xs[before]!) : 0;
  const [px, py] = [x(spot.a), y(cut[before]! * (1 - t) + cut[i]! * t)];
  if (!Number.isFinite(py) || px < box.x - 1) return;
  for (const [colour, r] of [
    [c.bg, 6],
    [c.fg, 4.5],
    [c.bg, 2],
  ] as const) {
    g.beginPath();
    g.arc(px, py, r, 0, 2 * Math.PI);
    g.fillStyle = colour;
    g.fill();
  }
}
