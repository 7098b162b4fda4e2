/** A temperature for each sample: how they are spread, what they are worth, which samples run hottest. */

import { heatKey } from "../core/heatanswer";
import { markedSample } from "../core/marked";
import { RULE_KEYS, shownTilted } from "../core/overlay";
import { selectedMask } from "../core/samples";
import { ballTemperatures } from "../core/sampletemperature";
import { click, type Selection, selectionWords } from "../core/selection";
import { logitsOf, type Shown } from "../core/shown";
import { makeCanvas, operable } from "../draw/canvas";
import { h } from "../draw/dom";
import { button, selectKnob } from "../draw/knobs";
import { commonNotice, makePanel, shownWord, type TableData, tooManyNotice } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { Asker } from "./asker";
import { type QuietKnob, quietKnob } from "./controls/quietknob";
import { type Bins, binWords, countsOf, inBins } from "./loss/histogram";
import { type BarsOnScreen, barsLabel, pointBars } from "./loss/pointing";
import { hasParts, type Part } from "./loss/samples";
import type { Mount } from "./mount";
import { makeHottest } from "./temperatures/hottest";
import {
  type By,
  ballShown,
  GROUPS,
  heatBins,
  hottest,
  LIMITS,
  learntShown,
  ofGroup,
  questionFor,
  SOURCES,
  type Temperatures,
} from "./temperatures/numbers";
import { drawHeat } from "./temperatures/picture";
import { mean, sentence } from "./temperatures/words";

const COMING = "The kernel learns the temperatures: a few seconds.";
/** How honest the numbers are. */
const HOW = {
  ball: "",
  model: " The one T divides what the model's own temperatures divide.",
  validation: " Learnt from the other validation samples, in five folds.",
  training: " Learnt from the validation samples.",
};
const MARGIN = 0.02; // nats between the slider's ends and what no temperature reaches

interface Drawn extends BarsOnScreen {
  heat: Temperatures;
  bins: Bins;
}

