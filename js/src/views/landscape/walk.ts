/** Pointing at the landscape, walking over it by keys, holding a point, turning the table. */

import type { Canvas } from "../../draw/canvas";
import type { Painter, Style } from "./painter";
import type { Point, Scene } from "./picture";

const WALK = 40; // arrow keys cross the plane in this many steps, with Shift in a fifth of them
const TURN_BY = 0.12; // radians an arrow key turns the table by
const TURN_PER_PIXEL = 0.01; // radians
const CLICK = 4; // px a pointer may move between press and release of a click

export interface WalkOptions {
  canvas: Canvas;
  /** Escape is heard wherever in here the focus is. */
  realm: HTMLElement;
  painter: Painter;
  style(): Style;
  scene(): Scene | null;
  hover(): Point | null;
  setHover(point: Point | null): void;
  turned(): void;
  /** A point is kept from now on. */
  changed(): void;
}

export interface Walk {
  /** Forgets the point held and hovered. */
  release(): void;
  /** The point stays until Escape: pressed Enter. */
  kept(): boolean;
  /** The hover was taken away elsewhere. */
  lost(): void;
  end(): void;
}

export function walkOver(o: WalkOptions): Walk {
  const el = o.canvas.el;
  let held = false; // the hover stays: clicked, or walked to by keys
  let kept = false; // also when one goes elsewhere, until Escape
  let press: { x: number; y: number; turn: Painter["turn"]; moved: boolean } | null = null;
  const release = () => {
    held = kept = false;
    o.setHover(null);
  };
  const turnTo = (yaw: number, pitch: number) => {
    o.painter.turnTo(yaw, pitch);
    o.turned();
  };

  el.addEventListener("pointerdown", (e) => {
    press = { x: e.clientX, y: e.clientY, turn: o.painter.turn, moved: false };
    el.setPointerCapture(e.pointerId);
  });
  el.addEventListener("pointermove", (e) => {
    const [dx, dy] = press ? [e.clientX - press.x, e.clientY - press.y] : [0, 0];
    if (press && Math.hypot(dx, dy) > CLICK) press.moved = true;
    if (press?.moved && o.style() === "3d") {
      turnTo(press.turn.yaw - dx * TURN_PER_PIXEL, press.turn.pitch + dy * TURN_PER_PIXEL);
      if (!held) o.setHover(null);
    } else if (!held) o.setHover(o.painter.pointAt(e));
  });
  el.addEventListener("pointerup", (e) => {
    const click = press && !press.moved;
    press = null;
    if (!click) return;
    const point = o.painter.pointAt(e);
    held = point !== null;
    kept = kept && held;
    o.setHover(point);
  });
  el.addEventListener("pointercancel", () => {
    press = null;
  });
  el.addEventListener("pointerleave", () => {
    if (!held && !press) o.setHover(null);
  });
  el.addEventListener("keydown", (e) => {
    const dx = Number(e.key === "ArrowRight") - Number(e.key === "ArrowLeft");
    const dy = Number(e.key === "ArrowUp") - Number(e.key === "ArrowDown");
    const scene = o.scene();
    if (e.key === "Enter" && o.hover() !== null) {
      e.preventDefault();
      kept = held = true;
      o.changed();
      return;
    }
    if (!scene || (!dx && !dy)) return;
    e.preventDefault();
    const { turn } = o.painter;
    if (e.altKey && o.style() === "3d") return turnTo(turn.yaw - dx * TURN_BY, turn.pitch + dy * TURN_BY);
    const from = o.hover() ?? scene.here;
    const much = e.shiftKey ? 5 : 1;
    held = true;
    o.setHover({
      a: stepped(scene.grid.xs, from.a, dx * much),
      b: stepped(scene.grid.ys, from.b, dy * much),
    });
  });
  // In the capture phase: before others hear of it; the next Escape clears the selection.
  const onEscape = (e: KeyboardEvent) => {
    if (e.key !== "Escape" || o.hover() === null) return;
    e.stopPropagation();
    release();
  };
  const onPress = (e: PointerEvent) => {
    if (held && !kept && !e.composedPath().includes(el)) release();
  };
  // a point walked to by keys ends with the focus, as a hovered one with the pointer
  el.addEventListener("blur", () => {
    if (held && !kept) release();
  });
  o.realm.addEventListener("keydown", onEscape, true);
  document.addEventListener("pointerdown", onPress);
  return {
    release,
    kept: () => kept,
    lost() {
      held = kept = false;
    },
    end() {
      o.realm.removeEventListener("keydown", onEscape, true);
      document.removeEventListener("pointerdown", onPress);
      if (o.hover() !== null) release(); // other views outlive this one
    },
  };
}

function stepped(axis: readonly number[], from: number, steps: number): number {
  const [low, high] = [axis[0]!, axis[axis.length - 1]!];
  return Math.min(high, Math.max(low, from + (steps * (high - low)) / WALK));
}
