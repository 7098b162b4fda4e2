/** Sliders of one loss: its parameters, and those of the supplies that make what it needs. */

import type { LossSpec } from "../../core/score";
import type { Session } from "../../core/session";
import { h } from "../../draw/dom";
import { type RangeKnob, rangeKnob, selectKnob } from "../../draw/knobs";
import type { LossEntry, MethodEntry, ParamEntry, SpecJson } from "./catalogue";
import { words } from "./catalogue";
import { type FanButton, fanButton } from "./fanout";

/** Places on the way of a parameter that have a name of their own; the slider snaps to them. */
const NAMED: Record<string, readonly (readonly [number, string])[]> = {
  "comp_sum.tau": [
    [0, "sum-exponential"],
    [1, "CE"],
    [1.7, "GCE"],
    [2, "MAE"],
  ],
  "gce.q": [
    [0, "cross-entropy"],
    [1, "MAE"],
  ],
  "focal.gamma": [[0, "cross-entropy"]],
  "poly1.eps": [[0, "cross-entropy"]],
  "dco.n": [[1, "cross-entropy"]],
  "ldr_kl.lam": [[1, "CE − log C"]],
  "cross_entropy.tau": [[1, "as it is"]],
};

export interface LossParams {
  el: HTMLElement;
  /**
   * Shows a loss; `supplied` gives the present parameters of a supply, `fans` whether settings can be fanned out,
   * `own` whether supplies play a part (they do in training only).
   */
  show(o: {
    entry: LossEntry | undefined;
    spec: LossSpec;
    supplied: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    fans: boolean;
    own: boolean;
    disabled: boolean;
  }): void;
}

export function makeLossParams(o: {
  session: Session;
  supplies: readonly MethodEntry[];
  /** While a parameter of the loss is dragged. */
  live(param: string, value: number): void;
  final(param: string, value: unknown): void;
  /** A setting that is no parameter of the loss: a dotted path. */
  set(path: string, value: unknown): void;
}): LossParams {
  const el = h("div", { class: "clsviz-params" });
  let knobs: { path: string; show(value: unknown): void; disable(off: boolean): void }[] = [];
  let fans: FanButton[] = [];
  let built = "";

  const add = (path: string, param: ParamEntry, named: string, of: string | null) => {
    const own = path.startsWith("loss.");
    const name = of === null ? words(param.name) : `${of}: ${words(param.name)}`;
    const final = (v: unknown) => (own ? o.final(param.name, v) : o.set(path, v));
    const options = typeof param.default === "boolean" ? [true, false] : param.choices;
    if (options) {
      const label = (v: unknown) => (v === true ? "yes" : v === false ? "no" : String(v));
      const knob = selectKnob({
        name,
        options: options.map((v, i) => ({ value: String(i), label: label(v) })),
        value: "0",
        change: (i) => final(options[Number(i)]),
      });
      const show = (v: unknown) => knob.show(String(options.indexOf(v as never)));
      const disable = (off: boolean) => {
        knob.select.disabled = off;
      };
      knobs.push({ path, show, disable });
      knob.el.title = param.help ?? "";
      el.append(knob.el);
      return;
    }
    if (!param.range) return;
    const stops = NAMED[named] ?? [];
    const knob: RangeKnob = rangeKnob({
      name,
      ...param.range,
      value: Number(param.default),
      default: Number(param.default),
      stops: stops.map(([value, label]) => ({ value, label })),
      snap: stops.map(([value]) => value),
      live: (v) => own && o.live(param.name, v),
      final,
    });
    knob.el.title = param.help ?? "";
    const fan = fanButton(o.session, name, () => path);
    fans.push(fan);
    knobs.push({ path, show: (v) => knob.show(Number(v)), disable: knob.setDisabled });
    el.append(h("div", { class: "clsviz-fannable" }, knob.el, fan.el));
  };

  const build = (entry: LossEntry | undefined, own: boolean) => {
    [knobs, fans] = [[], []];
    el.replaceChildren();
    for (const p of entry?.params ?? []) add(`loss.${p.name}`, p, `${entry!.name}.${p.name}`, null);
    for (const s of own ? o.supplies : []) {
      if (!entry?.needs.includes(s.name)) continue;
      for (const p of s.params) add(`supplies.${s.name}.${p.name}`, p, "", s.title);
    }
    if (knobs.length === 0) el.append(h("p", { class: "clsviz-say" }, "This loss has no parameter to turn."));
  };

  return {
    el,
    show({ entry, spec, supplied, fans: fannable, own, disabled }) {
      const key = `${spec.name} ${own}`;
      if (built !== key) {
        built = key;
        build(entry, own);
      }
      for (const fan of fans) {
        fan.show();
        fan.el.hidden ||= !fannable;
      }
      for (const { path, show, disable } of knobs) {
        const [head, middle, last] = path.split(".") as [string, string, string | undefined];
        const owner = head === "loss" ? entry : o.supplies.find((s) => s.name === middle);
        const values: SpecJson["params"] = head === "loss" ? spec.params : (supplied[middle] ?? {});
        const name = last ?? middle;
        show(values[name] ?? owner?.params.find((p) => p.name === name)?.default);
        disable(disabled);
      }
    },
  };
}
