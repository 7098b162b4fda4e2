/** How far samples are from another answer: margins with a threshold, accuracy against radius, one sample moved. */

import { logitMargins } from "../core/attacks";
import { said } from "../core/criteria";
import { median } from "../core/gallery";
import { markedSample } from "../core/marked";
import { selectedMask } from "../core/samples";
import { click, type Selection, selectionSentence } from "../core/selection";
import type { Dataset } from "../core/session";
import { logitsOf, type Shown, shown } from "../core/shown";
import { argmax } from "../core/softmax";
import { makeCanvas, operable } from "../draw/canvas";
import { h } from "../draw/dom";
import { dragOn } from "../draw/drag";
import { commonNotice, makePanel, shownWord, type TableData, tooManyNotice } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { type Thumbnails, thumbnails } from "../draw/thumbnail";
import { type Axes, atX } from "./loss/axes";
import { binWords, countsOf, inBins } from "./loss/histogram";
import { type BarsOnScreen, barsLabel, pointBars } from "./loss/pointing";
import type { Mount } from "./mount";
import { type Asked, makeControls, STEPS } from "./robustness/controls";
import {
  type Attacks,
  attacksOn,
  belowByClass,
  distancesOf,
  type Kind,
  logitMarginsOf,
  type Margins,
  placesOf,
  probabilityMarginsOf,
  thinned,
} from "./robustness/numbers";
import { drawMargins, drawNoRadius, drawRadius, type MarginBins, marginBins } from "./robustness/picture";
import { distanceWords, marginSentence, pairWords, radiusSentence } from "./robustness/words";

const COMPUTING = 12; // ms that a frame may spend on samples it has not attacked yet
const MOST_ROWS = 1000; // of the table
const GRIP = 7; // px on either side of the threshold's line where it can be taken

interface Drawn extends BarsOnScreen {
  at: Shown;
  asked: Asked;
  margins: Margins;
  bins: MarginBins;
  attacks: Attacks | null;
  attacked: Int32Array; // samples
  radius: Axes | null;
}

