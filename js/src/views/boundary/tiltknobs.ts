/** Tilt slider, and in its place the regularisation slider while "L2 path" is on. */

import type { Store } from "../../core/store";
import { WIDEST } from "../../core/tiltcurve";
import { b, h, say } from "../../draw/dom";
import { button, type RangeOptions, rangeKnob } from "../../draw/knobs";
import { degreesWords } from "../tilt/words";
import type { Scene } from "./scene";

const KEY_STEP = 0.5; // degrees; arrow keys must get away from "as trained", so they snap by less than a step
export const DRAG_SNAP = 1.2; // degrees
const FIRST_LAMBDA = 0.01;

/** A tilt as the store has it, null for the trained angle: both that and 0 are met within `reach` degrees. */
export function storedTilt(degrees: number, trained: number, reach: number): number | null {
  const within = Math.min(WIDEST, Math.max(-WIDEST, degrees));
  if (Math.abs(within - Math.min(WIDEST, trained)) <= reach) return null;
  return Math.abs(within) <= reach ? 0 : Number(within.toFixed(1));
}

const EVERYWHERE =
  "All views follow the tilted rule: between the two classes of the pair it decides in the network's place. Their logits keep their mean, their difference becomes the rule's, all others stay. As trained, nothing changes.";

const TIGHT = { class: "clsviz-small", style: "padding: 0 5px", "aria-pressed": "false" }; // beside the value

const lambdaWords = (v: number) => String(Number(v.toPrecision(2)));

export interface TiltKnobs {
  el: HTMLElement;
  show(scene: Scene): void;
}

export function tiltKnobs(store: Store): TiltKnobs {
  let trained = 0; // degrees, of the network shown
  // both move with the network: the knob reads them each time
  const [nearest, asTrained] = [
    { value: 0, label: "nearest centroid" },
    { value: 0, label: "as trained" },
  ];
  let dragging = false;
  const stored = (degrees: number) => storedTilt(degrees, trained, dragging ? DRAG_SNAP : KEY_STEP / 2);
  const options: RangeOptions = {
    name: "Tilt",
    low: -WIDEST,
    high: WIDEST,
    step: KEY_STEP,
    value: 0,
    default: 0,
    labelled: false,
    stops: [nearest, asTrained],
    format: degreesWords,
    live: (v) => store.set("tilt", stored(v), "live"),
    final: (v) => store.set("tilt", stored(v)),
  };
  const tilt = rangeKnob(options);
  tilt.input.addEventListener("pointerdown", () => {
    dragging = true;
  });
  // after the last "change", which ends the drag
  tilt.input.addEventListener("pointerup", () =>
    setTimeout(() => {
      dragging = false;
    }),
  );
  const lambda = rangeKnob({
    name: "Regularisation",
    low: 1e-4,
    high: 1e3,
    log: true,
    value: FIRST_LAMBDA,
    default: FIRST_LAMBDA,
    labelled: false,
    stops: [
      { value: 1e-4, label: "weak" },
      { value: 0.1, label: "0.1" },
      { value: 1e3, label: "strong" },
    ],
    format: lambdaWords,
    live: (v) => store.set("regularisation", v, "live"),
    final: (v) => store.set("regularisation", v),
  });
  const [first, second] = tilt.el.querySelectorAll<HTMLElement>(".clsviz-stop");
  first!.classList.add("clsviz-high"); // its words end at the middle of the track: there the second's may begin
  const words = h("span", {
    style: "margin-right: auto; white-space: nowrap; overflow: hidden; text-overflow: ellipsis",
  });
  const path = button(
    "L2 path",
    () => {
      store.set("regularisation", store.get("regularisation") === null ? lambda.value : null);
    },
    { ...TIGHT, title: "Show L2-regularised linear classifiers of the pair instead of tilts" },
  );
  const everywhere = button("use tilted", () => store.set("use_tilted", !store.get("use_tilted")), {
    ...TIGHT,
    title: EVERYWHERE,
  });
  const head = h(
    "div",
    { class: "clsviz-row", style: "justify-content: flex-end; flex-wrap: nowrap; gap: 4px; height: 24px" },
    words,
    everywhere,
    path,
  );
  const el = h("div", { style: "flex: 1; min-width: 0", "data-control": "tilt" }, head, tilt.el, lambda.el);

  return {
    el,
    show({ rule, trained: network }) {
      const regularised = rule.kind === "l2";
      const lam = store.get<number | null>("regularisation");
      if (lam !== null && lam !== lambda.value) lambda.show(lam);
      tilt.el.hidden = regularised;
      lambda.el.hidden = !regularised;
      path.setAttribute("aria-pressed", String(regularised));
      everywhere.setAttribute("aria-pressed", String(Boolean(store.get("use_tilted"))));
      trained = network.degrees;
      const shown = Math.min(WIDEST, trained);
      options.default = asTrained.value = shown;
      const place = shown / WIDEST;
      second!.style.setProperty("--p", String((1 + place) / 2));
      second!.className = `clsviz-stop clsviz-${place > 0.5 ? "high" : "low"}`;
      second!.hidden = place < 0.02;
      tilt.show(store.get<number | null>("tilt") ?? shown);
      if (regularised) say(words, "λ ", b(lambdaWords(lambda.value)));
      else say(words, "Tilt ", b(degreesWords(rule.turned)));
    },
  };
}
