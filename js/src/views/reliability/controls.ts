/** What the view can be switched to: picture, calibrator, class, binning, threshold, number of bins. */

import type { Settings } from "../../core/measures";
import type { Dataset } from "../../core/session";
import type { How, Store } from "../../core/store";
import { h, say } from "../../draw/dom";
import { numberKnob, rangeKnob, selectKnob } from "../../draw/knobs";
import { DEFAULT_BINS, MOST_BINS, PICTURES, type PictureName } from "./state";

const BIN_CHOICES = [5, 10, 15, 20, 25, 50, 100, 200, MOST_BINS];
const TOP = "top_label";
const HIGHEST_THRESHOLD = 0.999;
const SETTLED = 300; // ms
const cutoffWords = (t: number) => (t === 0 ? "off" : t.toFixed(3));

export interface CalibratorChoice {
  name: string;
  title: string;
  offered: boolean;
}

export interface Controls {
  /** To stand above the picture. */
  row: HTMLElement;
  show(s: Settings, picture: PictureName, cutoff: number): void;
  /** Refills the menu of calibrators; `why` says why some are not offered. */
  offer(choices: readonly CalibratorChoice[], chosen: string, why: string): void;
  close(): void;
}

export function makeControls(
  header: HTMLElement,
  measures: HTMLElement,
  store: Store,
  data: () => Dataset | null,
): Controls {
  const choices = h(
    "datalist",
    { id: `clsviz-choices-${crypto.randomUUID()}` },
    ...BIN_CHOICES.map((n) => h("option", { value: n })),
  );
  const bins = numberKnob({
    name: "Bins",
    low: 1,
    high: MOST_BINS,
    value: DEFAULT_BINS,
    change: (n) => binsKnob.move(Math.round(n)),
  });
  // each press of the arrows is drawn; the kernel hears of the last
  const binsKnob = settled((n: number, how: How) => store.set("n_bins", n, how));
  let nBins = DEFAULT_BINS;
  bins.input.addEventListener("change", binsKnob.settle);
  bins.input.setAttribute("list", choices.id);
  bins.input.style.width = "70px"; // three digits beside the arrow of the choices
  bins.input.addEventListener("blur", () => bins.show(nBins));
  bins.el.dataset.control = "bins";
  header.append(bins.el, choices);

  const pictures = selectKnob({
    name: "Show",
    labelled: false,
    value: "diagram",
    options: Object.entries(PICTURES).map(([value, label]) => ({ value, label })),
    change: (picture) => store.set("picture", picture),
  });
  const calibrator = selectKnob({
    name: "Calibrate",
    value: "",
    options: [{ value: "", label: "none" }],
    change: (name) => store.set("calibrator", name),
  });
  const binning = selectKnob({
    name: "Binning",
    value: "equal_width",
    labelled: false,
    change: (scheme) => store.set("scheme", scheme),
    options: [
      { value: "equal_width", label: "equal width" },
      { value: "equal_mass", label: "equal mass" },
    ],
  });
  const of = selectKnob({
    name: "Of",
    value: TOP,
    options: [],
    change: (value) => {
      if (value !== TOP) store.set("target_class", Number(value));
      store.set("mode", value === TOP ? TOP : "per_class");
    },
  });
  const cutoffValue = h("span");
  const threshold = rangeKnob({
    labelled: false, // an output would be a second status line in this view
    name: "Threshold",
    low: 0,
    high: HIGHEST_THRESHOLD,
    step: 0.001,
    value: 0,
    default: 0,
    format: cutoffWords,
    live: (t) => store.set("threshold", t, "live"),
    final: (t) => store.set("threshold", t),
  });
  const knob = h(
    "div",
    { class: "clsviz-knob", style: "flex: 1 1 220px; max-width: 340px" },
    h("span", { class: "clsviz-name", "aria-hidden": "true" }, "Threshold"),
    threshold.el,
    cutoffValue,
  );
  // as low as the controls of the header
  for (const { select } of [pictures, calibrator, binning, of])
    select.style.cssText = "height: 22px; max-width: 170px";
  calibrator.select.style.width = "128px"; // the same whatever is chosen

  let offered = "";
  let named: readonly string[] | null = null;
  const nameClasses = () => {
    const names = data()?.classNames ?? [];
    if (names === named) return;
    named = names;
    of.setOptions([
      { value: TOP, label: "top guess" },
      ...names.map((name, k) => ({ value: String(k), label: `class ${name}` })),
    ]);
  };
  nameClasses();
  return {
    row: h(
      "div",
      { class: "clsviz-row", style: "row-gap: 4px" },
      pictures.el,
      calibrator.el,
      of.el,
      binning.el,
      measures,
      knob,
    ),
    show(s, picture, cutoff) {
      nameClasses();
      nBins = s.nBins;
      bins.show(nBins);
      threshold.show(cutoff);
      say(cutoffValue, cutoffWords(cutoff));
      binning.show(s.scheme);
      of.show(s.target === null ? TOP : String(s.target));
      pictures.show(picture);
    },
    offer(all, chosen, why) {
      const look = JSON.stringify([all, chosen, why]);
      if (look === offered) return;
      offered = look;
      const known = all.some((m) => m.name === chosen) || !chosen;
      calibrator.setOptions([
        { value: "", label: "none" },
        ...all.map(({ name, title }) => ({ value: name, label: title })),
        ...(known ? [] : [{ value: chosen, label: chosen }]),
      ]);
      const closed = new Set(all.filter((m) => !m.offered).map((m) => m.name));
      for (const option of calibrator.select.options) option.disabled = closed.has(option.value);
      calibrator.select.title = closed.size > 0 ? why : "";
      calibrator.show(chosen);
    },
    close: binsKnob.settle,
  };
}

/** Says a value while it moves, and once more when it has come to rest. */
function settled(say: (value: number, how: How) => void): { move(value: number): void; settle(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: number | null = null;
  const settle = () => {
    clearTimeout(timer);
    if (last !== null) say(last, "final");
    last = null;
  };
  return {
    move(value) {
      say(value, "live");
      last = value;
      clearTimeout(timer);
      timer = setTimeout(settle, SETTLED);
    },
    settle,
  };
}
