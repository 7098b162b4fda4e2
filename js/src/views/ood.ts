/** Samples of no class: scores of them and of validation samples, the ROC curve, and a threshold to drag. */

import { markedSample } from "../core/marked";
import { DETECTORS, type Detector, OF_LOGITS, oodMetrics, RIDGE, readsFeatures } from "../core/ood";
import { questionKey } from "../core/oodanswer";
import { RULE_KEYS, shownTilted } from "../core/overlay";
import { selectedMask } from "../core/samples";
import { click, type Selection, selectionSentence } from "../core/selection";
import { logitsOf, type Shown } from "../core/shown";
import { makeCanvas, operable } from "../draw/canvas";
import { h } from "../draw/dom";
import { dragOn } from "../draw/drag";
import { button, selectKnob } from "../draw/knobs";
import {
  commonNotice,
  makePanel,
  type Notice,
  shownWord,
  type TableData,
  tooManyNotice,
} from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { Asker } from "./asker";
import { quietKnob } from "./controls/quietknob";
import { type Axes, atY } from "./loss/axes";
import { binWords, countsOf, inBins } from "./loss/histogram";
import { type BarsOnScreen, barsLabel, pointBars } from "./loss/pointing";
import type { Mount } from "./mount";
import {
  type OutsideRows,
  outsideShown,
  questionFor,
  type Scored,
  scoreOf,
  scoresShown,
  setOptions,
} from "./ood/numbers";
import { drawOverlap, drawRoc, type Overlap, overlap, scoreLimits } from "./ood/picture";
import { sentence, signed } from "./ood/words";

const LEAST_KEPT = 0.5;
const STRONGEST = 4;

/** What is on screen, for the pointer, the keys and the table. */
interface Drawn extends BarsOnScreen {
  at: Shown;
  set: OutsideRows;
  scores: Scored;
  bins: Overlap;
  roc: Axes;
  threshold: number;
}

