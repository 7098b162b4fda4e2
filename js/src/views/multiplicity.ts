/** Predictive multiplicity: networks of a fan that are about equally good, and the samples they disagree on. */

import { isLoaded } from "../core/fan";
import { markedSample } from "../core/marked";
import { moves } from "../core/multiplicity";
import { selectedMask } from "../core/samples";
import { type Selection, selectionWords } from "../core/selection";
import type { Session } from "../core/session";
import { present, shownAt } from "../core/shown";
import { makeCanvas, operable } from "../draw/canvas";
import { b, h, say } from "../draw/dom";
import { dragOn } from "../draw/drag";
import { type RangeOptions, rangeKnob, selectKnob } from "../draw/knobs";
import { commonNotice, makePanel, type Notice, type TableData, tooManyNotice } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { MemberLogits } from "./fan/logits";
import { momentsOf } from "./fan/numbers";
import type { Mount } from "./mount";
import { type CurvesLayout, drawCurves, EPSILON, epsilonAt, layoutCurves } from "./multiplicity/curves";
import { type Counted, capacityOf, MultiplicityNumbers } from "./multiplicity/numbers";
import { pointRanges } from "./multiplicity/pointing";
import { drawRanges, layoutRanges, type RangesLayout } from "./multiplicity/ranges";
import { nats, sampleWords, setWords } from "./multiplicity/words";

const USUAL = { epsilon: 0.05, delta: 0.1 }; // clsviz/widgets/multiplicity.py
const LABEL = "label";
const COMPUTING = 16; // ms that a frame may spend on networks it has not met
const SEEDS = { quick: 16, slow: 6 }; // networks that "fan out over the seed" trains
const MOST_ROWS = 1000; // of the table

interface Drawn {
  of: Counted;
  ranges: RangesLayout;
  curves: CurvesLayout;
  samples: Int32Array; // by rank
  temperature: number;
}