export const mountTemperatures: Mount = (el, { session, store }) => {
  const panel = makePanel(el, {
    view: "temperatures",
    title: "Temperature of each sample",
    table: () => table(),
  });
  const part = (): Part => (store.get("part") === "training" ? "training" : "validation");
  const most = () => Math.log(session.dataset?.k ?? 2);
  const rho = () => store.get<number | null>("rho") ?? most() / 2;

  const by = (): By => {
    const chosen = store.get<string | null>("by") ?? "ball";
    return Object.hasOwn(SOURCES, chosen) ? (chosen as By) : "ball";
  };

  const sources = selectKnob({
    name: "Temperatures",
    options: Object.entries(SOURCES).map(([value, label]) => ({ value, label })),
    value: "ball",
    change: (value) => store.set("by", value),
  });
  const parts = selectKnob({
    name: "Samples",
    options: [
      { value: "validation", label: "validation" },
      { value: "training", label: "training" },
    ],
    value: "validation",
    change: (value) => store.set("part", value),
  });
  const choose = button("Select the hottest 5 %", () => chooseHottest(), { class: "clsviz-small" });
  panel.controls.append(sources.el, parts.el, choose);

  const main = operable(makeCanvas(""), barsLabel("temperatures"));
  const strip = makeHottest((sample) => store.set("marked", sample));
  const radius = h("div", { class: "clsviz-ood-knobs" });
  const hot = h("div", { class: "clsviz-hot" }, h("p", {}, "hottest samples"), strip.el);
  panel.body.classList.add("clsviz-ood-body");
  panel.body.append(h("div", { class: "clsviz-plot clsviz-ood" }, h("div", {}, main.el), hot), radius);

  let knob: QuietKnob | null = null;
  let classes = 0;
  /** The distance ends where no temperature reaches it: at log K. */
  const showRadius = (k: number) => {
    if (k !== classes || !knob) {
      classes = k;
      const all = Math.log(k);
      knob = quietKnob({
        name: "ρ, nats from uniform",
        low: MARGIN,
        high: all - MARGIN,
        step: 0.01,
        value: rho(),
        default: all / 2,
        format: (v) => v.toFixed(2),
        stops: [
          { value: MARGIN, label: "unsure" },
          { value: all / 2, label: "½" },
          { value: all - MARGIN, label: "sure" },
        ],
        live: (v) => store.set("rho", v, "live"),
        final: (v) => store.set("rho", v),
      });
      radius.replaceChildren(knob.el);
    }
    knob.show(rho());
    knob.setDisabled(by() !== "ball");
  };

  const asker = new Asker(session, (key) => session.heatAnswer?.key === key);
  let drawn: Drawn | null = null;

  const draw = () => {
    const data = session.dataset;
    const notice = commonNotice(session) ?? tooManyNotice(session);
    panel.notice(notice);
    const at = notice ? null : shownTilted(session, store);
    panel.setHovered(at?.hovered ?? false);
    choose.disabled = !at;
    showRadius(data?.k ?? 2);
    if (!at || !data) {
      drawn = null;
      return panel.status("No temperatures to show yet.");
    }
    parts.show(part());
    parts.el.hidden = !hasParts(data);
    sources.show(by());
    const heat = heatShown(at);
    if (typeof heat === "string") return sayWhy(heat);
    const { samples, temperature } = heat;
    const bins = heatBins(temperature, samples.groups);
    const mask = selectedMask(store.get<Selection>("selection"), data.n);
    const selected = mask && Uint8Array.from(samples.rows, (i) => mask[i]!);
    const seen = selected?.some((v) => v > 0) ? selected : null;
    const marked = markedSample(session, store);
    const c = colours(main.el);
    const canvas = main.begin();
    const histogram = drawHeat(canvas.g, c, canvas.w, canvas.h, {
      bins,
      selected: seen && countsOf(bins, samples.groups, seen),
      fitted: heat.fitted,
      marked: marked === null ? null : heatOf(at, heat, marked),
      cursor: bars.bars,
    });
    strip.show({ data, heat, colours: c, selected: mask, marked });
    drawn = { samples, bins, histogram, heat };
    panel.status(
      ...shownWord(at),
      ...sentence(
        heat,
        by() === "ball" ? `ρ = ${rho().toFixed(2)} nats` : SOURCES[by()],
        hasParts(data) ? part() : "",
      ),
      HOW[by() === "ball" || by() === "model" ? (by() as "ball" | "model") : part()],
      ...chosenWords(seen),
    );
  };

  /** The temperatures, or why there are none. */
  const heatShown = (at: Shown): Temperatures | string => {
    const question = questionFor(at, by(), part());
    if (!question) return ballShown(session, at, part(), rho());
    if (at.hovered || at.tilted) return "Temperatures are learnt for trained networks only.";
    const there = asker.want(heatKey(question), () => ({ kind: "temperatures", ...question }));
    const answer = session.heatAnswer;
    if (answer?.key === heatKey(question))
      return (
        answer.why || (learntShown(session, at, part(), answer) ?? "The kernel answered for other samples.")
      );
    if (there === "coming") return COMING;
    return session.alive
      ? "The kernel could not learn them."
      : "They are learnt by the kernel, which is gone.";
  };

  /** No temperatures: the last picture stays while new ones are on their way. */
  const sayWhy = (words: string) => {
    if (words !== COMING) {
      drawn = null;
      choose.disabled = true;
      panel.notice({ tone: "plain", title: "No temperatures here", text: words });
    }
    panel.status(words);
  };

  /** Temperature of any sample, also of one that is not drawn; null where only the kernel knows it. */
  const heatOf = (at: Shown, { samples, temperature }: Temperatures, sample: number): number | null => {
    const here = samples.rows.indexOf(sample);
    if (here >= 0) return temperature[here]!;
    if (by() !== "ball") return null;
    const [low, high] = LIMITS;
    return ballTemperatures(logitsOf(session, at, [sample]), session.dataset!.k, {
      rho: rho(),
      low,
      high,
    })[0]!;
  };

  const chooseHottest = () => {
    if (drawn)
      store.set("selection", click(store.get<Selection>("selection"), hottest(drawn.heat), "replace"));
  };

  const chosenWords = (seen: Uint8Array | null): string[] => {
    const selection = store.get<Selection>("selection");
    if (!selection) return [];
    const count = seen?.reduce((n, v) => n + v, 0) ?? 0;
    if (count === 0) return [` None of the ${selection.length} selected are ${part()} samples.`];
    const [words, where] = selectionWords(selection, count, session.dataset!);
    return [` ${words.replace(/^n/, "N")}${where}.`];
  };

  const table = (): TableData => {
    const columns = ["samples", "count", "mean T", "least", "median", "largest"];
    if (!drawn) return { columns, rows: [] };
    const { samples, temperature } = drawn.heat;
    const row = (name: string, values: Float64Array): (string | number)[] => {
      const sorted = values.slice().sort();
      const middle = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
      return [name, sorted.length, mean(sorted), sorted[0]!, middle, sorted[sorted.length - 1]!];
    };
    const groups = GROUPS.map((name, i) => row(name, ofGroup(temperature, samples.groups, i)));
    return { columns, rows: [...groups.filter(([, count]) => count), row("all", temperature)] };
  };

  const bars = pointBars(main.el, {
    drawn: () => drawn,
    selection: () => store.get<Selection>("selection"),
    select: (samples, how) => store.set("selection", samples, how),
    barWords: ({ from, to }) =>
      drawn
        ? `temperature ${binWords(drawn.bins, from, to)}: ${inBins(drawn.bins, from, to).length} samples`
        : "",
    redraw: () => frame.ask(),
  });

  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [main.el, strip.el],
    keys: ["step", "member", "selection", "marked", "hover", "rho", "by", "part", ...RULE_KEYS],
    events: ["data", "snapshots", "run", "fan", "alive", "temperatures"],
    also: [session.on(["error"], () => asker.forget())],
  });
  return frame.close;
};
