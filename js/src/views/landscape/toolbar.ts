/** One row of fixed height over the picture: the plane, then progress while computing, else what to do. */

import { h } from "../../draw/dom";
import { button, selectKnob } from "../../draw/knobs";

export type Plane = "path" | "random";

export interface ToolbarState {
  plane: Plane;
  /** A kernel can be asked. */
  alive: boolean;
  progress: number | null; // 0..1 while computing
  words: string;
  /** Name of the button that asks for a new landscape, or null. */
  compute: string | null;
  /** A point is kept: a button leaves it. */
  back: boolean;
}

export interface Toolbar {
  el: HTMLElement;
  show(state: ToolbarState): void;
}

export function makeToolbar(o: {
  plane: Plane;
  choose(plane: Plane): void;
  compute(): void;
  cancel(): void;
  back(): void;
}): Toolbar {
  const plane = selectKnob({
    name: "Plane of weights",
    labelled: false,
    value: o.plane,
    options: [
      { value: "path", label: "path plane" },
      { value: "random", label: "random plane" },
    ],
    change: (value) => o.choose(value as Plane),
  });
  plane.select.title = "The plane of weight space: that of the training path, or of two random directions";
  plane.select.style.height = "22px";
  const bar = h("progress", {
    max: 1,
    value: 0,
    "aria-label": "Landscape computed",
    style: "flex:1;min-width:40px;height:8px",
  });
  const words = h("span", { style: "overflow:hidden;text-overflow:ellipsis;white-space:nowrap" });
  const cancel = button("Cancel", o.cancel, { class: "clsviz-small" });
  const compute = button("Compute", o.compute, { class: "clsviz-small" });
  const back = button("Return", o.back, {
    class: "clsviz-small",
    title: "Back to the network of the run (Escape)",
  });
  return {
    el: h(
      "div",
      { style: "display:flex;gap:8px;align-items:center;height:22px;color:var(--clsviz-fg2)" },
      plane.el,
      bar,
      words,
      cancel,
      compute,
      back,
    ),
    show(state) {
      plane.show(state.plane);
      plane.select.disabled = !state.alive;
      bar.hidden = cancel.hidden = state.progress === null;
      bar.value = state.progress ?? 0;
      words.textContent = state.progress === null ? state.words : `${Math.round(100 * state.progress)} %`;
      back.hidden = !state.back;
      compute.hidden = state.compute === null;
      compute.textContent = state.compute ?? "";
    },
  };
}
