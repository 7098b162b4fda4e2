/** Draws the landscape into its canvas, keeps what does not change, and says which point is under a pixel. */

import { PITCH_LIMITS, type Turn } from "../../core/surface";
import type { Canvas } from "../../draw/canvas";
import { type Box, drawColourBar } from "../../draw/heatmap";
import { drawCut } from "./cut";
import { drawAxes, drawGround, drawMarks, places } from "./map";
import type { Point, Scene } from "./picture";
import { drawMarks3, drawSurface, type Model3, model3, TURN_AT_FIRST } from "./turntable";

export type Style = "map" | "3d";

const SAME_SCALE = 1.4; // a path's two directions get one scale where that costs less than this of a side
const WIDE = 620; // px from which the cut stands beside the map

export interface Painter {
  turn: Turn;
  /** While `version` of the numbers stays, coloured ground and surface are kept. */
  paint(scene: Scene, style: Style, version: number): void;
  pointAt(event: PointerEvent): Point | null;
  turnTo(yaw: number, pitch: number): void;
}

export function makePainter(canvas: Canvas): Painter {
  let drawn: { scene: Scene; style: Style; box: Box } | null = null;
  let solid: Model3 | null = null;

  const painter: Painter = {
    turn: TURN_AT_FIRST,
    paint(scene, style, version) {
      const { g, w, h } = canvas.begin();
      const flat = style === "map";
      const { map: box, bar, cut } = layout(w, h, scene, flat);
      const { colours: c, grid } = scene;
      canvas.layer("ground", [version, c, flat, !flat && painter.turn], (to) => {
        solid = flat ? null : model3(grid, painter.turn, box);
        if (solid) drawSurface(to, solid, box);
        else drawGround(to, grid, box, c.bg2);
      });
      if (solid) {
        drawMarks3(g, scene, solid, painter.turn, box);
      } else {
        drawMarks(g, scene, box);
        canvas.layer("axes", [scene.land, c, box.w, box.h], (to) => drawAxes(to, scene, box));
      }
      drawColourBar(g, bar, grid.scale, grid.scale.log ? "loss" : "loss (linear)", c);
      if (cut) drawCut(g, scene, cut);
      drawn = { scene, style, box };
    },
    pointAt(event) {
      if (!drawn) return null;
      const r = canvas.el.getBoundingClientRect();
      const [px, py] = [event.clientX - r.left, event.clientY - r.top];
      return drawn.style === "map"
        ? places(drawn.scene.grid, drawn.box).at(px, py)
        : (solid?.at(px, py) ?? null);
    },
    turnTo(yaw, pitch) {
      painter.turn = { yaw, pitch: Math.min(PITCH_LIMITS[1], Math.max(PITCH_LIMITS[0], pitch)) };
    },
  };
  return painter;
}

/** Where the parts of the picture go: the cut below the map, beside it where the view is wide. */
function layout(w: number, height: number, s: Scene, flat: boolean): { map: Box; bar: Box; cut: Box | null } {
  const [axis, right, bottom] = [46, 58, 34]; // px: axis, colour bar with numbers, axis
  const left = flat ? axis : 8;
  const wide = w > WIDE;
  const cut = height < 240 ? 0 : wide ? w * 0.36 : 72;
  const room = { w: w - left - right - (wide ? cut + axis : 0), h: height - 6 - bottom - (wide ? 0 : cut) };
  const map: Box = { x: left, y: 6, w: Math.max(40, room.w), h: Math.max(40, room.h) };
  const { xs, ys } = s.grid;
  const shape = (xs[xs.length - 1]! - xs[0]!) / (ys[ys.length - 1]! - ys[0]!);
  const stretch = map.w / map.h / shape;
  if (flat && s.land.plane === "path" && stretch > 1 / SAME_SCALE && stretch < SAME_SCALE) {
    map.w = Math.min(map.w, map.h * shape);
    map.h = Math.min(map.h, map.w / shape);
  }
  const bar: Box = { x: map.x + map.w + 8, y: map.y, w: 10, h: map.h };
  if (!cut) return { map, bar, cut: null };
  const beside = map.x + map.w + right + axis;
  const below = map.y + map.h + bottom + 8;
  return {
    map,
    bar,
    cut: wide
      ? { x: beside, y: map.y, w: Math.min(420, w - beside - 8), h: Math.min(map.h, 200) }
      : { x: axis, y: below, w: w - axis - right, h: Math.min(100, height - below) },
  };
}
