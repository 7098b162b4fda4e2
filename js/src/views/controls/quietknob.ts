/** A slider with name and value beside it, inside a view: an output would be a second status line there. */

import { h } from "../../draw/dom";
import { afterDrawing } from "../../draw/frame";
import { type RangeOptions, rangeKnob } from "../../draw/knobs";

export interface QuietKnob {
  el: HTMLElement;
  /** `unset`: none is chosen, words say what is. */
  show(value: number, unset?: string): void;
  setDisabled(disabled: boolean): void;
}

export function quietKnob(o: RangeOptions): QuietKnob {
  const format = o.format ?? ((v: number) => String(Number(v.toPrecision(3))));
  const knob = rangeKnob({ ...o, format, labelled: false });
  const value = h("span", { class: "clsviz-right", "aria-hidden": "true" }); // the slider says it itself
  const name = h("span", { class: "clsviz-name", "aria-hidden": "true" }, o.name);
  const el = h("div", { class: "clsviz-knob" }, name, knob.el, value);
  let said = "";
  const show = (v: number, unset?: string) => {
    knob.show(v, unset);
    const words = unset ?? format(v);
    if (words === said) return;
    said = words;
    afterDrawing(() => {
      value.textContent = words;
    });
  };
  show(o.value);
  return { el, show, setDisabled: knob.setDisabled };
}
