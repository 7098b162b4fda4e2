/** What the loss view can be switched to: axis, label of the simplex, second loss, samples, histogram. */

import type { ProfileAxis } from "../../core/lossprofile";
import type { LossSpec } from "../../core/lossterms";
import type { Dataset } from "../../core/session";
import type { Store } from "../../core/store";
import { segments, selectKnob } from "../../draw/knobs";
import type { Catalogue } from "../controls/catalogue";
import { lossTitle } from "./chosen";
import type { Shows } from "./histogram";
import type { Part } from "./samples";

export type Axis = ProfileAxis | "simplex";

/** The axis on screen: a simplex needs three classes. */
export function axisOf(store: Store, classes: number): Axis {
  const axis = store.get<unknown>("axis");
  return axis === "margin" || (axis === "simplex" && classes > 2) ? axis : "p";
}
export const partOf = (store: Store): Part =>
  store.get("part") === "validation" ? "validation" : "training";
export const showsOf = (store: Store): Shows => (store.get("histogram") === "weight" ? "weight" : "loss");

export interface Controls {
  /** Shows the state; `label` is the class at the top of the simplex. */
  show(data: Dataset, against: LossSpec | null, label: number): void;
}

export function makeControls(parent: HTMLElement, store: Store): Controls {
  const axes = segments(
    "Axis of the loss",
    [
      { value: "p", label: "p" },
      { value: "margin", label: "margin" },
      { value: "simplex", label: "simplex" },
    ],
    "p",
    (value) => store.set("axis", value),
  );
  const simplex = axes.el.lastElementChild as HTMLButtonElement;
  const label = selectKnob({
    name: "Label",
    options: [],
    value: "",
    change: (value) => store.set("label", Number(value)),
  });
  const against = selectKnob({
    name: "Against",
    options: [],
    value: "",
    change: (name) => store.set("against", name ? { name, params: {} } : null),
  });
  const parts = selectKnob({
    name: "Samples",
    options: [
      { value: "training", label: "training" },
      { value: "validation", label: "validation" },
    ],
    value: "training",
    change: (value) => store.set("part", value),
  });
  const shows = segments(
    "What the histogram counts",
    [
      { value: "loss", label: "losses" },
      { value: "weight", label: "weights" },
    ],
    "loss",
    (value) => store.set("histogram", value),
  );
  parent.append(axes.el, label.el, against.el, parts.el, shows.el);

  let built = "";
  return {
    show(data, over, at) {
      const axis = axisOf(store, data.k);
      axes.show(axis);
      parts.show(partOf(store));
      shows.show(showsOf(store));
      simplex.disabled = data.k < 3;
      simplex.title = data.k < 3 ? "needs three classes" : "";
      label.el.hidden = axis !== "simplex";
      const catalogue = store.get<Catalogue | null>("catalogue");
      const losses = catalogue?.loss ?? [];
      const menu = JSON.stringify([losses.length, data.classNames, over]);
      if (menu !== built) {
        built = menu;
        const set = over && Object.keys(over.params).length > 0;
        const known = losses.map((m) => ({
          value: m.name,
          label: set && m.name === over.name ? lossTitle(over, catalogue) : m.title,
        }));
        const unknown = over && !losses.some((m) => m.name === over.name);
        against.setOptions([
          { value: "", label: "nothing" },
          ...(unknown ? [{ value: over.name, label: lossTitle(over, catalogue) }] : []),
          ...known,
        ]);
        label.setOptions(data.classNames.map((name, i) => ({ value: String(i), label: name })));
      }
      against.show(over?.name ?? "");
      label.show(String(at));
    },
  };
}
