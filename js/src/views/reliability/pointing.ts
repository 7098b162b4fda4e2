/** Pointer and keys on the picture: one cursor that walks its places, and selects or picks. */

import { click, combine, type Selection, type SetOp, setOp } from "../../core/selection";
import type { How, Store } from "../../core/store";

/** A picture as pointer and keys see it: numbered places. */
export interface Scene {
  places: number; // how many there are
  /** Where the keys stop, ascending. */
  stops: readonly number[];
  /** Up and down go so many stops in a grid; in a row up is forward. */
  columns?: number;
  words(place: number): string;
  /** Place at a point of the canvas; with `beyond` the nearest one. */
  at(x: number, y: number, beyond: boolean): number | null;
  /** Samples of places from..to; null where they are not told apart or `pick` is what a press does. */
  samples: ((from: number, to: number) => Int32Array) | null;
  pick?(place: number, how: How): void;
}

export interface Cursor {
  place: number;
  keys: boolean; // whether the keys have it
}

export interface Pointing {
  cursor: Cursor | null;
}

export function pointOn(
  el: HTMLElement,
  o: { scene(): Scene | null; store: Store; redraw(): void },
): Pointing {
  const state: Pointing = { cursor: null };
  let anchor = 0; // place where a drag or Shift began
  let drag: { op: SetOp; before: Selection; first: number; last: number } | null = null;
  const selection = () => o.store.get<Selection>("selection");
  const select = (to: Selection, how?: How) => o.store.set("selection", to, how);
  const between = (a: number, c: number) => o.scene()!.samples!(Math.min(a, c), Math.max(a, c));
  const move = (to: Cursor | null) => {
    if (to?.place === state.cursor?.place && to?.keys === state.cursor?.keys) return;
    state.cursor = to;
    o.redraw();
  };
  const at = (e: PointerEvent, beyond = false) => o.scene()?.at(e.offsetX, e.offsetY, beyond) ?? null;
  const act = (how: How) => {
    const scene = o.scene();
    if (!drag || !scene) return;
    const { op, before, first, last } = drag;
    if (scene.pick) return scene.pick(last, how);
    if (!scene.samples) return;
    const samples = between(first, last);
    select(first === last ? click(before, samples, op) : combine(before, samples, op), how);
  };
  el.addEventListener("pointerdown", (e) => {
    const place = at(e);
    if (place === null || e.button !== 0) return;
    el.setPointerCapture(e.pointerId);
    anchor = place;
    drag = { op: setOp(e), before: selection(), first: place, last: place };
    act("live");
  });
  el.addEventListener("pointermove", (e) => {
    const place = at(e, drag !== null);
    move(place === null ? null : { place, keys: false });
    if (!drag || place === null || place === drag.last) return;
    drag.last = place;
    act("live");
  });
  const release = () => {
    act("final");
    drag = null;
  };
  el.addEventListener("pointerup", release);
  el.addEventListener("pointercancel", release);
  el.addEventListener("pointerleave", () => move(null));
  el.addEventListener("blur", () => move(null));

  el.addEventListener("keydown", (e) => {
    const scene = o.scene();
    if (!scene) return;
    const { stops, columns } = scene;
    const { cursor } = state;
    const place = stops.findIndex((stop) => stop >= (cursor?.place ?? -1));
    const up = columns ? -columns : 1;
    const next = {
      ArrowRight: place + 1,
      ArrowLeft: place - 1,
      ArrowUp: place + up,
      ArrowDown: place - up,
      PageUp: place + 10,
      PageDown: place - 10,
      Home: 0,
      End: stops.length - 1,
    }[e.key];
    if (next !== undefined && stops.length > 0) {
      const first = !cursor && e.key !== "End"; // wherever an arrow would lead
      const to = first ? stops[0]! : stops[Math.min(stops.length - 1, Math.max(0, next))]!;
      move({ place: to, keys: true });
      if (e.shiftKey && scene.samples) select(combine(null, between(anchor, to), "replace"));
      else anchor = to;
    } else if ((e.key === "Enter" || e.key === " ") && cursor && (scene.pick || scene.samples)) {
      if (scene.pick) scene.pick(cursor.place, "final");
      else select(click(selection(), between(cursor.place, cursor.place), setOp(e)));
    } else if (e.key === "Escape") select(null);
    else return;
    e.preventDefault();
  });
  return state;
}
