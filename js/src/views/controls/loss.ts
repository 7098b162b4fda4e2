/** The loss: its curve over p of the true class, a menu of all losses, and sliders that morph the one in use. */

import { neighbour, placeOf } from "../../core/fan";
import { surfaceAt } from "../../core/landscape";
import { curveOf, type LossParams, scoreName, scoreOfP } from "../../core/losses";
import { inBrowser } from "../../core/lossterms";
import { markedSample } from "../../core/marked";
import { RULE_KEYS, shownTilted } from "../../core/overlay";
import { isSpec, type LossSpec, type Score } from "../../core/score";
import { clearError, type Session } from "../../core/session";
import { logitsOf, memberShown } from "../../core/shown";
import { softmaxRow } from "../../core/softmax";
import type { How, Store } from "../../core/store";
import { whenChanged } from "../../draw/canvas";
import { b, h, say } from "../../draw/dom";
import { button, rangeKnob, segments } from "../../draw/knobs";
import { redraw } from "../../draw/redraw";
import { catalogueOf, type ExperimentJson, type LossEntry } from "./catalogue";
import { memberOrLike } from "./fan";
import { fanButton } from "./fanout";
import { makeLossCurve } from "./losscurve";
import { LINE_STOPS, lineOf, lossFan, nearest, specAt } from "./lossline";
import { makeLossMenu } from "./lossmenu";
import { makeLossParams } from "./lossparams";

const LINE = "line"; // in the menu: the losses that one slider runs through
const LINE_ENTRY: LossEntry = {
  name: LINE,
  title: "MAE – GCE – cross-entropy – focal",
  group: "One slider",
  summary:
    "Losses of p(true class) that one slider runs through: left forgives wrong labels, right forgets the easy samples.",
  paper: "",
  mathml: "",
  params: [],
  needs: ["logits"],
  properties: {},
};

