/** The pinned network's border in the plane on screen, as a dashed line. */

import { crossings, type Field, networkField, restrictToPair } from "../../core/field";
import type { Shown } from "../../core/shown";
import type { Box } from "../../draw/heatmap";
import type { Scene, View } from "./scene";

const SIDE = 40; // points along a side: a line to compare with, quick while a slider moves
const DASH = 2; // cells of a dash, and of the gap after it

export class PinnedBorder {
  private kept: { key: string; field: Field } | null = null;

  /** Null where the browser cannot run the network. */
  path(pinned: Shown, scene: Scene, view: View): Path2D | null {
    const { network, theta } = pinned;
    if (!network || !theta) return null;
    const { pair, restricted, plane } = scene;
    const { xlim, ylim } = view;
    const key = [pinned.key, scene.planeKey, pair.a, pair.b, restricted, xlim, ylim].join();
    if (this.kept?.key !== key) {
      const whole = networkField(network, theta, { plane, xlim, ylim, nx: SIDE, ny: SIDE });
      this.kept = { key, field: restricted ? restrictToPair(whole, pair.a, pair.b) : whole };
    }
    return dashed(this.kept.field, view.box);
  }
}

/** The pieces of a border come cell by cell, not along the line: dashes are made of cells. */
function dashed(f: Field, box: Box): Path2D {
  const path = new Path2D();
  const x = (i: number) => box.x + (i / (f.nx - 1)) * box.w;
  const y = (j: number) => box.y + (1 - j / (f.ny - 1)) * box.h;
  const margins = [...f.margins.values()].slice(0, f.k === 2 ? 1 : f.k);
  for (const values of margins) {
    const pieces = crossings(values, f.nx, f.ny, 0);
    for (let p = 0; p < pieces.length; p += 4) {
      const [i, j, to, below] = [pieces[p]!, pieces[p + 1]!, pieces[p + 2]!, pieces[p + 3]!];
      const cell = Math.floor((i + to) / 2) + Math.floor((j + below) / 2);
      if (cell % (2 * DASH) >= DASH) continue;
      path.moveTo(x(i), y(j));
      path.lineTo(x(to), y(below));
    }
  }
  return path;
}