export const mountOod: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "ood", title: "In or out of distribution", table: () => table() });
  const detector = (): Detector => {
    const chosen = store.get<string | null>("detector") ?? "msp";
    return Object.hasOwn(DETECTORS, chosen) ? (chosen as Detector) : "msp";
  };
  const strength = () => store.get<number | null>("strength") ?? 1;
  const kept = () => store.get<number | null>("kept") ?? 0.95;
  const temperature = () => store.get<number | null>("temperature") ?? 1;

  const scores = selectKnob({
    name: "Score",
    options: Object.entries(DETECTORS).map(([value, label]) => ({
      value,
      label,
      group: readsFeatures(value as Detector) ? "of the last features" : "of the logits",
    })),
    value: "msp",
    change: (value) => store.set("detector", value),
  });
  const sets = selectKnob({
    name: "Outside",
    options: [],
    value: "",
    change: (value) => store.set("outside", value),
  });
  const below = button("Select those called out", () => selectBelow(), {
    class: "clsviz-small",
    title: "Selects the validation samples below the threshold",
  });
  panel.controls.append(scores.el, sets.el, below);

  const main = operable(makeCanvas(""), barsLabel("scores", "validation samples"));
  const roc = makeCanvas("ROC curve; the threshold is set by the slider below, or by dragging here");
  const keptKnob = quietKnob({
    name: "Validation kept",
    low: LEAST_KEPT,
    high: 1,
    step: 0.005,
    value: 0.95,
    default: 0.95,
    format: (v) => `${(100 * v).toFixed(1)} %`,
    stops: [0.5, 0.8, 0.95].map((value) => ({ value, label: `${Math.round(100 * value)} %` })),
    live: (v) => store.set("kept", v, "live"),
    final: (v) => store.set("kept", v),
  });
  const strengthKnob = quietKnob({
    name: "Strength",
    low: 0,
    high: STRONGEST,
    step: 0.05,
    value: 1,
    default: 1,
    snap: [1],
    stops: [0, 1, 2, 3, 4].map((value) => ({ value, label: String(value) })),
    live: (v) => store.set("strength", v, "live"),
    final: (v) => store.set("strength", v),
  });
  panel.body.classList.add("clsviz-ood-body");
  panel.body.append(
    h("div", { class: "clsviz-plot clsviz-ood" }, h("div", {}, main.el), h("div", {}, roc.el)),
    h("div", { class: "clsviz-ood-knobs" }, keptKnob.el, strengthKnob.el),
  );

  const asker = new Asker(session, (key) => session.oodAnswer?.key === key);
  let drawn: Drawn | null = null;
  let menu = "";

  const draw = () => {
    keptKnob.show(kept());
    strengthKnob.show(strength());
    scores.show(detector());
    const data = session.dataset;
    const at = commonNotice(session) ? null : shownTilted(session, store);
    const set = at && data ? outsideShown(session, store.get<string | null>("outside"), strength()) : null;
    const notice = commonNotice(session) ?? whyNothing(at, set);
    panel.notice(notice);
    panel.setHovered(at?.hovered ?? false);
    below.disabled = notice !== null;
    if (notice || !at || !data || !set) {
      drawn = null;
      return panel.status("No scores to compare yet.");
    }
    const options = setOptions(session);
    if (menu !== JSON.stringify(options)) {
      menu = JSON.stringify(options);
      sets.setOptions(options);
    }
    sets.show(set.name);
    strengthKnob.setDisabled(set.strength === "");
    strengthKnob.el.title = set.strength && `in ${set.strength}`;

    const question = questionFor(session, at, set, detector(), strength());
    const there = question
      ? asker.want(questionKey(question), () => ({ kind: "ood", ...question }))
      : "there";
    const found = scoresShown(session, at, set, detector(), temperature(), question);
    if (typeof found === "string" || found === null)
      return sayWhy(found ?? waiting(there), there === "coming");
    const ranking = found.ranking;
    const metrics = oodMetrics(ranking, kept());
    const limits = scoreLimits(detector(), data.k, ranking);
    const bins = overlap(found.inside, found.outside, limits);
    const share =
      found.inside.reduce((n, v) => n + (v >= metrics.threshold ? 1 : 0), 0) / found.inside.length;
    const mask = selectedMask(store.get<Selection>("selection"), data.n);
    const selected = mask && Uint8Array.from(at.rows, (i) => mask[i]!);
    const seen = selected?.some((v) => v > 0) ? selected : null;
    const marked = markedSample(session, store);
    const c = colours(main.el);
    const canvas = main.begin();
    const score = DETECTORS[detector()];
    const histogram = drawOverlap(canvas.g, c, canvas.w, canvas.h, {
      bins,
      n: found.inside.length,
      m: set.m,
      noun: set.noun,
      score: `${score}${heat()}: higher is more in-distribution`,
      threshold: metrics.threshold,
      selected: seen && countsOf(bins, new Uint8Array(seen.length), seen),
      marked:
        marked === null
          ? null
          : scoreOf(session, at, marked, detector(), temperature(), found, (i) => logitsOf(session, at, [i])),
      cursor: bars.bars,
    });
    const right = roc.begin();
    const curve = drawRoc(right.g, c, right.w, right.h, { ranking, fpr: metrics.fpr, kept: share });
    drawn = {
      at,
      set,
      scores: found,
      samples: { rows: at.rows },
      bins,
      histogram,
      roc: curve,
      threshold: metrics.threshold,
    };
    panel.status(
      ...shownWord(at),
      ...sentence({
        score,
        heat: heat(),
        n: found.inside.length,
        noun: set.noun,
        m: set.m,
        of: set.of,
        metrics,
        kept: share,
        below: Math.round((1 - share) * found.inside.length),
      }),
      measuredHow(detector()),
      ...(question ? [" Computed by the kernel."] : []),
      ...selectionSentence(store.get<Selection>("selection"), seen, data),
    );
  };

  /** The score follows the temperature. */
  const heat = () => {
    const follows = detector() !== "max_logit" && !readsFeatures(detector());
    return follows && temperature() !== 1 ? ` at T = ${Number(temperature().toFixed(2))}` : "";
  };

  const whyNothing = (at: Shown | null, set: OutsideRows | null): Notice | null => {
    if (session.predictions || !at || set) return tooManyNotice(session);
    const name = store.get<string | null>("outside");
    return setOptions(session).length > 0
      ? {
          tone: "plain",
          title: "No such samples",
          text: `There is no set called ${name}; choose another one.`,
        }
      : {
          tone: "plain",
          title: "Nothing from outside",
          text: 'These are predictions alone: give some on other data, ood={"name": logits}.',
        };
  };

  const waiting = (there: string): string => {
    if (there === "coming") return "The kernel computes the scores.";
    return session.alive
      ? "The kernel could not score these samples."
      : "This network needs the kernel to score these samples, and it is gone.";
  };

  /** No scores: the last picture stays while new ones are on their way. */
  const sayWhy = (words: string, coming: boolean) => {
    if (!coming) {
      drawn = null;
      panel.notice({ tone: "plain", title: "No scores here", text: words });
      below.disabled = true;
    }
    panel.status(words);
  };

  const selectBelow = () => {
    if (!drawn) return;
    const { at, scores: found, threshold } = drawn;
    const out = at.rows.filter((_, i) => found.inside[i]! < threshold).sort();
    store.set("selection", out.length > 0 ? click(store.get<Selection>("selection"), out, "replace") : null);
  };

  const table = (): TableData => {
    const columns = ["score", "AUROC", "FPR", "threshold", "AUPR (ID)", "AUPR (OOD)", "detection error"];
    if (!drawn) return { columns, rows: [] };
    const { at, set } = drawn;
    const all = Object.keys(DETECTORS) as Detector[];
    const here = at.network && at.theta;
    const rows = all
      .filter((d) => here || d === detector() || (OF_LOGITS as readonly string[]).includes(d))
      .flatMap((d) => {
        const question = questionFor(session, at, set, d, strength());
        const asked = question && { ...question, detector: session.oodAnswer?.question.detector ?? "" };
        const found = scoresShown(session, at, set, d, temperature(), asked);
        if (found === null || typeof found === "string") return [];
        const m = oodMetrics(found.ranking, kept());
        const numbers = [m.auroc, m.fpr, m.threshold, m.auprIn, m.auprOut, m.detectionError];
        return [[DETECTORS[d], ...numbers.map(signed)]];
      });
    return { columns, rows };
  };

  const bars = pointBars(main.el, {
    drawn: () => drawn,
    selection: () => store.get<Selection>("selection"),
    select: (samples, how) => store.set("selection", samples, how),
    barWords({ from, to }) {
      if (!drawn) return "";
      const outside = drawn.bins.outside.subarray(Math.min(from, to), Math.max(from, to) + 1);
      const inside = inBins(drawn.bins, from, to).length;
      return `score ${binWords(drawn.bins, from, to)}: ${inside} validation samples, ${outside.reduce((n, v) => n + v, 0)} ${drawn.set.noun}`;
    },
    redraw: () => frame.ask(),
  });

  // the operating point moves along the curve with the pointer
  dragOn(roc.el, {
    holds: () => drawn !== null,
    follow(e, how) {
      if (!drawn) return;
      const { roc: at } = drawn;
      const share = 1 - (e.offsetY - atY(at, 1)) / at.box.h;
      store.set("kept", Math.min(1, Math.max(LEAST_KEPT, Math.round(200 * share) / 200)), how);
    },
  });

  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [main.el, roc.el],
    keys: [
      "temperature",
      "step",
      "member",
      "selection",
      "marked",
      "hover",
      "detector",
      "outside",
      "strength",
      "kept",
      ...RULE_KEYS,
    ],
    events: ["data", "snapshots", "run", "fan", "alive", "ood"],
    also: [session.on(["error"], () => asker.forget())],
  });
  return frame.close;
};

/** What the score leaves open in its name. */
function measuredHow(detector: Detector): string {
  if (!readsFeatures(detector)) return "";
  return detector === "knn"
    ? " Distance to the fifth nearest training sample."
    : ` The covariances have a ridge of ${RIDGE} of the mean variance.`;
}
