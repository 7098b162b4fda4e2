/** "More settings": how a step is taken, and sliders of the data, the model and the method. Each begins training anew. */

import { clearError, type Session } from "../../core/session";
import type { Store } from "../../core/store";
import { h } from "../../draw/dom";
import { type RangeKnob, rangeKnob, selectKnob } from "../../draw/knobs";
import { catalogueOf, type ExperimentJson, paramValue, words } from "./catalogue";
import { type FanButton, fanButton } from "./fanout";

const HEADS = ["data", "model", "method"] as const;
const SAID = { data: "Data", model: "Model", method: "Method" };
/** What data sets have in common, and their docstrings leave out. */
const COMMON: Record<string, string> = {
  n: "samples in all",
  validation: "share of the samples that is kept from training, to measure on",
};
/** Networks of a fan share samples and architecture (clsviz/training/fan_members.py). */
const fannable = (path: string) => path.startsWith("method.") || path === "model.init_scale";

export function mountFurther(
  el: HTMLElement,
  { session, store }: { session: Session; store: Store },
): () => void {
  const catalogue = catalogueOf(store);
  const change = (path: string, value: unknown) => {
    clearError(session);
    session.send({ kind: "change", changes: { [path]: value } });
  };
  const method = selectKnob({
    name: "Training method",
    options: catalogue.method.map(({ name, title }) => ({ value: name, label: title })),
    value: "",
    change: (name) => change("method", name),
  });
  const sliders = h("div", { class: "clsviz-settings" });
  const body = h("div", { class: "clsviz-row" }, method.el, sliders);
  const box = h(
    "details",
    { class: "clsviz-further", "data-control": "more_settings" },
    h("summary", {}, "More settings"),
    body,
  );
  el.append(box);

  let knobs: { knob: RangeKnob; now: (e: ExperimentJson) => number; told: number | null }[] = [];
  let fans: FanButton[] = [];
  let built = "";
  const build = (experiment: ExperimentJson) => {
    const key = HEADS.map((head) => experiment[head].name).join();
    if (key === built) return;
    built = key;
    [knobs, fans] = [[], []];
    sliders.replaceChildren();
    for (const head of HEADS) {
      const entry = catalogue[head].find((m) => m.name === experiment[head].name);
      for (const param of entry?.params ?? []) {
        if (!param.range) continue;
        const path = `${head}.${param.name}`;
        const name = `${SAID[head]}: ${words(param.name)}`;
        const usual = Number(param.default);
        const knob = rangeKnob({
          name,
          ...param.range,
          value: usual,
          default: usual,
          live: () => {},
          final: (value) => change(path, value),
        });
        knob.el.title = param.help || COMMON[param.name] || entry!.summary;
        knobs.push({ knob, now: (e) => paramValue(e[head], param), told: null });
        const fan = fannable(path) ? [fanButton(session, name, () => path)] : [];
        fans.push(...fan);
        sliders.append(h("div", { class: "clsviz-fannable" }, knob.el, ...fan.map((f) => f.el)));
      }
    }
  };

  const show = () => {
    const experiment = session.run?.experiment as ExperimentJson | null | undefined;
    box.hidden = !experiment || session.run?.state === "static";
    if (!experiment || box.hidden) return;
    build(experiment);
    const off = !session.alive || !session.run?.changeable;
    method.show(experiment.method.name);
    method.select.disabled = off;
    for (const item of knobs) {
      const value = item.now(experiment);
      // what was asked for stays until the kernel has answered it: a second key must not begin anew
      if (session.error || value !== item.told) item.knob.show(value);
      item.told = value;
      item.knob.setDisabled(off);
    }
    for (const fan of fans) fan.show();
  };
  const stop = session.on(["run", "data", "alive", "error", "fan"], show);
  show();
  return stop;
}
