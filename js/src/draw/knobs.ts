/** Native controls with names, values in words, stops, double click for the default. */

import { h, OWN_KEYS } from "./dom";
import { afterDrawing } from "./frame";

export interface RangeOptions {
  name: string; // accessible name, exactly as a person reads it
  low: number;
  high: number;
  step?: number | null;
  log?: boolean;
  value: number;
  default: number;
  /** While dragging, each frame. */
  live(value: number): void;
  /** On release, arrow key, stop or double click. */
  final(value: number): void;
  format?(value: number): string;
  /** Marks under the track to click on; `title` names one whose label is left out. */
  stops?: { value: number; label: string; title?: string }[];
  /** Snaps to this value when nearer than one hundredth of the track. */
  snap?: number[];
  /** Shows name and value beside the track (false: the caller shows them). */
  labelled?: boolean;
}

export interface RangeKnob {
  el: HTMLElement;
  input: HTMLInputElement;
  value: number;
  /** Shows a value that came from elsewhere; does not call back. `unset`: none is chosen, words say what is. */
  show(value: number, unset?: string): void;
  setMark(mark: { value: number; label: string } | null): void;
  setDisabled(disabled: boolean): void;
}

const POSITIONS = 1000; // track resolution of a log slider
const SNAP = 0.01; // of the track: how near a drag comes before it snaps
const END = 0.03; // stops this near an end are written inwards
const KEY_STEPS = 100; // arrow presses across the whole track where there is no step
/** Arrows go one step, Page keys ten, Home and End to the ends. */
const KEYS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

let nextId = 0;

export function rangeKnob(o: RangeOptions): RangeKnob {
  const id = `clsviz-knob-${nextId++}`;
  const format = o.format ?? ((v: number) => String(Number(v.toPrecision(3))));
  const [a, b] = o.log ? [Math.log(o.low), Math.log(o.high)] : [o.low, o.high];
  const place = (v: number) => ((o.log ? Math.log(Math.max(v, o.low)) : v) - a) / (b - a);
  const unplaced = (p: number) => {
    const v = a + p * (b - a);
    return o.log ? Number(Math.exp(v).toPrecision(4)) : Number(v.toPrecision(9));
  };
  const valueAt = (p: number) => (o.snap ?? []).find((s) => Math.abs(place(s) - p) < SNAP) ?? unplaced(p);
  const scale = o.log ? POSITIONS : 1; // native units of the input: positions, or the values themselves
  const toInput = (v: number) => (o.log ? place(v) * scale : v);
  const fromInput = () =>
    o.log ? valueAt(Number(input.value) / scale) : valueAt(place(Number(input.value)));

  const input = h("input", {
    type: "range",
    id,
    min: o.log ? 0 : o.low,
    max: o.log ? scale : o.high,
    step: o.log ? 1 : (o.step ?? "any"),
    "aria-label": o.name,
    ...OWN_KEYS,
  });
  const output = h("output", { for: id });
  const marker = h("span", { class: "clsviz-best", hidden: true });
  const track = h("div", { class: "clsviz-track" }, input, marker);
  const el =
    o.labelled === false
      ? track
      : h(
          "div",
          { class: "clsviz-knob" },
          h("span", { class: "clsviz-name", "aria-hidden": "true" }, o.name),
          track,
          output,
        );

  const say = (words: string, unset: boolean) => {
    output.textContent = words;
    input.setAttribute("aria-valuetext", words);
    el.classList.toggle("clsviz-unset", unset);
  };
  const knob: RangeKnob = {
    el,
    input,
    value: o.value,
    show(value, unset) {
      knob.value = value;
      afterDrawing(() => {
        input.value = String(toInput(value));
        say(unset ?? format(value), unset !== undefined);
      });
    },
    setMark(mark) {
      marker.hidden = mark === null;
      if (mark) {
        marker.style.setProperty("--p", String(Math.min(1, Math.max(0, place(mark.value)))));
        marker.textContent = mark.label;
      }
    },
    setDisabled(disabled) {
      input.disabled = disabled;
    },
  };
  const move = (value: number, end: (v: number) => void) => {
    knob.show(value);
    end(value);
  };
  let dragged = false;
  input.addEventListener("input", () => {
    const value = fromInput();
    dragged = true;
    knob.value = value;
    say(format(value), false);
    o.live(value);
  });
  input.addEventListener("change", () => {
    if (dragged) move(knob.value, o.final);
    dragged = false;
  });
  input.addEventListener("dblclick", () => move(o.default, o.final));
  const keyStep = o.log || !o.step ? 1 / KEY_STEPS : o.step / (o.high - o.low);
  input.addEventListener("keydown", (event) => {
    const steps = KEYS[event.key];
    if (steps === undefined) return;
    event.preventDefault();
    const p = Math.min(1, Math.max(0, place(knob.value) + steps * keyStep));
    move(unplaced(p), o.final);
  });
  for (const stop of o.stops ?? []) {
    const p = place(stop.value);
    const end = p < END ? " clsviz-low" : p > 1 - END ? " clsviz-high" : "";
    const pick = () => move(stop.value, o.final);
    track.append(
      h(
        "button",
        {
          type: "button",
          class: `clsviz-stop${end}`,
          tabindex: -1,
          "--p": p,
          "aria-label": stop.title,
          title: stop.title,
          onclick: pick,
        },
        stop.label,
      ),
    );
  }
  if (o.stops?.length) track.classList.add("clsviz-has-stops");
  knob.show(o.value);
  return knob;
}