export const mountRobustness: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "robustness", title: "Margins and attacks", table: () => table() });
  const temperature = () => store.get<number | null>("temperature") ?? 1;
  const controls = makeControls(store, { selectBelow: () => selectBelow(), redraw: () => frame.ask() });
  panel.controls.append(...controls.header);

  const main = operable(
    makeCanvas(""),
    `${barsLabel("margins")}; up and down, Page Up and Page Down move the threshold`,
  );
  const curves = makeCanvas(
    "Accuracy against radius, and the marked sample beside its copy; the radius is set by the slider below, or by dragging here",
  );
  panel.body.classList.add("clsviz-ood-body");
  panel.body.append(
    h(
      "div",
      { class: "clsviz-plot clsviz-ood clsviz-robustness" },
      h("div", {}, main.el),
      h("div", {}, curves.el, controls.stop),
    ),
    controls.sliders,
  );

  let drawn: Drawn | null = null;
  let pictures: { of: Dataset; thumbnails: Thumbnails } | null = null;

  const draw = () => {
    const data = session.dataset;
    const notice = commonNotice(session) ?? tooManyNotice(session);
    const at = notice ? null : shown(session, store);
    panel.notice(notice);
    panel.setHovered(at?.hovered ?? false);
    if (!at || !data) {
      drawn = null;
      controls.show(null);
      return panel.status("No margins yet.");
    }
    const wanted = controls.asked(data);
    const attacks = attacksOn(data, at, wanted.by);
    const asked: Asked = { ...wanted, kind: !attacks && wanted.kind === "distance" ? "logit" : wanted.kind };
    controls.show({ data, asked, attacks });

    const places = placesOf(at, asked.target);
    const chosen = thinned(places);
    const samples = Array.from(chosen, (i) => at.rows[i]!);
    const left = attacks ? samples.length - attacks.attack(samples, 0).length : 0;
    const stopped = controls.computing(attacks, left);
    const done = attacks?.attack(samples, stopped ? 0 : performance.now() + COMPUTING);
    if (done && done.length < chosen.length && !stopped) frame.ask();
    else if (!stopped) controls.computing(attacks, 0);
    const known = Int32Array.from(done ?? [], (i) => chosen[i]!);
    const margins =
      asked.kind === "distance"
        ? distancesOf(at, known, data.k, attacks!)
        : (asked.kind === "logit" ? logitMarginsOf : probabilityMarginsOf)(at, places, data.k, temperature());
    if (margins.samples.length === 0) {
      drawn = null;
      main.begin();
      curves.begin();
      return panel.status(
        places.length === 0 ? "This class has no validation samples." : "The first attack runs.",
      );
    }
    show(data, at, asked, margins, attacks, known, { waiting: chosen.length - known.length, stopped });
  };

  const show = (
    data: Dataset,
    at: Shown,
    asked: Asked,
    margins: Margins,
    attacks: Attacks | null,
    known: Int32Array,
    rest: { waiting: number; stopped: boolean },
  ) => {
    const { kind, threshold, target } = asked;
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
      axis: {
        logit: `logit margin, nats${heat}: label's minus the best other`,
        probability: `margin of probabilities${heat}: label's minus the best other`,
        distance: "Euclidean distance to the boundary: negative where wrong",
      }[kind],
      right: margins.samples.length - wrong,
      wrong,
      threshold,
      selected:
        seen &&
        countsOf(
          bins,
          margins.correct.map((v) => 1 - v),
          seen,
        ),
      marked: marked === null ? null : marginOf(at, marked, kind, attacks),
      cursor: bars.bars,
      below: belowByClass(at, margins, threshold, data.k),
      classNames: data.classNames,
    });
    const attacked = Int32Array.from(known, (i) => at.rows[i]!);
    drawn = {
      at,
      asked,
      margins,
      bins,
      attacks,
      attacked,
      samples: { rows: margins.samples },
      histogram,
      radius: null,
    };
    const parts = marginSentence({
      kind,
      below: margins.margins.reduce((sum, v) => sum + Number(v < threshold), 0),
      n: margins.samples.length,
      of: `validation samples${target === null ? "" : ` of class ${data.classNames[target]}`}`,
      threshold,
      temperature: temperature(),
      median: median(margins.margins),
      wrong,
    });
    const chosen = selectionSentence(store.get<Selection>("selection"), seen, data);
    const right = curves.begin();
    if (!attacks || known.length === 0) {
      const why = attacks ? "The first attack runs." : whyNone(data);
      drawNoRadius(right.g, c, right.w, right.h, why);
      return panel.status(...shownWord(at), ...parts, ` ${why}`, ...chosen);
    }
    const rows = distancesOf(at, known, data.k, attacks);
    const r = asked.radius;
    const accuracy = attacks.accuracy(attacked, rows.correct, r);
    const pair = marked === null ? null : attacks.pair(marked, r, temperature());
    if (pictures?.of !== data) pictures = { of: data, thumbnails: thumbnails(data, data.validation, c) };
    drawn.radius = drawRadius(right.g, c, right.w, right.h, {
      attacks,
      curves: attacks.curves(attacked, rows.correct),
      radius: Math.min(r, controls.ends(data, kind).radius),
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
        attacks,
        accuracy,
        attacked: attacked.length,
        ...rest,
      }),
      ...(pair ? [pairWords(pair, data.classNames)] : []),
      ...(isTilted() ? [" All of the network itself, not of the tilted rule."] : []),
      ...chosen,
    );
  };

  const isTilted = () =>
    store.get<boolean | null>("use_tilted") === true &&
    (store.get("tilt") !== null || store.get("regularisation") !== null);

  const marginOf = (at: Shown, sample: number, kind: Kind, attacks: Attacks | null): number => {
    const { k, y } = session.dataset!;
    const z = logitsOf(session, at, [sample]);
    const label = [y[sample]!];
    if (kind === "logit") return logitMargins(z, label, k, temperature())[0]!;
    if (kind === "probability") return said(Int32Array.of(sample), z, label, k, temperature()).margin[0]!;
    return (argmax(z) === y[sample]! ? 1 : -1) * attacks!.distance(sample);
  };

  const selectBelow = () => {
    if (!drawn) return;
    const { samples, margins } = drawn.margins;
    const { threshold } = drawn.asked;
    const found = samples.filter((_, i) => margins[i]! < threshold).sort();
    store.set(
      "selection",
      found.length > 0 ? click(store.get<Selection>("selection"), found, "replace") : null,
    );
  };

  const table = (): TableData => {
    const columns = ["sample", "label", "called", "margin (nats)", "distance", "certified"];
    if (!drawn) return { columns, rows: [] };
    const { at, margins, attacks, attacked } = drawn;
    const { k, classNames } = session.dataset!;
    const far = new Set(attacked);
    const nats = logitMarginsOf(at, margins.places, k, temperature()).margins;
    const order = [...margins.places.keys()].sort((a, b) => margins.margins[a]! - margins.margins[b]!);
    return {
      columns,
      rows: order.slice(0, MOST_ROWS).map((i) => {
        const [place, sample] = [margins.places[i]!, margins.samples[i]!];
        const found = far.has(sample);
        return [
          sample,
          classNames[at.labels[place]!]!,
          classNames[argmax(at.logits, place * k, k)]!,
          nats[i]!,
          found ? distanceWords(attacks!.distance(sample)) : "",
          found ? attacks!.certified(sample).toFixed(4) : "",
        ];
      }),
    };
  };

  /** The threshold from the histogram: to a hundredth of the slider, and no farther than it is drawn. */
  const setThreshold = (v: number, how: "live" | "final") => {
    if (!drawn) return;
    const step = controls.ends(session.dataset!, drawn.asked.kind).threshold / STEPS;
    const [low, high] = drawn.histogram.xlim;
    const whole = Math.round(Math.min(high, Math.max(low, v)) / step);
    store.set("threshold", Number((whole * step).toPrecision(6)), how);
  };
  dragOn(main.el, {
    cursor: "ew-resize",
    holds(e) {
      if (!drawn) return false;
      const { box, xlim } = drawn.histogram;
      const at = atX(drawn.histogram, Math.min(xlim[1], Math.max(xlim[0], drawn.asked.threshold)));
      return Math.abs(e.offsetX - at) <= GRIP && e.offsetY <= box.y + box.h;
    },
    follow(e, how) {
      if (!drawn) return;
      const { box, xlim } = drawn.histogram;
      setThreshold(xlim[0] + ((e.offsetX - box.x) / box.w) * (xlim[1] - xlim[0]), how);
    },
  });
  main.el.addEventListener("keydown", (e) => {
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[e.key];
    if (!steps || !drawn) return;
    e.preventDefault();
    const { threshold, kind } = drawn.asked;
    const step = controls.ends(session.dataset!, kind).threshold / STEPS;
    setThreshold((store.get<number | null>("threshold") ?? threshold) + steps * step, "final");
  });
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

  dragOn(curves.el, {
    holds(e) {
      const box = drawn?.radius?.box;
      return box !== undefined && e.offsetX <= box.x + box.w + 8;
    },
    follow(e, how) {
      const box = drawn?.radius?.box;
      if (!box) return;
      const share = Math.min(1, Math.max(0, (e.offsetX - box.x) / box.w));
      const limit = controls.ends(session.dataset!, "distance").radius;
      store.set("radius", (limit * Math.round(200 * share)) / 200, how);
    },
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
      "distance_by",
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
    ? "These are predictions alone: there is no input to move, so no distances, no attacks and no certificate."
    : "The browser cannot run this model and follow its slopes: no distances, no attacks and no certificate.";
}
