/** The loss: its curve over p of the true class, and the line MAE - GCE - cross-entropy - focal under a slider. */

import { type Fan, neighbour, type Varied } from "../../core/fan";
import { scoreName, scoreOfP } from "../../core/losses";
import { markedSample } from "../../core/marked";
import { RULE_KEYS, shownTilted } from "../../core/overlay";
import type { Session } from "../../core/session";
import { logitsOf, memberShown } from "../../core/shown";
import { softmaxRow } from "../../core/softmax";
import type { How, Store } from "../../core/store";
import { line, makeCanvas, ring, text, whenChanged } from "../../draw/canvas";
import { b, h, say } from "../../draw/dom";
import { type RangeKnob, rangeKnob, segments } from "../../draw/knobs";
import { redraw } from "../../draw/redraw";
import { colours } from "../../draw/theme";
import { catalogueOf, type ExperimentJson, paramValue, type SpecJson, words } from "./catalogue";
import { memberOrLike } from "./fan";
import { type FanButton, fanButton } from "./fanout";

const STOPS = [
  { value: -1, label: "MAE" },
  { value: -0.5, label: "GCE ½" },
  { value: 0, label: "cross-entropy" },
  { value: 0.5, label: "focal 2.5" },
  { value: 1, label: "focal 5" },
];
const TALLEST = 3.2; // loss at the top of the little picture, nats

/** Where a loss of the catalogue stands on the line, or null. */
export function lineOf(spec: SpecJson): number | null {
  const p = spec.params as Record<string, number | undefined>;
  if (spec.name === "cross_entropy" && !p.label_smoothing && (p.tau ?? 1) === 1) return 0;
  if (spec.name === "gce" && !p.k) return -(p.q ?? 0.7);
  if (spec.name === "mae") return -1;
  if (spec.name === "focal" && (p.gamma ?? 2) <= 5) return (p.gamma ?? 2) / 5;
  return null;
}

/** The catalogue's loss at a place of the line. */
export function specAt(u: number): SpecJson {
  if (u < 0) return { name: "gce", params: { q: Number((-u).toFixed(3)) } };
  return u === 0
    ? { name: "cross_entropy", params: {} }
    : { name: "focal", params: { gamma: Number((5 * u).toFixed(3)) } };
}

/** A fan that moves along the line: its setting, and where a value of it stands. */
function lineFan(session: Session): { fan: Fan; varied: Varied; u(value: number): number } | null {
  const fan = session.fan;
  const varied = fan?.vary.find((v) => v.path === "loss.q" || v.path === "loss.gamma");
  if (!fan || !varied) return null;
  if (varied.path === "loss.q" && fan.loss === "gce") return { fan, varied, u: (q) => -q };
  if (varied.path === "loss.gamma" && fan.loss === "focal") return { fan, varied, u: (gamma) => gamma / 5 };
  return null;
}

