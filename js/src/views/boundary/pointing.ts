/** Pointer and keys on the picture: turn the normal, lasso samples, mark one, walk from one to the next. */

import { Hits } from "../../core/hits";
import { insideBox, Lasso } from "../../core/lasso";
import { dot, plus } from "../../core/linalg";
import { planeLift } from "../../core/plane";
import { click, combine, type Selection, type SetOp, setOp } from "../../core/selection";
import type { How } from "../../core/store";
import type { Scene, View } from "./scene";

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
  select(samples: Selection, how: How): void;
  selection(): Selection;
  mark(sample: number): void;
  redraw(): void;
}

export interface Pointing {
  /** The path being drawn, or the corners of the box; empty when there is none. */
  lasso: Point[];
  onHandle: boolean;
  /** A drag draws a box in place of a lasso. */
  box: boolean;
}

const HANDLE = 14; // px round the handle that still turn it
const REACH = 12; // px round a sample that still mark it
const CLICK = 4; // px a click may slip
const STRETCH = 12; // px that Shift with an arrow stretches the box of the keys by

/** Samples being gathered: by a lasso, or a box between two corners. */
interface Gathering {
  op: SetOp;
  before: Selection;
  from: Point;
  to: Point;
  samples: number[]; // all samples drawn, in the order of xs and ys
  xs: Float64Array;
  ys: Float64Array;
  lasso: Lasso | null; // null: a box
}

export function attachPointing(el: HTMLElement, act: Actions): Pointing {
  const state: Pointing = { lasso: [], onHandle: false, box: false };
  let turning = false;
  let tilt = 0; // last angle while turning
  let gathering: Gathering | null = null; // by the pointer
  let stretched: Gathering | null = null; // by the keys

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
  const gather = (drawn: Drawn, from: Point, op: SetOp, box: boolean): Gathering => {
    const all = [...places(drawn)];
    const xs = Float64Array.from(all, ([, x]) => x);
    const ys = Float64Array.from(all, ([, , y]) => y);
    const lasso = box ? null : new Lasso(xs, ys);
    lasso?.extend(...from);
    return { op, before: act.selection(), from, to: from, samples: all.map(([i]) => i), xs, ys, lasso };
  };
  const gathered = ({ lasso, xs, ys, from, to, samples, before, op }: Gathering): Selection => {
    const inside = lasso ? lasso.inside() : insideBox(xs, ys, from, to);
    return combine(
      before,
      inside.map((i) => samples[i]!),
      op,
    );
  };
  const drop = () => {
    gathering = stretched = null;
    state.lasso = [];
    act.redraw();
  };

  el.addEventListener("pointerdown", (e) => {
    const drawn = act.drawn();
    if (e.button !== 0 || !drawn) return;
    el.setPointerCapture(e.pointerId);
    drop();
    const p: Point = [e.offsetX, e.offsetY];
    turning = overHandle(p);
    if (turning) tilt = angleAt(drawn, p);
    else {
      gathering = gather(drawn, p, setOp(e), state.box);
      state.lasso = [p];
    }
  });
  el.addEventListener("pointermove", (e) => {
    const drawn = act.drawn();
    const p: Point = [e.offsetX, e.offsetY];
    if (turning && drawn) {
      tilt = angleAt(drawn, p);
      act.turn(tilt, "live");
    } else if (gathering) {
      gathering.to = p;
      gathering.lasso?.extend(...p);
      if (gathering.lasso) state.lasso.push(p);
      else state.lasso = corners(gathering);
      act.redraw();
      if (!isClick(gathering, state.lasso)) act.select(gathered(gathering), "live");
    } else hoverHandle(overHandle(p));
  });
  el.addEventListener("pointerup", () => {
    const drawn = act.drawn();
    const [ended, path] = [gathering, state.lasso];
    if (turning) act.turn(tilt, "final");
    turning = false;
    drop();
    if (!ended || !drawn) return;
    if (!isClick(ended, path)) return act.select(gathered(ended), "final");
    const near = nearest(drawn, ended.from, REACH);
    if (near === null) return;
    if (ended.op === "replace") act.mark(near);
    else act.select(combine(ended.before, [near], ended.op), "final");
  });
  el.addEventListener("pointercancel", () => {
    turning = false;
    if (gathering) act.select(gathering.before, "final");
    drop();
  });
  el.addEventListener("pointerleave", () => hoverHandle(false));

  el.addEventListener("keydown", (e) => {
    const drawn = act.drawn();
    if (!drawn) return;
    const way = ARROWS[e.key];
    if (way && e.shiftKey) {
      stretched ??= gather(drawn, markedPlace(drawn), "replace", true);
      const { x, y, w, h } = drawn.view.box;
      const clamp = (v: number, low: number, size: number) => Math.min(low + size, Math.max(low, v));
      stretched.to = [
        clamp(stretched.to[0] + way[0] * STRETCH, x, w),
        clamp(stretched.to[1] + way[1] * STRETCH, y, h),
      ];
      state.lasso = corners(stretched);
      act.redraw();
    } else if (way) {
      const next = towards(drawn, way);
      if (next !== null) act.mark(next);
    } else if (e.key === "Enter" && stretched) {
      const done = { ...stretched, op: setOp(e) };
      drop();
      act.select(gathered(done), "final");
    } else if (e.key === "Enter" && drawn.scene.marked !== null) {
      act.select(click(act.selection(), Int32Array.of(drawn.scene.marked), setOp(e)), "final");
    } else if (e.key === "Escape") {
      if (gathering) act.select(gathering.before, "final");
      else if (!stretched) act.select(null, "final");
      drop();
      e.stopPropagation();
    } else return;
    e.preventDefault();
  });
  el.addEventListener("blur", () => stretched && drop());
  return state;
}

