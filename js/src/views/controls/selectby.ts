/** The selection in one row: by what the network says, turned round, let go. */

import { type Criterion, samplesBy } from "../../core/criteria";
import { shownTilted } from "../../core/overlay";
import { combine, invert, type Part, partRows, type Selection, type SetOp } from "../../core/selection";
import type { How } from "../../core/store";
import { h } from "../../draw/dom";
import { button, rangeKnob, selectKnob } from "../../draw/knobs";
import type { Mount } from "../mount";

type By = Criterion["by"];

const CRITERIA: { value: By; label: string }[] = [
  { value: "confidence_below", label: "confidence below" },
  { value: "confidence_above", label: "confidence above" },
  { value: "margin_below", label: "margin below" },
  { value: "margin_above", label: "margin above" },
  { value: "wrong", label: "wrong guesses" },
  { value: "mislabelled", label: "mislabelled" },
  { value: "predicted", label: "called" },
  { value: "label", label: "labelled" },
];
const NOTHING = { value: "", label: "choose…" };
const TITLE =
  "Confidence: the probability of the guess. Margin: the probability of the label minus the greatest other one, " +
  "below 0 where the guess is wrong. Both at the temperature on screen. The selected set then stays, whatever moves.";

export const mountSelectBy: Mount = (el, { session, store }) => {
  const values = { confidence: 0.6, margin: 0.2 }; // where the sliders stand
  let by: By | "" = "";
  let before: Selection = null; // what the criterion is put to
  let made: Selection = null; // what became of it

  const selection = () => store.get<Selection>("selection");
  const kind = () => (by.startsWith("margin") ? "margin" : "confidence");

  const op = selectKnob({
    name: "How to select",
    labelled: false,
    value: "replace",
    options: [
      { value: "replace", label: "Select" },
      { value: "add", label: "Add" },
      { value: "remove", label: "Take out" },
      { value: "intersect", label: "Keep only" },
    ],
    change: () => begin(),
  });
  const criterion = selectKnob({
    name: "Select by",
    labelled: false,
    value: "",
    options: [NOTHING, ...CRITERIA],
    change(value) {
      by = value as By | "";
      // labels are wrong where a transform made them so: in the part trained on
      if (by === "mislabelled" && part.select.value === "validation") part.show("all");
      begin();
    },
  });
  criterion.select.title = TITLE;
  const part = selectKnob({
    name: "Of which samples",
    labelled: false,
    value: "validation",
    options: [
      { value: "validation", label: "of validation" },
      { value: "training", label: "of training" },
      { value: "all", label: "of all" },
    ],
    change: () => begin(),
  });
  const knobs = {
    confidence: threshold("Confidence threshold", 0, 0.6, (v, how) => slide("confidence", v, how)),
    margin: threshold("Margin threshold", -1, 0.2, (v, how) => slide("margin", v, how)),
  };
  const classes = selectKnob({
    name: "Class",
    labelled: false,
    value: "0",
    options: [],
    change: () => begin(),
  });
  const turn = button("Invert", () => {
    const rows = partRows(session.dataset!, part.select.value as Part);
    store.set("selection", invert(selection(), rows));
  });
  turn.title = "Selects all samples of the part named that are not selected, and lets the selected ones go";
  const clear = button("Clear selection", () => store.set("selection", null), {
    title: "Escape does the same",
  });
  const value = h("div", { class: "clsviz-threshold" }, knobs.confidence.el, knobs.margin.el, classes.el);
  el.append(
    h(
      "div",
      { class: "clsviz-selectby", role: "group", "aria-label": "Selection of samples" },
      op.el,
      criterion.el,
      value,
      part.el,
      h("span", { style: "flex: 1" }),
      turn,
      clear,
    ),
  );

  /** The criterion anew, on what is selected now. */
  function begin(): void {
    before = selection();
    apply("final");
  }
  function slide(which: "confidence" | "margin", v: number, how: How): void {
    values[which] = v;
    apply(how);
  }
  function apply(how: How): void {
    show();
    const at = by === "" ? null : shownTilted(session, store);
    if (!at || by === "") return;
    const c: Criterion =
      by === "wrong" || by === "mislabelled"
        ? { by }
        : by === "predicted" || by === "label"
          ? { by, value: Number(classes.select.value) }
          : { by, value: values[kind()] };
    const temperature = store.get<number | null>("temperature") ?? 1;
    const found = samplesBy(session, at, part.select.value as Part, c, temperature);
    made = combine(before, found, op.select.value as SetOp);
    store.set("selection", made, how);
  }

  function show(): void {
    const now = selection();
    if (now !== made) {
      // chosen elsewhere: the menu no longer says what is selected
      by = "";
      before = now;
      made = now;
    }
    criterion.show(by);
    const slides = by.startsWith("confidence") || by.startsWith("margin");
    knobs.confidence.el.hidden = !(slides && kind() === "confidence");
    knobs.margin.el.hidden = !(slides && kind() === "margin");
    classes.el.hidden = by !== "predicted" && by !== "label";
    clear.disabled = !now;
    clear.textContent = now ? `Clear selection (${now.length})` : "Clear selection";
  }
  function offerClasses(): void {
    const names = session.dataset?.classNames ?? [];
    classes.setOptions(names.map((label, k) => ({ value: String(k), label })));
    if (classes.select.value === "") classes.show("0");
    const off = !session.dataset;
    for (const knob of [op, criterion, part]) knob.select.disabled = off;
    turn.disabled = off;
  }
  offerClasses();
  show();
  const stops = [store.on(["selection"], show), session.on(["data"], offerClasses)];
  return () => {
    for (const stop of stops) stop();
  };
};

function threshold(name: string, low: number, value: number, slide: (v: number, how: How) => void) {
  const knob = rangeKnob({
    name,
    low,
    high: 1,
    step: 0.01,
    value,
    default: value,
    labelled: false,
    format: (v) => v.toFixed(2),
    live: (v) => {
      number.textContent = v.toFixed(2);
      slide(v, "live");
    },
    final: (v) => {
      number.textContent = v.toFixed(2);
      slide(v, "final");
    },
  });
  const number = h("output", { for: knob.input.id }, value.toFixed(2));
  return { el: h("div", { class: "clsviz-threshold-knob" }, knob.el, number) };
}
