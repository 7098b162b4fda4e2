/** One sample explained: the linear map that the network is there, an attribution, deletion and insertion. */

import { type Curve, changed, curveOf, METHODS, type Method, ranked } from "../core/attribution";
import { answered, type Explained, explanationKey, WALKS, type Walk } from "../core/explained";
import { markedSample } from "../core/marked";
import { worstFirst } from "../core/samples";
import type { Dataset } from "../core/session";
import { logitsOf, type Pinned, pinnedShown, present, type Shown, shown, shownAt } from "../core/shown";
import { argmax, softmaxRow } from "../core/softmax";
import { makeCanvas, operable } from "../draw/canvas";
import { b, h } from "../draw/dom";
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
import { type Thumbnails, thumbnails } from "../draw/thumbnail";
import { Asker } from "./asker";
import {
  type Asked,
  agreementWith,
  blankOf,
  explainedHere,
  inputOf,
  METHOD_NAMES,
  MOST_TOP,
  rivalOf,
} from "./explanation/numbers";
import { drawPast, type Past, pastOf } from "./explanation/past";
import { drawCurves, drawMaps, type FeatureMap } from "./explanation/picture";
import {
  agreementWords,
  completenessWords,
  curveWords,
  earlierWords,
  mapWords,
  steadyWords,
} from "./explanation/words";
import type { Axes } from "./loss/axes";
import type { Mount } from "./mount";

const PREDICTED = "predicted";
const BASELINES = ["zero", "mean"] as const;

/** What is on screen, for the pointer, the keys and the table. */
interface Drawn {
  data: Dataset;
  asked: Asked;
  found: Explained;
  own: number;
  rival: number;
  axes: Axes;
}

