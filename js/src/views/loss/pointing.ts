/** Pointer and keys on the loss: pick a sample, brush a stretch of the axis, take the samples of bars. */

import type { ProfileAxis } from "../../core/lossprofile";
import { click, combine, type Selection, type SetOp, setOp } from "../../core/selection";
import type { How } from "../../core/store";
import { SET_KEYS } from "../../draw/dom";
import type { Axes } from "./axes";
import { type CurveLayout, sampleAt } from "./curve";
import { BINS, type Bins, binAt, inBins } from "./histogram";
import type { Places, Samples } from "./samples";
import { pointNear, type SimplexLayout } from "./simplex";

/** Bars on screen, and the samples that stand in them as numbers of rows. */
export interface BarsOnScreen {
  samples: { rows: Int32Array };
  bins: Bins | null;
  histogram: Axes;
}

/** What is on screen. Samples are numbers of its rows. */
export interface OnScreen extends BarsOnScreen {
  samples: Samples;
  places: Places;
  curve: { layout: CurveLayout; x: Float64Array; axis: ProfileAxis } | null;
  simplex: { layout: SimplexLayout; points: Float64Array; rows: number[] } | null; // where there is no curve
}

export interface BarActions {
  drawn(): BarsOnScreen | null;
  selection(): Selection;
  select(samples: Selection, how: How): void;
  /** Words on a stretch of bars. */
  barWords(bars: Bars): string;
  redraw(): void;
}

export interface Actions extends BarActions {
  drawn(): OnScreen | null;
  mark(sample: number): void;
  sampleWords(i: number): string;
}

export interface Bars {
  from: number;
  to: number; // the end that moves
}

const CLICK = 4; // px that a click may slip

const clamp = (v: number, low: number, high: number) => Math.min(high, Math.max(low, v));
const samplesAt = (at: BarsOnScreen, places: readonly number[]) =>
  Int32Array.from(places, (i) => at.samples.rows[i]!);

/** The sample under pointer or keys, and the stretch of the x axis that is brushed. */
export interface CurvePointing {
  cursor: number | null;
  brush: readonly [number, number] | null;
}

export function pointCurve(el: HTMLElement, act: Actions): CurvePointing {
  const state: CurvePointing = { cursor: null, brush: null };
  let pressed: { x: number; op: SetOp; before: Selection } | null = null;
  const move = (to: number | null) => {
    if (to === state.cursor) return;
    state.cursor = to;
    if (to !== null) el.setAttribute("aria-description", act.sampleWords(to));
    act.redraw();
  };
  const pick = (at: OnScreen, i: number, op: SetOp) => {
    const own = samplesAt(at, [i]);
    act.mark(own[0]!);
    act.select(click(act.selection(), own, op), "final");
  };
  const under = (at: OnScreen, e: PointerEvent): number | null => {
    if (at.curve) return sampleAt(at.curve.layout, at.curve.x, e.offsetX, e.offsetY);
    const { layout, points, rows } = at.simplex!;
    const i = pointNear(layout, points, e.offsetX, e.offsetY);
    return i === null ? null : rows[i]!;
  };
  const release = () => {
    pressed = state.brush = null;
    act.redraw();
  };
  el.addEventListener("pointerdown", (e) => {
    if (e.button !== 0 || !act.drawn()) return;
    el.setPointerCapture(e.pointerId);
    pressed = { x: e.offsetX, op: setOp(e), before: act.selection() };
  });
  el.addEventListener("pointermove", (e) => {
    const at = act.drawn();
    if (!at) return;
    if (!pressed) return move(under(at, e));
    if (!at.curve || (!state.brush && Math.abs(e.offsetX - pressed.x) < CLICK)) return;
    const { x, layout } = at.curve;
    const { box, xlim } = layout.loss;
    const value = (px: number) => clamp(xlim[0] + ((px - box.x) / box.w) * (xlim[1] - xlim[0]), ...xlim);
    const [a, b] = [value(pressed.x), value(e.offsetX)];
    state.brush = a < b ? [a, b] : [b, a];
    const [low, high] = state.brush;
    const inside: number[] = [];
    x.forEach((v, i) => {
      const drawn = clamp(v, ...xlim); // what lies beyond an end stands at it
      if (drawn >= low && drawn <= high) inside.push(i);
    });
    act.select(combine(pressed.before, samplesAt(at, inside), pressed.op), "live");
    act.redraw();
  });
  el.addEventListener("pointerup", (e) => {
    const at = act.drawn();
    if (!pressed || !at) return;
    const i = state.brush ? null : under(at, e);
    if (state.brush)
      act.select(act.selection(), "final"); // now for good: the kernel hears of it
    else if (i !== null) pick(at, i, pressed.op);
    release();
  });
  el.addEventListener("pointercancel", release);
  for (const event of ["pointerleave", "blur"]) el.addEventListener(event, () => move(null));
  el.addEventListener("keydown", (e) => {
    const at = act.drawn();
    if (!at) return;
    const along = at.places[at.curve?.axis ?? "p"];
    const order = [...(at.simplex?.rows ?? at.samples.rows.keys())].sort(
      (a, b) => along[a]! - along[b]! || a - b,
    );
    const here = state.cursor === null ? -1 : order.indexOf(state.cursor);
    const last = order.length - 1;
    const to = {
      ArrowLeft: here - 1,
      ArrowRight: here + 1,
      PageDown: here - 10,
      PageUp: here + 10,
      Home: 0,
      End: last,
    }[e.key];
    if (to !== undefined) move(order[clamp(to, 0, last)] ?? null);
    else if ((e.key === "Enter" || e.key === " ") && state.cursor !== null) pick(at, state.cursor, setOp(e));
    else if (e.key === "Escape") act.select(null, "final");
    else return;
    e.preventDefault();
  });
  return state;
}