export function mountLoss(
  el: HTMLElement,
  { session, store }: { session: Session; store: Store },
): () => void {
  let mode: "train" | "score" = store.get<number | null>("score") === null ? "train" : "score";
  const catalogue = catalogueOf(store);
  const canvas = makeCanvas("The loss as a function of the probability of the true class");
  const name = h("output", { class: "clsviz-value" });
  const sentence = h("p", { class: "clsviz-say" });
  let dragged: number | null = null; // place of the thumb while training's loss is dragged
  const change = (changes: Record<string, unknown>) => session.send({ kind: "change", changes });
  const lineKnob = rangeKnob({
    name: "Loss line",
    low: -1,
    high: 1,
    value: 0,
    default: 0,
    snap: [-1, -0.5, 0, 0.5, 1],
    stops: STOPS,
    labelled: false,
    format: scoreName,
    live(u) {
      if (mode === "score") store.set("score", u, "live");
      else if (!toFan(u, "live")) {
        dragged = u;
        frame.ask();
      }
    },
    final(u) {
      if (mode === "score") return store.set("score", u);
      if (toFan(u, "final")) return;
      dragged = null;
      change({ loss: specAt(u) });
    },
  });
  /** Where a fan lies along the line, its networks are what the slider snaps to. */
  const toFan = (u: number, how: How): boolean => {
    const over = lineFan(session);
    if (!over) return false;
    const { fan, varied } = over;
    const value = varied.values.reduce((best, v) =>
      Math.abs(over.u(v) - u) < Math.abs(over.u(best) - u) ? v : best,
    );
    const member = neighbour(fan, memberOrLike(session, store), { path: varied.path, value });
    store.set("member", member, how);
    return true;
  };
  const spread = fanButton(session, "loss", () => {
    const { spec, u } = trained();
    if (u === null) return `loss.${Object.keys(spec.params)[0] ?? ""}`;
    return spec.name === "focal" ? "loss.gamma" : "loss.q";
  });
  const params = h("div", { class: "clsviz-params" });
  const modes = segments(
    "What the loss slider does",
    [
      { value: "train", label: "train with it" },
      { value: "score", label: "score only" },
    ],
    mode,
    (m) => {
      mode = m as typeof mode;
      store.set("score", mode === "score" ? (trained().u ?? 0) : null);
      frame.ask();
    },
  );
  el.append(
    h(
      "section",
      { class: "clsviz-hero", "data-control": "loss_line" },
      h("div", { class: "clsviz-picture" }, canvas.el),
      h(
        "div",
        {},
        h(
          "div",
          { class: "clsviz-hero-head" },
          h("span", { class: "clsviz-hero-name" }, "Loss"),
          name,
          modes.el,
        ),
        lineKnob.el,
        params,
        h("div", { class: "clsviz-fannable" }, sentence, spread.el),
      ),
    ),
  );

  const trained = () => {
    const spec = (session.run?.experiment as ExperimentJson | null)?.loss ?? {
      name: "cross_entropy",
      params: {},
    };
    return {
      spec,
      u: lineOf(spec),
      title: catalogue.loss.find((m) => m.name === spec.name)?.title ?? spec.name,
    };
  };

  let built = "";
  const knobs = new Map<string, RangeKnob>();
  const fans: FanButton[] = [];
  /** Sliders of a loss that is not on the line. */
  const buildParams = (spec: SpecJson) => {
    const entry = catalogue.loss.find((m) => m.name === spec.name);
    if (built !== spec.name) {
      built = spec.name;
      knobs.clear();
      fans.length = 0;
      params.replaceChildren();
      for (const p of entry?.params ?? []) {
        if (!p.range) continue;
        const knob = rangeKnob({
          name: words(p.name),
          ...p.range,
          value: paramValue(spec, p),
          default: Number(p.default),
          live: () => {},
          final: (v) => change({ [`loss.${p.name}`]: v }),
        });
        const fan = fanButton(session, words(p.name), () => `loss.${p.name}`);
        knobs.set(p.name, knob);
        fans.push(fan);
        params.append(h("div", { class: "clsviz-fannable" }, knob.el, fan.el));
      }
      if (knobs.size === 0)
        params.append(h("p", { class: "clsviz-say" }, "This loss has no parameter to turn."));
    }
    for (const p of entry?.params ?? []) knobs.get(p.name)?.show(paramValue(spec, p));
  };

  const whenSaid = whenChanged();
  const draw = () => {
    const { spec, u: own, title } = trained();
    const score = store.get<number | null>("score");
    const trainable = session.run?.trainable ?? false;
    modes.el.hidden = !trainable;
    if (score !== null || (session.run && !trainable)) mode = "score";
    modes.show(mode);
    const over = lineFan(session);
    const member = over && memberShown(session, store);
    const ofFan =
      over && member !== null ? over.u(over.fan.members[member]!.values[over.varied.path]!) : null;
    const u = mode === "score" ? (score ?? own ?? 0) : (ofFan ?? dragged ?? own);
    modes.rename("train", over ? "trained with it" : "train with it");
    for (const fan of [spread, ...fans]) fan.show();
    spread.el.hidden ||= mode === "score" || own === null || !trainable;
    const onLine = u !== null;
    lineKnob.el.hidden = !onLine;
    params.hidden = onLine;
    if (onLine) lineKnob.show(u);
    else buildParams(spec);
    say(name, onLine ? scoreName(u) : title);
    const word = u === null ? "" : scoreName(u);
    const moves = over?.varied.values.length;
    whenSaid([mode, mode === "score" ? word : onLine, title, session.run?.experiment, moves], () => {
      if (mode === "score") {
        say(
          sentence,
          "Scores the same network with ",
          b(scoreName(u ?? 0)),
          ": the landscape is recoloured, the network stays.",
          ...(session.run?.experiment ? [" It was trained with ", b(title), "."] : []),
        );
      } else if (over) {
        const end =
          over.varied.path === "loss.q" ? "left forgives wrong labels" : "right forgets the easy ones";
        say(sentence, "Moves through ", b(`${moves} trained networks`), `: ${end}.`);
      } else if (!onLine) {
        say(sentence, "Changes reach training at its next step.");
      } else {
        say(
          sentence,
          "Training goes on with it ",
          b("from its next step"),
          ": left forgives wrong labels, right forgets the easy ones.",
        );
      }
    });
    paint(u);
  };
  const paint = (u: number | null) => {
    const { g, w, h: height } = canvas.begin();
    const c = colours(canvas.el);
    const [top, floor] = [18, height - 15];
    const x = (p: number) => 2 + p * (w - 4);
    const y = (v: number) => floor - (Math.min(TALLEST, v) / TALLEST) * (floor - top);
    canvas.layer("curves", [u, c], (to) => {
      text(to, u === null ? "no curve: needs all logits" : "loss at p(true class)", 0, 11, { colour: c.fg2 });
      line(
        to,
        [
          [0, floor + 0.5],
          [w, floor + 0.5],
        ],
        c.line,
      );
      text(to, "0", 2, height - 2, { colour: c.fg2 });
      text(to, "p", w / 2, height - 2, { colour: c.fg2, align: "center" });
      text(to, "1", w - 2, height - 2, { colour: c.fg2, align: "right" });
      if (u === null) return;
      const curve = (v: number) =>
        Array.from({ length: 61 }, (_, i) => {
          const p = Math.max(0.02, i / 60);
          return [x(p), y(scoreOfP(v, p))] as const;
        });
      for (const v of [-1, 0, 1]) line(to, curve(v), c.bar, 1);
      line(to, curve(u), c.fg, 2);
    });
    if (u === null) return;
    const at = shownTilted(session, store);
    const i = at ? markedSample(session, store) : null;
    if (!at || i === null) return;
    const data = session.dataset!;
    const p = softmaxRow(logitsOf(session, at, [i]), 0, data.k, store.get<number | null>("temperature") ?? 1)[
      data.y[i]!
    ]!;
    ring(g, x(p), y(scoreOfP(u, Math.max(p, 1e-9))), c, 4);
  };
  const frame = redraw(draw, {
    session,
    store,
    boxes: [canvas.el],
    keys: ["score", "temperature", "step", "member", "hover", "marked", ...RULE_KEYS],
    events: ["data", "run", "snapshots", "fan", "alive"],
  });
  return frame.close;
}