export const mountMultiplicity: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "multiplicity", title: "Multiplicity", table: () => table() });
  const of = selectKnob({
    name: "Probability of",
    options: [{ value: LABEL, label: "its label" }],
    value: LABEL,
    change: (value) => store.set("target_class", value === LABEL ? null : Number(value)),
  });
  const baseline = selectKnob({
    name: "Baseline",
    options: [
      { value: "best", label: "best network" },
      { value: "shown", label: "network shown" },
    ],
    value: "best",
    change: (value) => store.set("baseline", value),
  });
  panel.controls.append(of.el, baseline.el);
  const slider = (key: "delta" | "epsilon", name: string, format: (v: number) => string, range: Span) =>
    labelled(name, format, {
      name,
      ...range,
      value: USUAL[key],
      default: USUAL[key],
      live: (v) => store.set(key, v, "live"),
      final: (v) => store.set(key, v),
    });
  const delta = slider("delta", "Delta, a difference that counts", (v) => v.toFixed(2), {
    low: 0,
    high: 1,
    step: 0.01,
  });
  const epsilon = slider("epsilon", "Epsilon, nats worse", nats, { ...EPSILON, log: true });
  const ranges = operable(
    makeCanvas(""),
    "Viable ranges of the samples: arrow keys move, Enter marks the sample (with Shift selects it too, with Ctrl takes it out), Space selects it, Escape clears",
  );
  const curves = makeCanvas("Ambiguity and discrepancy against epsilon; the slider above sets epsilon");
  panel.body.classList.add("clsviz-multiplicity-body");
  panel.body.append(
    h(
      "div",
      { class: "clsviz-multiplicity" },
      h("div", {}, delta.el, h("div", { class: "clsviz-plot" }, ranges.el)),
      h("div", {}, epsilon.el, h("div", { class: "clsviz-plot" }, curves.el)),
    ),
  );

  const logits = new MemberLogits(session);
  const numbers = new MultiplicityNumbers();
  const temperature = () => store.get<number | null>("temperature") ?? 1;
  const epsilonNow = () => Math.max(0, store.get<number | null>("epsilon") ?? USUAL.epsilon);
  const deltaNow = () => Math.min(1, Math.max(0, store.get<number | null>("delta") ?? USUAL.delta));
  const target = (): number | null => {
    const k = store.get<number | null>("target_class");
    return typeof k === "number" && k >= 0 && k < session.dataset!.k ? k : null;
  };
  const nameOf = (sample: number) => session.dataset!.classNames[target() ?? session.dataset!.y[sample]!]!;

  let drawn: Drawn | null = null;
  let menu = "";

  const draw = () => {
    const notice = commonNotice(session) ?? missing(session);
    panel.notice(notice);
    const [fan, data] = [session.fan, session.dataset];
    if (notice || !fan || !data) {
      drawn = null;
      return panel.status("No networks to compare yet.");
    }
    if (menu !== data.classNames.join("\0")) {
      menu = data.classNames.join("\0");
      const classes = data.classNames.map((label, k) => ({ value: String(k), label }));
      of.setOptions([{ value: LABEL, label: "its label" }, ...classes]);
    }
    of.show(String(target() ?? LABEL));
    baseline.show(store.get("baseline") === "shown" ? "shown" : "best");
    delta.show(deltaNow());
    epsilon.show(epsilonNow());

    const moments = momentsOf(session, fan, store.get<number | null>("step"));
    const loaded = moments.filter((s) => s !== null && isLoaded(s)).map((s) => s!);
    logits.keep(moments);
    const until = performance.now() + COMPUTING;
    let late = 0;
    const known = loaded.flatMap((s) => {
      const z = logits.known(s) ?? (performance.now() < until ? logits.compute(s) : null);
      if (!z) late++;
      return z ? [z] : [];
    });
    if (late > 0) frame.ask();
    if (late > 0 && drawn) return; // the last picture stays until the next one is whole
    if (late > 0 || known.length === 0)
      return panel.status(`${known.length} of ${moments.length} networks are here.`);

    const numbersNow = numbers.read({
      logits: known,
      own: store.get("baseline") === "shown" ? shownLogits() : null,
      labels: logits.labels(),
      k: data.k,
      temperature: temperature(),
      target: target(),
      epsilon: epsilonNow(),
      delta: deltaNow(),
    });
    show(numbersNow, moments.length - loaded.length);
  };

  /** Logits of the network on screen, hovering aside. */
  const shownLogits = (): Float32Array | null => {
    const here = present(session, store);
    return here && (shownAt(session, here.snapshot, here.member)?.logits ?? null);
  };

  const show = (found: Counted, away: number) => {
    const data = session.dataset!;
    const n = found.order.length;
    const selection = store.get<Selection>("selection");
    const mask = selectedMask(selection, data.n);
    const selected = mask && Uint8Array.from(data.validation, (i) => mask[i]!);
    const seen = selected?.reduce((sum, v) => sum + v, 0) ?? 0;
    const words = {
      y: `p of ${target() === null ? "the label" : data.classNames[target()!]!}: lowest to highest by ${found.count} networks`,
      x: `${n} validation samples, by the baseline's p`,
      baseline: store.get("baseline") === "shown" ? "network shown" : "best network",
      delta: deltaNow().toFixed(2),
    };
    const left = ranges.begin();
    const right = curves.begin();
    drawn = {
      of: found,
      ranges: layoutRanges(left.g, left.w, left.h, n, words),
      curves: layoutCurves(right.g, right.w, right.h, found.grown),
      samples: Int32Array.from(found.order, (place) => data.validation[place]!),
      temperature: temperature(),
    };
    if (pointed.cursor !== null && pointed.cursor >= n) pointed.cursor = null;
    const c = colours(ranges.el);
    const { low, high, others, baseline: own, order } = found;
    const moved = Uint8Array.from(own.p, (p, i) =>
      Number(moves(low[i]!, p, deltaNow()) || moves(high[i]!, p, deltaNow())),
    );
    const answers = Uint8Array.from(others, (count) => Number(count > 0));
    const picture = { order, low, high, own: own.p, moved, answers, selected: seen ? selected : null };
    drawRanges(left.g, c, drawn.ranges, picture, words, { ...pointed, marked: markedRank() });
    drawCurves(right.g, c, drawn.curves, found.grown, epsilonNow(), found.count);

    const parts = setWords(found, epsilonNow(), deltaNow(), away);
    if (selection) {
      const [count, where] = selectionWords(selection, seen, data);
      parts.push(" ", b(count.replace(/^n/, "N")), `${where}.`);
    }
    const rank = pointed.cursor ?? markedRank();
    const about = rank === null ? "" : aboutSample(rank);
    ranges.el.setAttribute("aria-description", about);
    panel.status(...parts, h("span", {}, " ", about));
  };

  const markedRank = (): number | null => {
    const sample = markedSample(session, store);
    const rank = sample === null || !drawn ? -1 : drawn.samples.indexOf(sample);
    return rank < 0 ? null : rank;
  };
  const aboutSample = (rank: number): string => {
    const { of: found, samples } = drawn!;
    const place = found.order[rank]!;
    const capacity = capacityOf(found, place, session.dataset!.k, temperature());
    return sampleWords(found, place, samples[rank]!, nameOf(samples[rank]!), capacity);
  };

  const table = (): TableData => {
    const columns = ["sample", "label", "baseline", "lowest", "highest", "answer otherwise", "capacity"];
    if (!drawn) return { columns, rows: [] };
    const { of: found, samples, temperature: T } = drawn;
    const { classNames, y, k } = session.dataset!;
    const ranks = Array.from(samples.keys()).slice(0, MOST_ROWS);
    return {
      columns,
      rows: ranks.map((rank) => {
        const place = found.order[rank]!;
        return [
          samples[rank]!,
          classNames[y[samples[rank]!]!]!,
          found.baseline.p[place]!,
          found.low[place]!,
          found.high[place]!,
          found.others[place]!,
          capacityOf(found, place, k, T),
        ];
      }),
    };
  };

  const pointed = pointRanges(ranges.el, {
    drawn: () => drawn && { layout: drawn.ranges, samples: drawn.samples },
    marked: markedRank,
    selection: () => store.get<Selection>("selection"),
    select: (samples, how) => store.set("selection", samples, how),
    mark: (sample) => store.set("marked", sample),
    redraw: () => frame.ask(),
  });
  dragOn(curves.el, {
    holds: () => drawn !== null,
    follow(e, how) {
      if (drawn) store.set("epsilon", epsilonAt(drawn.curves, e.offsetX), how);
    },
  });

  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [ranges.el, curves.el],
    keys: [
      "member",
      "step",
      "temperature",
      "selection",
      "marked",
      "epsilon",
      "delta",
      "target_class",
      "baseline",
    ],
    events: ["data", "snapshots", "fan", "run", "alive"],
  });
  return frame.close;
};

