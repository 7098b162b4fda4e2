/** Pointer and keys on the picture: turn the normal, lasso samples, mark one, walk from one to the next. */

import { dot, plus } from "../../core/linalg";
import { planeLift } from "../../core/plane";
import type { How } from "../../core/store";
import type { Scene, View } from "./scene";
import { MOST_TILT } from "./tiltknobs";

type Point = readonly [number, number];

/** The picture as last drawn: what the pointer and the keys act on. */
export interface Drawn {
  scene: Scene;
  view: View;
  handle: Point | null;
}

export interface Actions {
  drawn(): Drawn | null;
  turn(degrees: number, how: How): void;
  select(samples: Int32Array | null): void;
  /** The selection to add to while Shift is held. */
  selection(): Int32Array | null;
  mark(sample: number): void;
  redraw(): void;
}

export interface Pointing {
  lasso: Point[];
  onHandle: boolean;
}

const HANDLE = 14; // px round the handle that still turn it
const REACH = 12; // px round a sample that still mark it
const CLICK = 4; // px a click may slip
const SNAP = 1.2; // degrees round 0 and the trained angle

export function attachPointing(el: HTMLElement, act: Actions): Pointing {
  const state: Pointing = { lasso: [], onHandle: false };
  let mode: "turn" | "lasso" | null = null;
  let tilt = 0; // last angle while turning

  const overHandle = (p: Point) => {
    const handle = act.drawn()?.handle;
    return Boolean(handle && Math.hypot(p[0] - handle[0], p[1] - handle[1]) <= HANDLE);
  };
  const hoverHandle = (on: boolean) => {
    el.style.cursor = on ? "grab" : "crosshair";
    if (on === state.onHandle) return;
    state.onHandle = on;
    act.redraw();
  };

  el.addEventListener("pointerdown", (e) => {
    const drawn = act.drawn();
    if (e.button !== 0 || !drawn) return;
    el.setPointerCapture(e.pointerId);
    const p: Point = [e.offsetX, e.offsetY];
    mode = overHandle(p) ? "turn" : "lasso";
    if (mode === "lasso") state.lasso = [p];
    else tilt = angleAt(drawn, p);
  });
  el.addEventListener("pointermove", (e) => {
    const drawn = act.drawn();
    const p: Point = [e.offsetX, e.offsetY];
    if (!mode || !drawn) return hoverHandle(overHandle(p));
    if (mode === "turn") {
      tilt = angleAt(drawn, p);
      act.turn(tilt, "live");
    } else {
      state.lasso.push(p);
      act.redraw();
    }
  });
  const release = (e: PointerEvent) => {
    const drawn = act.drawn();
    const ended = mode;
    const path = state.lasso;
    mode = null;
    state.lasso = [];
    if (!ended || !drawn) return;
    if (ended === "turn") return act.turn(tilt, "final");
    const [x, y] = path[0]!;
    if (path.every((p) => Math.hypot(p[0] - x, p[1] - y) <= CLICK)) {
      const near = nearest(drawn, [x, y], REACH);
      if (near !== null) act.mark(near);
    } else {
      const inside = within(drawn, path);
      const before = e.shiftKey ? (act.selection() ?? []) : [];
      const all = Int32Array.from(new Set([...before, ...inside])).sort();
      act.select(all.length > 0 ? all : null);
    }
    act.redraw();
  };
  el.addEventListener("pointerup", release);
  el.addEventListener("pointercancel", () => {
    mode = null;
    state.lasso = [];
    act.redraw();
  });
  el.addEventListener("pointerleave", () => hoverHandle(false));

  el.addEventListener("keydown", (e) => {
    const drawn = act.drawn();
    if (!drawn) return;
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (way) {
      const next = towards(drawn, way as unknown as Point);
      if (next !== null) act.mark(next);
    } else if (e.key === "Enter" && drawn.scene.marked !== null) {
      act.select(Int32Array.of(drawn.scene.marked));
    } else if (e.key === "Escape") {
      if (mode === "lasso") {
        mode = null;
        state.lasso = [];
        act.redraw();
      } else act.select(null);
    } else return;
    e.preventDefault();
  });
  return state;
}

/** Degrees between the centroid direction and the line from the arrows' foot to p, snapped and limited. */
function angleAt({ scene, view }: Drawn, p: Point): number {
  const { plane, trained, pair, rule } = scene;
  const arm = plus(planeLift(plane, view.s(p[0]), view.t(p[1])), -1, trained.through);
  const angle = (Math.atan2(Math.max(0, dot(arm, rule.n)), dot(arm, pair.centroids.z)) * 180) / Math.PI;
  const near = [0, Math.min(MOST_TILT, trained.degrees)].find((stop) => Math.abs(angle - stop) < SNAP);
  return near ?? Math.min(MOST_TILT, Number(angle.toFixed(1)));
}

function* places({ scene, view }: Drawn): Generator<[sample: number, x: number, y: number]> {
  for (let r = 0; r < scene.rows.length; r++) {
    yield [scene.rows[r]!, view.x(scene.coords[2 * r]!), view.y(scene.coords[2 * r + 1]!)];
  }
}

function nearest(drawn: Drawn, p: Point, reach: number): number | null {
  let [best, least]: [number | null, number] = [null, reach];
  for (const [sample, x, y] of places(drawn)) {
    const distance = Math.hypot(x - p[0], y - p[1]);
    if (distance <= least) [best, least] = [sample, distance];
  }
  return best;
}

/** Samples inside the closed path (even-odd rule). */
function within(drawn: Drawn, path: readonly Point[]): number[] {
  const inside: number[] = [];
  for (const [sample, x, y] of places(drawn)) {
    let odd = false;
    for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
      const [[xi, yi], [xj, yj]] = [path[i]!, path[j]!];
      if (yi > y !== yj > y && x < xi + ((y - yi) / (yj - yi)) * (xj - xi)) odd = !odd;
    }
    if (odd) inside.push(sample);
  }
  return inside;
}

/** The next sample from the marked one in a direction: near, and rather straight ahead. */
function towards(drawn: Drawn, [dx, dy]: Point): number | null {
  const { scene } = drawn;
  let [x0, y0] = [drawn.view.box.x + drawn.view.box.w / 2, drawn.view.box.y + drawn.view.box.h / 2];
  for (const [sample, x, y] of places(drawn)) if (sample === scene.marked) [x0, y0] = [x, y];
  let [best, least]: [number | null, number] = [null, Number.POSITIVE_INFINITY];
  for (const [sample, x, y] of places(drawn)) {
    const ahead = (x - x0) * dx + (y - y0) * dy;
    const aside = Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx);
    if (sample === scene.marked || ahead <= 0) continue;
    const cost = ahead + 2 * aside;
    if (cost < least) [best, least] = [sample, cost];
  }
  return best;
}