const ARROWS: Record<string, Point> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const corners = ({ from: [ax, ay], to: [bx, by] }: Gathering): Point[] => [
  [ax, ay],
  [bx, ay],
  [bx, by],
  [ax, by],
];

const isClick = ({ from: [x, y] }: Gathering, path: readonly Point[]) =>
  path.every((p) => Math.hypot(p[0] - x, p[1] - y) <= CLICK);

/** Where the marked sample is drawn; the middle where it is not. */
function markedPlace(drawn: Drawn): Point {
  for (const [sample, x, y] of places(drawn)) if (sample === drawn.scene.marked) return [x, y];
  const { x, y, w, h } = drawn.view.box;
  return [x + w / 2, y + h / 2];
}

/** Degrees from the centroid direction to the line from the arrows' foot to p. */
function angleAt({ scene, view }: Drawn, p: Point): number {
  const { plane, trained, pair, rule } = scene;
  const arm = plus(planeLift(plane, view.s(p[0]), view.t(p[1])), -1, trained.through);
  return (Math.atan2(dot(arm, rule.n), dot(arm, pair.centroids.z)) * 180) / Math.PI;
}

function* places({ scene, view }: Drawn): Generator<[sample: number, x: number, y: number]> {
  for (let r = 0; r < scene.rows.length; r++) {
    yield [scene.rows[r]!, view.x(scene.coords[2 * r]!), view.y(scene.coords[2 * r + 1]!)];
  }
}

let hits: { of: Float64Array; found: Hits } | null = null;

function nearest({ scene, view }: Drawn, [x, y]: Point, reach: number): number | null {
  const { coords, rows } = scene;
  if (hits?.of !== coords) hits = { of: coords, found: new Hits(coords) };
  const scale = [view.x(1) - view.x(0), view.y(1) - view.y(0)] as const;
  const near = hits.found.nearest(view.s(x), view.t(y), reach, scale);
  return near === null ? null : rows[near]!;
}

/** The next sample from the marked one in a direction: near, and rather straight ahead. */
function towards(drawn: Drawn, [dx, dy]: Point): number | null {
  const { scene } = drawn;
  const [x0, y0] = markedPlace(drawn);
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