/** What the keys do on bars, in words. */
export const barsLabel = (of: string, samples = "samples"): string =>
  `Histogram of the ${of}: left and right move, with Shift stretch, Enter selects the ${samples} of the bins (${SET_KEYS}), Escape clears`;

/** The bars under pointer or keys. */
export interface BarPointing {
  bars: Bars | null;
}

export function pointBars(el: HTMLElement, act: BarActions): BarPointing {
  const state: BarPointing = { bars: null };
  let pressed: { op: SetOp; before: Selection; moved: boolean } | null = null;
  const move = (to: Bars | null) => {
    if (to?.from === state.bars?.from && to?.to === state.bars?.to) return;
    state.bars = to;
    if (to) el.setAttribute("aria-description", act.barWords(to));
    act.redraw();
  };
  const held = (at: BarsOnScreen) =>
    samplesAt(at, at.bins && state.bars ? inBins(at.bins, state.bars.from, state.bars.to) : []);
  el.addEventListener("pointerdown", (e) => {
    const at = act.drawn();
    const bin = at && binAt(at.histogram, e.offsetX, e.offsetY);
    if (bin === null || e.button !== 0) return;
    el.setPointerCapture(e.pointerId);
    pressed = { op: setOp(e), before: act.selection(), moved: false };
    move({ from: bin, to: bin });
  });
  el.addEventListener("pointermove", (e) => {
    const at = act.drawn();
    if (!at) return;
    if (!pressed) {
      const bin = binAt(at.histogram, e.offsetX, e.offsetY);
      return move(bin === null ? null : { from: bin, to: bin });
    }
    const { box } = at.histogram;
    const bin = clamp(Math.floor(((e.offsetX - box.x) / box.w) * BINS), 0, BINS - 1);
    if (bin === state.bars?.to) return;
    pressed.moved = true;
    move({ from: state.bars?.from ?? bin, to: bin });
    act.select(combine(pressed.before, held(at), pressed.op), "live");
  });
  el.addEventListener("pointerup", () => {
    const at = act.drawn();
    if (!pressed || !at) return;
    const { op, before, moved } = pressed;
    pressed = null;
    act.select(moved ? combine(before, held(at), op) : click(before, held(at).sort(), op), "final");
  });
  for (const event of ["pointerleave", "pointercancel", "blur"])
    el.addEventListener(event, () => {
      pressed = null;
      move(null);
    });
  el.addEventListener("keydown", (e) => {
    const at = act.drawn();
    if (!at) return;
    const here = state.bars?.to ?? -1;
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: BINS - 1 }[e.key];
    if (to !== undefined) {
      const bin = clamp(to, 0, BINS - 1);
      move({ from: e.shiftKey && state.bars ? state.bars.from : bin, to: bin });
    } else if (e.key === "Enter" || e.key === " ")
      act.select(combine(act.selection(), held(at), setOp(e)), "final");
    else if (e.key === "Escape") act.select(null, "final");
    else return;
    e.preventDefault();
  });
  return state;
}
