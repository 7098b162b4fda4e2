/** Menus, buttons and sliders of the robustness view. */

import type { Dataset } from "../../core/session";
import type { Store } from "../../core/store";
import { h } from "../../draw/dom";
import { button, selectKnob } from "../../draw/knobs";
import { type QuietKnob, quietKnob } from "../controls/quietknob";
import { type Attacks, type By, type Kind, METHODS, radiusLimit } from "./numbers";

const ALL = "all";
const SLOW = 1000; // ms of computing after which one may stop it
const KINDS: Record<Kind, string> = {
  logit: "of the logits",
  probability: "of the probabilities",
  distance: "in input space",
};
const ENDS = { logit: 10, probability: 1 }; // of the threshold's slider
export const STEPS = 100; // of it on each side of 0

/** What the user asked for. */
export interface Asked {
  kind: Kind;
  by: By;
  target: number | null; // class
  threshold: number;
  radius: number;
}

export interface Shows {
  data: Dataset;
  asked: Asked; // as far as it can be had
  attacks: Attacks | null;
}

export interface Controls {
  header: HTMLElement[];
  stop: HTMLElement; // in a corner of the curves, where it moves nothing
  sliders: HTMLElement;
  asked(data: Dataset): Asked;
  /** How far the threshold's slider reaches; the largest radius. */
  ends(data: Dataset, kind: Kind): { threshold: number; radius: number };
  show(shows: Shows | null): void;
  /** Computing goes on, or rests; returns whether the user stopped it. */
  computing(attacks: Attacks | null, waiting: number): boolean;
}

export function makeControls(store: Store, act: { selectBelow(): void; redraw(): void }): Controls {
  const kinds = selectKnob({
    name: "Margin",
    options: Object.entries(KINDS).map(([value, label]) => ({ value, label })),
    value: "logit",
    change(value) {
      store.set("margin", value);
      store.set("threshold", 0); // that of another unit says nothing
    },
  });
  const methods = selectKnob({
    name: "Distance",
    options: Object.entries(METHODS).map(([value, label]) => ({ value, label })),
    value: "deepfool",
    change: (value) => store.set("distance_by", value),
  });
  methods.select.title =
    "How the distance to another answer is looked for, a Euclidean length. DeepFool: over the nearest boundary of " +
    "the tangent. PGD: the smallest radius at which it succeeds. Towards a sample: along the line to the nearest " +
    "validation sample called otherwise. Each is an upper bound: a nearer boundary may have been missed.";
  const classes = selectKnob({
    name: "Class",
    options: [{ value: ALL, label: ALL }],
    value: ALL,
    change: (value) => store.set("target_class", value === ALL ? null : Number(value)),
  });
  const below = button("Select those below", act.selectBelow, {
    class: "clsviz-small",
    title: "Selects the samples whose margin is below the threshold",
  });
  let stopped: Attacks | null = null;
  let running: { attacks: Attacks; since: number } | null = null;
  const stop = button(
    "Stop",
    () => {
      stopped = stopped ? null : (running?.attacks ?? null);
      act.redraw();
    },
    {
      class: "clsviz-small clsviz-searching",
      title: "Samples not attacked yet are left out, until you go on",
    },
  );
  stop.hidden = true;
  const sliders = h("div", { class: "clsviz-ood-knobs clsviz-robustness" });

  let menu = "";
  let knobs: { key: string; threshold: QuietKnob; radius: QuietKnob } | null = null;
  let known: { data: Dataset; limit: number } | null = null;
  const limitOf = (data: Dataset) => {
    if (known?.data !== data) known = { data, limit: radiusLimit(data) };
    return known.limit;
  };
  const ends = (data: Dataset, kind: Kind) => {
    const radius = limitOf(data);
    return { threshold: kind === "distance" ? radius : ENDS[kind], radius };
  };
  /** Sliders whose ends are those of the data. */
  const knobsFor = (data: Dataset, kind: Kind) => {
    const { threshold: end, radius: limit } = ends(data, kind);
    const key = `${kind} ${limit}`;
    if (knobs?.key === key) return knobs;
    const numbered = { format: (v: number) => String(Number(v.toPrecision(3))).replace("-", "−") };
    knobs = {
      key,
      threshold: quietKnob({
        name: "Margin below",
        low: -end,
        high: end,
        step: end / STEPS,
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

  const one = <T extends string>(key: string, of: Record<T, string>, usual: T): T => {
    const chosen = store.get<string | null>(key);
    return chosen !== null && Object.hasOwn(of, chosen) ? (chosen as T) : usual;
  };
  return {
    header: [kinds.el, methods.el, classes.el, below],
    stop,
    sliders,
    ends,
    asked(data) {
      const k = store.get<number | null>("target_class");
      return {
        kind: one("margin", KINDS, "logit"),
        by: one("distance_by", METHODS, "deepfool"),
        target: typeof k === "number" && k >= 0 && k < data.k ? k : null,
        threshold: store.get<number | null>("threshold") ?? 0,
        radius: Math.max(0, store.get<number | null>("radius") ?? limitOf(data) / 4),
      };
    },
    show(shows) {
      below.disabled = !shows;
      if (!shows) return;
      const { data, asked, attacks } = shows;
      if (menu !== data.classNames.join("\0")) {
        menu = data.classNames.join("\0");
        const each = data.classNames.map((label, k) => ({ value: String(k), label }));
        classes.setOptions([{ value: ALL, label: ALL }, ...each]);
      }
      classes.show(String(asked.target ?? ALL));
      kinds.show(asked.kind);
      methods.show(asked.by);
      methods.select.disabled = !attacks;
      for (const option of kinds.select.options) option.disabled = option.value === "distance" && !attacks;
      const { threshold, radius } = knobsFor(data, asked.kind);
      threshold.show(asked.threshold);
      radius.show(asked.radius);
      radius.setDisabled(!attacks);
    },
    computing(attacks, waiting) {
      if (stopped !== attacks) stopped = null;
      if (!attacks || waiting === 0) running = null;
      else if (running?.attacks !== attacks) running = { attacks, since: performance.now() };
      const slow = running !== null && performance.now() - running.since > SLOW;
      stop.hidden = !slow && !stopped;
      stop.textContent = stopped ? "Go on" : "Stop";
      return stopped !== null;
    },
  };
}