export const mountExplanation: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "explanation", title: "Explain one sample", table: () => table() });
  const method = (): Method => {
    const chosen = store.get<Method | null>("method");
    return chosen && METHODS.includes(chosen) ? chosen : METHODS[0];
  };
  const baseline = () => (store.get("baseline") === "mean" ? "mean" : "zero");
  const temperature = () => store.get<number | null>("temperature") ?? 1;

  const methods = selectKnob({
    name: "Attribution",
    options: METHODS.map((value) => ({ value, label: METHOD_NAMES[value].label })),
    value: METHODS[0],
    change: (value) => store.set("method", value),
  });
  const classes = selectKnob({
    name: "For class",
    options: [{ value: PREDICTED, label: PREDICTED }],
    value: PREDICTED,
    change: (value) => store.set("target_class", value === PREDICTED ? null : Number(value)),
  });
  const baselines = selectKnob({
    name: "Removed becomes",
    options: BASELINES.map((value) => ({ value, label: value === "zero" ? "0" : "mean" })),
    value: "zero",
    change: (value) => store.set("baseline", value),
  });
  const previous = button("Previous", () => go(-1), { class: "clsviz-small" });
  const next = button("Next", () => go(1), { class: "clsviz-small" });
  panel.controls.append(previous, next, methods.el, classes.el, baselines.el);

  const maps = makeCanvas("The local linear map of the sample and the attribution");
  const curves = operable(
    makeCanvas(""),
    "Probability while features are removed or inserted: left and right change how many, Home and End go to the ends",
  );
  const past = makeCanvas("How like the attribution those of the same sample at other epochs are");
  const below = h("div", { class: "clsviz-past", hidden: true }, past.el);
  panel.body.classList.add("clsviz-ood-body");
  const plots = h(
    "div",
    { class: "clsviz-plot clsviz-ood clsviz-explanation" },
    h("div", {}, maps.el),
    h("div", {}, curves.el),
    below,
  );
  panel.body.append(plots);

  const asker = new Asker(session, (key) => session.explanation?.key === key);
  let drawn: Drawn | null = null;
  let count: number | null = null; // features changed, where the pictures aside are; null: a quarter
  let menu = "";
  let pictures: { of: Dataset; thumbnails: Thumbnails } | null = null;

  const draw = () => {
    const data = session.dataset;
    const notice = commonNotice(session) ?? whyNothing();
    panel.notice(notice);
    const at = notice ? null : shown(session, store);
    const sample = at ? markedSample(session, store) : null;
    panel.setHovered(at?.hovered ?? false);
    previous.disabled = next.disabled = sample === null;
    if (!at || !data || sample === null) {
      drawn = null;
      return panel.status("No sample to explain yet.");
    }
    if (menu !== data.classNames.join("\0")) {
      menu = data.classNames.join("\0");
      const each = data.classNames.map((label, k) => ({ value: String(k), label }));
      classes.setOptions([{ value: PREDICTED, label: PREDICTED }, ...each]);
    }
    const chosen = store.get<number | null>("target_class");
    const known = chosen !== null && chosen >= 0 && chosen < data.k ? chosen : null;
    classes.show(known === null ? PREDICTED : String(known));
    baselines.show(baseline());
    const target = known ?? argmax(logitsOf(session, at, [sample]));
    const asked: Asked = { sample, method: method(), target, baseline: baseline() };
    const found = explainedHere(at, data, asked) ?? byKernel(at, data, asked);
    if (!found) return;
    methods.show(found.method);
    methods.select.disabled = found.affine === null;
    methods.el.title = METHOD_NAMES[found.method].paper;
    show(data, at, asked, found);
  };

  /** The kernel's answer; without one the last picture stays while it is on its way. */
  const byKernel = (at: Shown, data: Dataset, asked: Asked): Explained | null => {
    const question = { ...asked, step: at.snapshot.step, member: at.member };
    const key = explanationKey(question);
    const there = asker.want(key, () => ({ kind: "explanation", ...question }));
    const answer = session.explanation;
    if (there === "there" && answer && !answer.error) return answered(answer, inputOf(data, asked.sample));
    const why =
      there === "coming"
        ? "The kernel explains this sample."
        : answer?.key === key
          ? answer.error
          : session.alive
            ? "The kernel could not explain this sample."
            : "This network needs the kernel to explain a sample, and it is gone.";
    if (there !== "coming") {
      drawn = null;
      panel.notice({ tone: "plain", title: "No explanation here", text: why });
    }
    panel.status(why);
    return null;
  };

  const show = (data: Dataset, at: Shown, asked: Asked, found: Explained) => {
    const { sample, target } = asked;
    const label = data.y[sample]!;
    const own = argmax(found.logits);
    const rival = rivalOf(found.logits, label);
    const name = (k: number) => data.classNames[k]!;
    const c = colours(maps.el);
    if (pictures?.of !== data) pictures = { of: data, thumbnails: thumbnails(data, data.validation, c) };
    const x = inputOf(data, sample);
    plots.classList.toggle("clsviz-images", data.imageShape !== null);
    const { values, gap } = found.attribution;
    const order = ranked(values.map(Math.abs));
    const left = maps.begin();
    drawMaps(left.g, c, left.w, left.h, {
      x,
      title: `sample ${sample}`,
      label,
      maps: [...mapsOf(found, own, rival, name), mapOfAttribution(found, name(target))],
      names: data.featureNames,
      shape: data.imageShape,
      order,
      pictures: pictures.thumbnails,
    });
    const each = Object.fromEntries(
      WALKS.map((walk) => [walk, curveOf(found.walks[walk], data.k, target, temperature())]),
    ) as Record<Walk, Curve>;
    const changes = Math.min(count ?? Math.round(data.d / 4), data.d);
    const blank = blankOf(data, asked.baseline);
    const rank = ranked(values);
    const noun = data.imageShape ? "pixels" : "features";
    const right = curves.begin();
    const axes = drawCurves(right.g, c, right.w, right.h, {
      curves: each,
      axis: `${noun} changed`,
      count: changes,
      aside: (["deletion", "insertion"] as const).map((mode) => ({
        title: `${changes} ${mode === "deletion" ? "deleted" : "inserted"}`,
        values: changed(x, blank, rank, changes, mode),
        p: each[mode].p[changes]!,
      })),
      label,
      pictures: pictures.thumbnails,
    });
    drawn = { data, asked, found, own, rival, axes };
    const before = at.network ? pastOf(session, at, data, { ...asked, method: found.method }, values) : null;
    below.hidden = before === null;
    if (before) showPast(before, at, Math.min(MOST_TOP, data.d));
    const p = softmaxRow(found.logits, 0, data.k, temperature())[own]!;
    const pin = store.get<Pinned | null>("pinned");
    const agreed = agreementWith(pinnedShown(session, pin), data, { ...asked, method: found.method }, values);
    panel.status(
      ...shownWord(at),
      `Sample ${sample}, class ${name(label)}, is called `,
      b(`${name(own)} (${(100 * p).toFixed(0)} %)`),
      ".",
      ...(found.affine
        ? mapWords(found.affine, own)
        : [` It has ${found.why.replace(/^this model has /, "")}.`]),
      completenessWords(gap),
      ...curveWords(each, temperature()),
      steadyWords(found.steady),
      earlierWords(before ? before.earlier : found.earlier, Math.min(MOST_TOP, data.d)),
      agreementWords(agreed, Math.min(MOST_TOP, data.d)),
      ...(at.network ? [] : [" Computed by the kernel."]),
      ...(isTilted() ? [" All of the network itself, not of the tilted rule."] : []),
    );
  };

  const showPast = (before: Past, at: Shown, top: number) => {
    const strip = past.begin();
    drawPast(strip.g, colours(past.el), strip.w, strip.h, { past: before, epoch: at.snapshot.epoch, top });
    if (!before.complete) frame.ask();
  };

  const isTilted = () =>
    store.get<boolean | null>("use_tilted") === true &&
    (store.get("tilt") !== null || store.get("regularisation") !== null);

  const whyNothing = (): Notice | null => {
    if (session.predictions) return tooManyNotice(session);
    return session.dataset?.d === 0
      ? {
          tone: "plain",
          title: "Nothing to explain",
          text: "These are predictions alone: there is no input whose features could be weighed.",
        }
      : null;
  };

  /** The next sample of the selection, or of all that are validated on; the worst first, as in the inspector. */
  const go = (by: number) => {
    const here = present(session, store);
    const at = here && shownAt(session, here.snapshot, here.member);
    const sample = markedSample(session, store);
    if (!at || sample === null) return;
    const selection = store.get<Int32Array | null>("selection");
    const order = worstFirst(session, at, selection?.length ? selection : at.rows);
    const place = order.indexOf(sample);
    store.set("marked", order[place < 0 ? 0 : (place + by + order.length) % order.length]!);
  };

  const table = (): TableData => {
    if (!drawn) return { columns: ["feature", "value", "attribution"], rows: [] };
    const { data, asked, found, own, rival } = drawn;
    const name = (k: number) => data.classNames[k]!;
    const rows = found.affine ? mapsOf(found, own, rival, name) : [];
    const x = inputOf(data, asked.sample);
    const { values } = found.attribution;
    return {
      columns: ["feature", "value", ...rows.map((m) => `A: ${m.title}`), METHOD_NAMES[found.method].label],
      rows: Array.from(ranked(values.map(Math.abs)), (i) => [
        data.featureNames[i] ?? `feature ${i}`,
        x[i]!,
        ...rows.map((m) => m.values[i]!),
        values[i]!,
      ]),
    };
  };

  const to = (features: number) => {
    if (!drawn) return;
    count = Math.min(drawn.data.d, Math.max(0, Math.round(features)));
    frame.ask();
  };
  curves.el.addEventListener("pointermove", (e) => {
    if (!drawn) return;
    const { box } = drawn.axes;
    if (e.offsetX <= box.x + box.w + 8) to(((e.offsetX - box.x) / box.w) * drawn.data.d);
  });
  curves.el.addEventListener("keydown", (e) => {
    if (!drawn) return;
    const { d } = drawn.data;
    const now = count ?? Math.round(d / 4);
    const asked = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: d }[e.key];
    if (asked === undefined) return;
    e.preventDefault();
    to(asked);
  });

  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [maps.el, curves.el, past.el],
    keys: [
      "temperature",
      "step",
      "member",
      "marked",
      "hover",
      "pinned",
      "method",
      "target_class",
      "baseline",
      "use_tilted",
      "tilt",
      "regularisation",
    ],
    events: ["data", "snapshots", "run", "fan", "alive", "explanation"],
    relook: () => {
      pictures = null;
    },
    also: [session.on(["error"], () => asker.forget())],
  });
  return frame.close;
};

/** Rows of the linear map: the predicted class, its rival, and what parts them. */
function mapsOf(found: Explained, own: number, rival: number, name: (k: number) => string): FeatureMap[] {
  if (!found.affine) return [];
  const { A, b } = found.affine;
  const bias = (v: number) => `b = ${String(Number(v.toPrecision(2))).replace("-", "−")}`;
  return [
    { title: `for ${name(own)}`, detail: bias(b[own]!), values: A[own]!, scale: "A" },
    { title: `for ${name(rival)}`, detail: bias(b[rival]!), values: A[rival]!, scale: "A" },
    {
      title: `${name(own)} − ${name(rival)}`,
      detail: bias(b[own]! - b[rival]!),
      values: A[own]!.map((v, i) => v - A[rival]![i]!),
      scale: "A",
    },
  ];
}

function mapOfAttribution(found: Explained, target: string): FeatureMap {
  const { label } = METHOD_NAMES[found.method];
  return { title: label, detail: `for ${target}`, values: found.attribution.values, scale: "attribution" };
}
