/** How far samples are from another answer: margins with a threshold, accuracy against radius, one sample moved. */

import { logitMargins } from "../core/attacks";
import { median } from "../core/gallery";
import { markedSample } from "../core/marked";
import { selectedMask } from "../core/samples";
import { click, type Selection, selectionWords } from "../core/selection";
import type { Dataset } from "../core/session";
import { logitsOf, type Shown, shown } from "../core/shown";
import { argmax } from "../core/softmax";
import { makeCanvas } from "../draw/canvas";
import { h, OWN_KEYS } from "../draw/dom";
import { button, selectKnob } from "../draw/knobs";
import { commonNotice, makePanel, type Notice, shownWord, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { type Thumbnails, thumbnails } from "../draw/thumbnail";
import { type QuietKnob, quietKnob } from "./controls/quietknob";
import type { Axes } from "./loss/axes";
import { BINS, binWords, inBins } from "./loss/histogram";
import { type BarsOnScreen, pointBars } from "./loss/pointing";
import type { Mount } from "./mount";
import {
  type Attacks,
  attacksOn,
  distancesOf,
  logitMarginsOf,
  type Margins,
  placesOf,
  radiusLimit,
  thinned,
} from "./robustness/numbers";
import { drawMargins, drawNoRadius, drawRadius, type MarginBins, marginBins } from "./robustness/picture";
import { distanceWords, marginSentence, pairWords, radiusSentence } from "./robustness/words";

const ALL = "all";
const COMPUTING = 12; // ms that a frame may spend on samples it has not attacked yet
const NATS = 10; // where the slider of logit margins ends
const MOST_ROWS = 1000; // of the table
type Kind = "logit" | "distance";

interface Drawn extends BarsOnScreen {
  at: Shown;
  kind: Kind;
  margins: Margins;
  bins: MarginBins;
  attacks: Attacks | null;
  attacked: Int32Array; // samples
  radius: Axes | null;
}

export const mountRobustness: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "robustness", title: "Margins and attacks", table: () => table() });
  const kindAsked = (): Kind => (store.get("margin") === "distance" ? "distance" : "logit");
  const threshold = () => store.get<number | null>("threshold") ?? 0;
  const temperature = () => store.get<number | null>("temperature") ?? 1;
  const target = (): number | null => {
    const k = store.get<number | null>("target_class");
    return typeof k === "number" && k >= 0 && k < session.dataset!.k ? k : null;
  };

  const kinds = selectKnob({
    name: "Margin",
    options: [
      { value: "logit", label: "of the logits" },
      { value: "distance", label: "in input space" },
    ],
    value: "logit",
    change: (value) => store.set("margin", value),
  });
  const classes = selectKnob({
    name: "Class",
    options: [{ value: ALL, label: ALL }],
    value: ALL,
    change: (value) => store.set("target_class", value === ALL ? null : Number(value)),
  });
  const below = button("Select those below", () => selectBelow(), {
    class: "clsviz-small",
    title: "Selects the samples whose margin is below the threshold",
  });
  panel.controls.append(kinds.el, classes.el, below);

  const main = makeCanvas("");
  for (const [name, value] of Object.entries({
    tabindex: "0",
    role: "application",
    ...OWN_KEYS,
    "aria-label":
      "Histogram of the margins: left and right move, with Shift stretch, Enter selects the samples of the bins (with Shift adds, with Ctrl takes out, with both keeps the common ones), Escape clears",
  }))
    main.el.setAttribute(name, value);
  const curves = makeCanvas(
    "Accuracy against radius, and the marked sample beside its copy; the radius is set by the slider below, or by dragging here",
  );
  const sliders = h("div", { class: "clsviz-ood-knobs clsviz-robustness" });
  panel.body.classList.add("clsviz-ood-body");
  panel.body.append(
    h(
      "div",
      { class: "clsviz-plot clsviz-ood clsviz-robustness" },
      h("div", {}, main.el),
      h("div", {}, curves.el),
    ),
    sliders,
  );

  let knobs: { key: string; threshold: QuietKnob; radius: QuietKnob; limit: number } | null = null;
  /** Sliders whose ends are those of the data. */
  const knobsFor = (data: Dataset, kind: Kind) => {
    const limit = knobs && data === knobsOf ? knobs.limit : radiusLimit(data);
    knobsOf = data;
    const key = `${kind} ${limit}`;
    if (knobs?.key === key) return knobs;
    const end = kind === "logit" ? NATS : limit;
    const numbered = { format: (v: number) => String(Number(v.toPrecision(3))).replace("-", "−") };
    knobs = {
      key,
      limit,
      threshold: quietKnob({
        name: "Margin below",
        low: -end,
        high: end,
        step: end / 100,
        value: 0,
        default: 0,
        snap: [0],
        stops: [-end, 0, end].map((value) => ({ value, label: numbered.format(value) })),
        live: (v) => store.set("threshold", v, "live"),
        final: (v) => store.set("threshold", v),
        ...numbered,
      }),
      radius: quietKnob({
        name: "Radius",
        low: 0,
        high: limit,
        step: limit / 200,
        value: limit / 4,
        default: limit / 4,
        stops: [0, limit / 2, limit].map((value) => ({ value, label: numbered.format(value) })),
        live: (v) => store.set("radius", v, "live"),
        final: (v) => store.set("radius", v),
        ...numbered,
      }),
    };
    sliders.replaceChildren(knobs.threshold.el, knobs.radius.el);
    return knobs;
  };
  let knobsOf: Dataset | null = null;
  const radius = (limit: number) => Math.max(0, store.get<number | null>("radius") ?? limit / 4);

  let drawn: Drawn | null = null;
  let menu = "";
  let pictures: { of: Dataset; thumbnails: Thumbnails } | null = null;

  const draw = () => {
    const data = session.dataset;
    const notice = commonNotice(session) ?? tooMany();
    const at = notice ? null : shown(session, store);
    panel.notice(notice);
    panel.setHovered(at?.hovered ?? false);
    below.disabled = !at;
    if (!at || !data) {
      drawn = null;
      return panel.status("No margins yet.");
    }
    if (menu !== data.classNames.join("\0")) {
      menu = data.classNames.join("\0");
      const each = data.classNames.map((label, k) => ({ value: String(k), label }));
      classes.setOptions([{ value: ALL, label: ALL }, ...each]);
    }
    classes.show(String(target() ?? ALL));
    const attacks = attacksOn(data, at);
    const kind = attacks ? kindAsked() : "logit";
    kinds.show(kind);
    kinds.select.disabled = !attacks;
    const { limit, ...sliders } = knobsFor(data, kind);
    sliders.threshold.show(threshold());
    sliders.radius.show(radius(limit));
    sliders.radius.setDisabled(!attacks);

    const places = placesOf(at, target());
    const chosen = thinned(places);
    const done = attacks?.attack(
      Array.from(chosen, (i) => at.rows[i]!),
      performance.now() + COMPUTING,
    );
    if (done && done.length < chosen.length) frame.ask();
    const known = Int32Array.from(done ?? [], (i) => chosen[i]!);
    const margins =
      kind === "distance"
        ? distancesOf(at, known, data.k, attacks!)
        : logitMarginsOf(at, places, data.k, temperature());
    if (margins.samples.length === 0) {
      drawn = null;
      main.begin();
      curves.begin();
      return panel.status(
        places.length === 0 ? "This class has no validation samples." : "The first attack runs.",
      );
    }
    show(data, at, kind, margins, attacks, known, chosen.length - known.length);
  };

  const show = (
    data: Dataset,
    at: Shown,
    kind: Kind,
    margins: Margins,
    attacks: Attacks | null,
    known: Int32Array,
    waiting: number,
  ) => {
    const bins = marginBins(margins.margins, margins.correct);
    const mask = selectedMask(store.get<Selection>("selection"), data.n);
    const selected = mask && Uint8Array.from(margins.samples, (i) => mask[i]!);
    const seen = selected?.some((v) => v > 0) ? selected : null;
    const marked = markedSample(session, store);
    const c = colours(main.el);
    const wrong = margins.correct.reduce((sum, v) => sum + 1 - v, 0);
    const heat = temperature() === 1 ? "" : ` at T = ${Number(temperature().toFixed(2))}`;
    const left = main.begin();
    const histogram = drawMargins(left.g, c, left.w, left.h, {
      bins,
      axis:
        kind === "logit"
          ? `logit margin, nats${heat}: label's minus the best other`
          : "distance to the boundary, negative where wrong",
      right: margins.samples.length - wrong,
      wrong,
      threshold: threshold(),
      selected: seen && countsOf(bins, margins.correct, seen),
      marked: marked === null ? null : marginOf(at, marked, kind, attacks),
      cursor: bars.bars,
    });
    const attacked = Int32Array.from(known, (i) => at.rows[i]!);
    drawn = {
      at,
      kind,
      margins,
      bins,
      attacks,
      attacked,
      samples: { rows: margins.samples },
      histogram,
      radius: null,
    };
    const target_ = target();
    const parts = marginSentence({
      kind,
      below: margins.margins.reduce((sum, v) => sum + Number(v < threshold()), 0),
      n: margins.samples.length,
      of: `validation samples${target_ === null ? "" : ` of class ${data.classNames[target_]}`}`,
      threshold: threshold(),
      temperature: temperature(),
      median: median(margins.margins),
      wrong,
    });
    const right = curves.begin();
    if (!attacks || known.length === 0) {
      const why = attacks ? "The first attack runs." : whyNone(data);
      drawNoRadius(right.g, c, right.w, right.h, why);
      return panel.status(...shownWord(at), ...parts, ` ${why}`, ...chosenWords(seen));
    }
    const rows = distancesOf(at, known, data.k, attacks);
    const [r, limit] = [radius(knobs!.limit), knobs!.limit];
    const accuracy = [
      rows.samples.reduce(
        (sum, sample, i) => sum + Number(rows.correct[i]! && attacks.distance(sample) > r),
        0,
      ) / rows.samples.length,
      attacks.fgsmAccuracy(attacked, r),
    ] as const;
    const pair = marked === null ? null : attacks.pair(marked, r, temperature());
    if (pictures?.of !== data) pictures = { of: data, thumbnails: thumbnails(data, data.validation, c) };
    const { found, fgsm } = attacks.curves(attacked, rows.correct);
    drawn.radius = drawRadius(right.g, c, right.w, right.h, {
      radii: attacks.radii,
      found,
      fgsm,
      exact: attacks.exact,
      radius: Math.min(r, limit),
      accuracy,
      pair,
      pictures: pictures.thumbnails,
      classNames: data.classNames,
    });
    panel.status(
      ...shownWord(at),
      ...parts,
      ...radiusSentence({
        radius: r,
        step: attacks.step(r),
        accuracy,
        exact: attacks.exact,
        attacked: attacked.length,
        waiting,
      }),
      ...(pair ? [pairWords(pair, data.classNames)] : []),
      ...(isTilted() ? [" All of the network itself, not of the tilted rule."] : []),
      ...chosenWords(seen),
    );
  };

  const isTilted = () =>
    store.get<boolean | null>("use_tilted") === true &&
    (store.get("tilt") !== null || store.get("regularisation") !== null);

  const marginOf = (at: Shown, sample: number, kind: Kind, attacks: Attacks | null): number => {
    const { k, y } = session.dataset!;
    const z = logitsOf(session, at, [sample]);
    if (kind === "logit") return logitMargins(z, [y[sample]!], k, temperature())[0]!;
    return (argmax(z) === y[sample]! ? 1 : -1) * attacks!.distance(sample);
  };

  const tooMany = (): Notice | null =>
    session.predictions
      ? { tone: "plain", title: "Too many", text: "So many predictions are not looked at one by one." }
      : null;

  const selectBelow = () => {
    if (!drawn) return;
    const { samples, margins } = drawn.margins;
    const found = samples.filter((_, i) => margins[i]! < threshold()).sort();
    store.set(
      "selection",
      found.length > 0 ? click(store.get<Selection>("selection"), found, "replace") : null,
    );
  };

  const chosenWords = (seen: Uint8Array | null): string[] => {
    const selection = store.get<Selection>("selection");
    if (!selection) return [];
    const [count, where] = selectionWords(selection, seen?.reduce((n, v) => n + v, 0) ?? 0, session.dataset!);
    return [` ${count.replace(/^n/, "N")}${where}.`];
  };

  const table = (): TableData => {
    const columns = ["sample", "label", "called", "margin (nats)", "distance"];
    if (!drawn) return { columns, rows: [] };
    const { at, margins, attacks, attacked } = drawn;
    const { k, classNames } = session.dataset!;
    const far = new Map(Array.from(attacked, (sample) => [sample, attacks!.distance(sample)]));
    const nats = logitMarginsOf(at, margins.places, k, temperature()).margins;
    const order = [...margins.places.keys()].sort((a, b) => margins.margins[a]! - margins.margins[b]!);
    return {
      columns,
      rows: order.slice(0, MOST_ROWS).map((i) => {
        const [place, sample] = [margins.places[i]!, margins.samples[i]!];
        const distance = far.get(sample);
        return [
          sample,
          classNames[at.labels[place]!]!,
          classNames[argmax(at.logits, place * k, k)]!,
          nats[i]!,
          distance === undefined ? "" : distanceWords(distance),
        ];
      }),
    };
  };

  const bars = pointBars(main.el, {
    drawn: () => drawn,
    selection: () => store.get<Selection>("selection"),
    select: (samples, how) => store.set("selection", samples, how),
    barWords({ from, to }) {
      if (!drawn) return "";
      const inside = inBins(drawn.bins, from, to);
      const wrong = inside.reduce((sum, i) => sum + 1 - drawn!.margins.correct[i]!, 0);
      return `margin ${binWords(drawn.bins, from, to)}: ${inside.length} samples, ${wrong} of them wrong`;
    },
    redraw: () => frame.ask(),
  });

  // the radius moves along the curves with the pointer
  let dragging = false;
  const drag = (e: PointerEvent, how: "live" | "final") => {
    const box = drawn?.radius?.box;
    if (!box) return;
    const share = Math.min(1, Math.max(0, (e.offsetX - box.x) / box.w));
    store.set("radius", (knobs!.limit * Math.round(200 * share)) / 200, how);
  };
  curves.el.addEventListener("pointerdown", (e) => {
    const box = drawn?.radius?.box;
    if (e.button !== 0 || !box || e.offsetX > box.x + box.w + 8) return;
    dragging = true;
    curves.el.setPointerCapture(e.pointerId);
    drag(e, "live");
  });
  curves.el.addEventListener("pointermove", (e) => {
    if (dragging) drag(e, "live");
  });
  curves.el.addEventListener("pointerup", (e) => {
    if (dragging) drag(e, "final");
    dragging = false;
  });
  curves.el.addEventListener("pointercancel", () => {
    dragging = false;
  });

  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [main.el, curves.el],
    keys: [
      "temperature",
      "step",
      "member",
      "selection",
      "marked",
      "hover",
      "margin",
      "threshold",
      "target_class",
      "radius",
      "use_tilted",
      "tilt",
      "regularisation",
    ],
    events: ["data", "snapshots", "run", "fan", "alive"],
    relook: () => {
      pictures = null;
    },
  });
  return frame.close;
};

/** Why there are neither distances nor attacks. */
function whyNone(data: Dataset): string {
  return data.d === 0
    ? "These are predictions alone: there is no input to move, so no distances and no attacks."
    : "The browser cannot run this model and follow its slopes: no distances and no attacks.";
}

/** Selected samples of each bin, right and wrong. */
function countsOf(bins: MarginBins, correct: Uint8Array, selected: Uint8Array): Uint32Array {
  const out = new Uint32Array(3 * BINS);
  bins.bin.forEach((b, i) => {
    out[3 * b + (correct[i] ? 0 : 1)]! += selected[i]!;
  });
  return out;
}