type Span = Pick<RangeOptions, "low" | "high" | "step" | "log">;

/** A slider with its name and value beside it; an output would be a second status line in this view. */
function labelled(
  name: string,
  format: (v: number) => string,
  options: RangeOptions,
): { el: HTMLElement; show(value: number): void } {
  const knob = rangeKnob({ ...options, format, labelled: false });
  const value = h("span", { class: "clsviz-right" });
  const [short, long] = name.split(",");
  const words = h("span", { class: "clsviz-name", "aria-hidden": "true" }, short!, h("span", {}, `,${long}`));
  const el = h("div", { class: "clsviz-knob" }, words, knob.el, value);
  return {
    el,
    show(v) {
      knob.show(v);
      say(value, format(v));
    },
  };
}

/** Why there is nothing to compare, and what to do about it. */
function missing(session: Session): Notice | null {
  if (session.predictions) return tooManyNotice(session);
  if (session.fan) return null;
  const canTrain = session.alive && session.run?.changeable;
  if (!canTrain)
    return {
      tone: "plain",
      title: "No networks to compare",
      text: "This view compares several models: those of a cv.Fan, or your own by cv.MultiplicityView.from_predictions(y, model_probs).",
    };
  const experiment = session.run!.experiment as { seed?: number } | null;
  const first = experiment?.seed ?? 0;
  const count = session.network ? SEEDS.quick : SEEDS.slow;
  const seeds = Array.from({ length: count }, (_, i) => first + i);
  const fan = (path: string, more: object = {}) => session.send({ kind: "fan", path, ...more });
  return {
    tone: "plain",
    title: "No networks to compare",
    text: "Which answers hang on the network that happened to be trained? Train some side by side, equal but for one setting.",
    actions: [
      {
        name: `Fan out over ${count} seeds`,
        primary: true,
        run: () => fan("seed", { values: seeds, seeds: 1 }),
      },
      { name: "the weight decay", run: () => fan("optimizer.weight_decay") },
      { name: "the label noise", run: () => fan("label_noise.rate") },
    ],
  };
}
