/** Pointer and keys on the ranges: point at a sample, mark it, brush a stretch. */

import { click, combine, type Selection, type SetOp, setOp } from "../../core/selection";
import type { How } from "../../core/store";
import { type Pointed, type RangesLayout, rankAt } from "./ranges";

export interface Actions {
  /** The picture as last drawn, and the sample of each rank. */
  drawn(): { layout: RangesLayout; samples: Int32Array } | null;
  marked(): number | null; // rank
  selection(): Selection;
  select(samples: Selection, how: How): void;
  mark(sample: number): void;
  redraw(): void;
}

const CLICK = 4; // px that a click may slip

export function pointRanges(el: HTMLElement, act: Actions): Omit<Pointed, "marked"> {
  const state: { cursor: number | null; brush: readonly [number, number] | null } = {
    cursor: null,
    brush: null,
  };
  let pressed: { x: number; op: SetOp; before: Selection } | null = null;
  const move = (to: number | null) => {
    if (to === state.cursor) return;
    state.cursor = to;
    act.redraw();
  };
  const pick = (sample: number, op: SetOp, before: Selection) => {
    if (op === "replace") act.mark(sample);
    else act.select(combine(before, [sample], op), "final");
  };
  const release = () => {
    pressed = state.brush = null;
    act.redraw();
  };
  el.addEventListener("pointerdown", (e) => {
    const at = act.drawn();
    if (e.button !== 0 || !at || rankAt(at.layout, e.offsetX, e.offsetY) === null) return;
    el.setPointerCapture(e.pointerId);
    pressed = { x: e.offsetX, op: setOp(e), before: act.selection() };
  });
  el.addEventListener("pointermove", (e) => {
    const at = act.drawn();
    if (!at) return;
    move(rankAt(at.layout, e.offsetX, e.offsetY, pressed !== null));
    if (!pressed || (!state.brush && Math.abs(e.offsetX - pressed.x) < CLICK)) return;
    const ends = [rankAt(at.layout, pressed.x, 0, true)!, state.cursor!];
    const [a, b] = [Math.min(...ends), Math.max(...ends)];
    state.brush = [a, b];
    act.select(combine(pressed.before, at.samples.slice(a, b + 1), pressed.op), "live");
    act.redraw();
  });
  el.addEventListener("pointerup", () => {
    const at = act.drawn();
    if (!pressed || !at) return;
    if (state.brush)
      act.select(act.selection(), "final"); // now for good: the kernel hears of it
    else if (state.cursor !== null) pick(at.samples[state.cursor]!, pressed.op, pressed.before);
    release();
  });
  el.addEventListener("pointercancel", release);
  for (const event of ["pointerleave", "blur"]) el.addEventListener(event, () => move(null));
  el.addEventListener("keydown", (e) => {
    const at = act.drawn();
    if (!at) return;
    const here = state.cursor ?? act.marked() ?? -1;
    const last = at.samples.length - 1;
    const to = {
      ArrowLeft: here - 1,
      ArrowRight: here + 1,
      PageDown: here - 10,
      PageUp: here + 10,
      Home: 0,
      End: last,
    }[e.key];
    if (to !== undefined) move(Math.min(last, Math.max(0, to)));
    else if (e.key === "Enter" && state.cursor !== null)
      pick(at.samples[state.cursor]!, setOp(e), act.selection());
    else if (e.key === " " && state.cursor !== null)
      act.select(click(act.selection(), at.samples.slice(state.cursor, state.cursor + 1), "add"), "final");
    else if (e.key === "Escape") act.select(null, "final");
    else return;
    e.preventDefault();
  });
  return state;
}