export function mountLoss(
  el: HTMLElement,
  { session, store }: { session: Session; store: Store },
): () => void {
  const scored = () => store.get<Score>("score");
  let mode: "train" | "score" = scored() === null ? "train" : "score";
  let own: string | null = null; // a loss chosen by its own name, though the line has it too
  let offered = false; // the loss was changed while training rests
  let dragged: LossSpec | null = null; // what training's loss will be on release
  const catalogue = catalogueOf(store);
  const entryOf = (name: string) => catalogue.loss.find((m) => m.name === name);
  const titleOf = (name: string) => entryOf(name)?.title ?? name;

  /** The loss trained with. */
  const trained = (): LossSpec =>
    (session.run?.experiment as ExperimentJson | null)?.loss ?? { name: "cross_entropy", params: {} };
  const trainable = () => session.run?.trainable ?? false;
  /** The loss that the control is about, and its place on the line where the line slider stands for it. */
  const inUse = (): { spec: LossSpec; u: number | null } => {
    if (mode === "score") {
      const score = scored() ?? atFirst();
      return isSpec(score) ? { spec: score, u: null } : { spec: specAt(score), u: score };
    }
    const spec = dragged ?? ofFan() ?? trained();
    return { spec, u: own === spec.name ? null : lineOf(spec) };
  };
  /** The score that says what is trained with. */
  const atFirst = (): number | LossSpec => lineOf(trained()) ?? usable(trained());
  const usable = (spec: LossSpec): number | LossSpec => (whyNotScore(entryOf(spec.name)) === null ? spec : 0);
  /** The loss of the fan's network on screen, where the fan is one of losses. */
  const ofFan = (): LossSpec | null => {
    const over = lossFan(session);
    const member = over && memberShown(session, store);
    if (!over || member === null) return null;
    const now = trained();
    const value = over.fan.members[member]!.values[over.varied.path]!;
    const params = now.name === over.fan.loss ? now.params : {};
    return { name: over.fan.loss, params: { ...params, [over.param]: value } };
  };

  const change = (changes: Record<string, unknown>) => {
    dragged = null;
    if (Object.keys(changes).some((path) => path.startsWith("loss")))
      offered = session.run?.state !== "running";
    clearError(session);
    session.send({ kind: "change", changes });
    frame.ask();
  };
  /** Where a fan lies along this parameter, its networks are what the slider snaps to. */
  const toFan = (place: (value: number) => number | null, at: number, how: How): boolean => {
    const over = lossFan(session);
    if (!over || over.varied.values.some((v) => place(v) === null)) return false;
    const value = nearest(over.varied.values, place as (v: number) => number, at);
    const from = memberOrLike(session, store);
    store.set("member", neighbour(over.fan, from, { path: over.varied.path, value }), how);
    return true;
  };
  const turn = (spec: LossSpec, how: How) => {
    if (mode === "score") return store.set("score", spec, how);
    dragged = spec;
    frame.ask();
  };

  const curve = makeLossCurve();
  const name = h("output", { class: "clsviz-value" });
  const sentence = h("p", { class: "clsviz-say" });
  const lineKnob = rangeKnob({
    name: "Loss line",
    low: -1,
    high: 1,
    value: 0,
    default: 0,
    snap: LINE_STOPS.map((stop) => stop.value),
    stops: LINE_STOPS,
    labelled: false,
    format: scoreName,
    live(u) {
      if (mode === "score") store.set("score", u, "live");
      else if (!toFan((v) => lossFan(session)!.u(v), u, "live")) turn(specAt(u), "live");
    },
    final(u) {
      if (mode === "score") return store.set("score", u);
      if (!toFan((v) => lossFan(session)!.u(v), u, "final")) change({ loss: specAt(u) });
    },
  });
  /** A fan over this parameter of the loss in use. */
  const fanOf = (param: string) => {
    const over = lossFan(session);
    return over && over.param === param && over.fan.loss === inUse().spec.name ? over : null;
  };
  const alongFan = (param: string, value: number, how: How): boolean => {
    const over = mode === "train" ? fanOf(param) : null;
    if (!over) return false;
    const place = placeOf(over.varied);
    return toFan(place, place(value), how);
  };
  const params = makeLossParams({
    session,
    supplies: catalogue.supply ?? [],
    live(param, value) {
      const { spec } = inUse();
      if (!alongFan(param, value, "live"))
        turn({ name: spec.name, params: { ...spec.params, [param]: value } }, "live");
    },
    final(param, value) {
      const { spec } = inUse();
      if (typeof value === "number" && alongFan(param, value, "final")) return;
      if (mode === "score") turn({ name: spec.name, params: { ...spec.params, [param]: value } }, "final");
      else change({ [`loss.${param}`]: value });
    },
    set: (path, value) => change({ [path]: value }),
  });
  const spread = fanButton(session, "loss", () => {
    const spec = trained();
    if (lineOf(spec) === null) return `loss.${Object.keys(spec.params)[0] ?? ""}`;
    return spec.name === "focal" ? "loss.gamma" : "loss.q";
  });
  const trainOn = button(
    "Train on",
    () => {
      offered = false;
      clearError(session);
      session.send({ kind: "command", name: "train" });
    },
    { class: "clsviz-small" },
  );

  /** A loss that learns from another network, directly or through what is made from it. */
  const isTaught = (entry: LossEntry | undefined): boolean =>
    (entry?.needs ?? [])
      .flatMap((need) => [need, ...((catalogue.supply ?? []).find((s) => s.name === need)?.needs ?? [])])
      .some((need) => need.startsWith("teacher_"));
  const teachButton = (loss: () => string) =>
    button(
      "Take this network as the teacher",
      () => {
        clearError(session);
        own = loss();
        const [step, member] = [store.get<number | null>("step"), memberShown(session, store)];
        session.send({ kind: "teach", step, member, loss: loss() });
      },
      { class: "clsviz-small", title: "Begins anew, and learns from the network that is on screen now" },
    );
  const teach = teachButton(() => trained().name);
  const whyNotScore = (entry: LossEntry | undefined): string | null => {
    const more = (entry?.needs ?? []).filter((need) => need !== "logits");
    if (more.length > 0)
      return `It needs ${more.map((need) => need.replaceAll("_", " ")).join(" and ")}; of the networks of the landscape only logits are kept. Train with it instead.`;
    const land = session.landscape;
    if (session.alive || !entry || entry.name === LINE || !land) return null;
    const surface = surfaceAt(
      land,
      { name: entry.name, params: {} },
      store.get<number | null>("temperature") ?? 1,
    );
    return surface && !surface.instead
      ? null
      : "No kernel is here to compute it, and this page has no table of it.";
  };
  const menu = makeLossMenu({
    entries: [LINE_ENTRY, ...catalogue.loss],
    why: (entry) => (mode === "score" ? whyNotScore(entry) : (session.unusable[entry.name] ?? null)),
    remedy: (entry) =>
      mode === "train" && isTaught(entry) && session.alive && session.run?.changeable
        ? teachButton(() => entry.name)
        : null,
    choose(loss) {
      if (mode === "score")
        return store.set("score", loss === LINE ? (lineOf(inUse().spec) ?? 0) : { name: loss, params: {} });
      own = loss === LINE ? null : loss;
      const now = trained();
      if (loss === LINE ? lineOf(now) === null : loss !== now.name)
        change({ loss: loss === LINE ? specAt(0) : { name: loss, params: {} } });
      frame.ask();
    },
  });
  const modes = segments(
    "What the loss slider does",
    [
      { value: "train", label: "train with it" },
      { value: "score", label: "score only" },
    ],
    mode,
    (m) => {
      mode = m as typeof mode;
      dragged = null;
      store.set("score", mode === "score" ? (own === trained().name ? usable(trained()) : atFirst()) : null);
      frame.ask();
    },
  );
  el.append(
    h(
      "section",
      { class: "clsviz-hero", "data-control": "loss_line" },
      h("div", { class: "clsviz-picture" }, curve.el),
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
        menu.el,
        lineKnob.el,
        params.el,
        h("div", { class: "clsviz-fannable" }, sentence, teach, trainOn, spread.el),
      ),
    ),
  );

  const whenSaid = whenChanged();
  const draw = () => {
    if (scored() !== null || (session.run && !trainable())) mode = "score";
    modes.el.hidden = !trainable();
    modes.show(mode);
    const { spec, u } = inUse();
    const [now, state] = [trained(), session.run?.state];
    const over = lossFan(session);
    const alongLine = over !== null && over.varied.values.every((v) => over.u(v) !== null);
    const moves = u === null ? over !== null && over.fan.loss === spec.name : alongLine;
    if (state === "running") offered = false;
    modes.rename("train", over && moves ? "trained with it" : "train with it");
    menu.show(u === null ? spec.name : LINE);
    menu.setDisabled(mode === "train" && !(session.alive && session.run?.changeable));
    spread.show();
    spread.el.hidden ||= mode === "score" || u === null || !trainable();
    trainOn.hidden = !offered || mode === "score" || !(state === "finished" || state === "paused");
    teach.hidden =
      mode === "score" || u !== null || !isTaught(entryOf(spec.name)) || !session.run?.changeable;
    teach.disabled = !session.alive;
    lineKnob.el.hidden = u === null;
    params.el.hidden = u !== null;
    if (u !== null) lineKnob.show(u);
    else
      params.show({
        entry: entryOf(spec.name),
        spec,
        supplied: (session.run?.experiment as ExperimentJson | null)?.supplies ?? {},
        fans: mode === "train" && trainable(),
        own: mode === "train",
        disabled: mode === "train" && !moves && !(session.alive && session.run?.changeable),
      });
    say(name, u === null ? "" : scoreName(u)); // off the line the menu says it
    const said = mode === "score" ? (u === null ? spec.name : scoreName(u)) : u !== null;
    const facts = [mode, said, now.name, session.run?.experiment, over?.varied, trainOn.hidden];
    whenSaid(facts, () => say(sentence, ...sentenceOf(spec, u, moves)));
    paint(spec, u);
  };
  const sentenceOf = (spec: LossSpec, u: number | null, moves: boolean): (Node | string)[] => {
    const now = titleOf(trained().name);
    if (mode === "score") {
      const title = u === null ? titleOf(spec.name) : scoreName(u);
      return [
        "Scores the same network with ",
        b(title),
        ": the landscape is recoloured, the network stays.",
        ...(session.run?.experiment ? [" It was trained with ", b(now), "."] : []),
      ];
    }
    const over = lossFan(session);
    if (over && moves) {
      const end =
        u === null
          ? ""
          : over.param === "q"
            ? ": left forgives wrong labels"
            : ": right forgets the easy ones";
      return ["Moves through ", b(`${over.varied.values.length} trained networks`), `${end}.`];
    }
    if (!trainOn.hidden)
      return ["The network is as it was; ", b("train on"), " to see what this loss makes of it."];
    if (u === null) return ["Changes reach training at its next step."];
    const end = ": left forgives wrong labels, right forgets the easy ones.";
    return ["Training goes on with it ", b("from its next step"), end];
  };
  const paint = (spec: LossSpec, u: number | null) => {
    const classes = session.dataset?.k ?? 2;
    const drawn = inBrowser(spec) ? curveOf(spec.name, spec.params as LossParams, classes) : null;
    const own = u === null ? drawn : (p: number) => scoreOfP(u, p);
    const at = shownTilted(session, store);
    const i = at && own ? markedSample(session, store) : null;
    const data = session.dataset;
    const temperature = store.get<number | null>("temperature") ?? 1;
    const p =
      at && data && i !== null
        ? softmaxRow(logitsOf(session, at, [i]), 0, data.k, temperature)[data.y[i]!]!
        : null;
    curve.paint({
      curve: own,
      others: [-1, 0, 1].map((v) => (q: number) => scoreOfP(v, q)),
      values: [u, u === null ? JSON.stringify(spec) : "", classes],
      words: own ? "loss at p(true class)" : "no curve of p alone",
      marked: p,
    });
  };
  const frame = redraw(draw, {
    session,
    store,
    boxes: [curve.el],
    keys: ["score", "temperature", "step", "member", "hover", "marked", ...RULE_KEYS],
    events: ["data", "run", "snapshots", "fan", "alive"],
  });
  return frame.close;
}