export interface SelectOptions {
  name: string;
  options: { value: string; label: string; group?: string; title?: string }[];
  value: string;
  change(value: string): void;
  labelled?: boolean;
}

export interface SelectKnob {
  el: HTMLElement;
  select: HTMLSelectElement;
  show(value: string): void;
  setOptions(options: SelectOptions["options"]): void;
}

export function selectKnob(o: SelectOptions): SelectKnob {
  const select = h("select", { "aria-label": o.name, ...OWN_KEYS, onchange: () => o.change(select.value) });
  const el =
    o.labelled === false
      ? select
      : h("label", { class: "clsviz-field" }, h("span", { "aria-hidden": "true" }, o.name), select);
  const knob: SelectKnob = {
    el,
    select,
    show(value) {
      select.value = value;
    },
    setOptions(options) {
      const value = select.value;
      const groups = new Map<string, HTMLElement>();
      select.replaceChildren();
      for (const { value, label, group, title } of options) {
        let into: HTMLElement = select;
        if (group) {
          into = groups.get(group) ?? h("optgroup", { label: group });
          if (!groups.has(group)) select.append(into);
          groups.set(group, into);
        }
        into.append(h("option", { value, title }, label));
      }
      select.value = value;
    },
  };
  knob.setOptions(o.options);
  knob.show(o.value);
  return knob;
}

export interface NumberOptions {
  name: string;
  low: number;
  high: number;
  step?: number;
  value: number;
  change(value: number): void;
  labelled?: boolean;
}

export function numberKnob(o: NumberOptions): {
  el: HTMLElement;
  input: HTMLInputElement;
  show(value: number): void;
} {
  const input = h("input", {
    type: "number",
    min: o.low,
    max: o.high,
    step: o.step ?? 1,
    "aria-label": o.name,
    ...OWN_KEYS,
  });
  const take = () => {
    const value = Number(input.value);
    if (input.value === "" || !Number.isFinite(value)) return;
    const fit = Math.min(o.high, Math.max(o.low, value));
    o.change(fit);
  };
  input.addEventListener("input", take);
  const el =
    o.labelled === false
      ? input
      : h("label", { class: "clsviz-field" }, h("span", { "aria-hidden": "true" }, o.name), input);
  input.value = String(o.value);
  return {
    el,
    input,
    show(value) {
      if (document.activeElement !== input) input.value = String(value);
    },
  };
}

export function button(
  name: string,
  click: () => void,
  more: Record<string, unknown> = {},
): HTMLButtonElement {
  return h("button", { type: "button", onclick: click, ...OWN_KEYS, ...more }, name);
}

/** Two or three choices side by side, one of them pressed. */
export function segments(
  name: string,
  options: { value: string; label: string }[],
  value: string,
  change: (value: string) => void,
): { el: HTMLElement; show(value: string): void; rename(value: string, label: string): void } {
  const buttons = new Map(
    options.map((o) => [
      o.value,
      button(o.label, () => {
        show(o.value);
        change(o.value);
      }),
    ]),
  );
  const el = h("div", { class: "clsviz-segments", role: "group", "aria-label": name }, ...buttons.values());
  const show = (v: string) => {
    for (const [key, el] of buttons) el.setAttribute("aria-pressed", String(key === v));
  };
  show(value);
  const rename = (v: string, label: string) => {
    const el = buttons.get(v);
    if (el && el.textContent !== label) el.textContent = label;
  };
  return { el, show, rename };
}
