/** What is trained: data, model, seed, and the settings of training; the loss has a control of its own. */

import { clearError, type Session } from "../../core/session";
import { memberShown } from "../../core/shown";
import type { Store } from "../../core/store";
import { b, h, say } from "../../draw/dom";
import { numberKnob, type RangeKnob, rangeKnob, selectKnob } from "../../draw/knobs";
import { type Catalogue, catalogueOf, type ExperimentJson, type MethodEntry, paramValue } from "./catalogue";
import { titleText, valueText } from "./fan";
import { fanButton } from "./fanout";

const MAX_SEED = 9999;

export function mountExperiment(
  el: HTMLElement,
  { session, store }: { session: Session; store: Store },
): () => void {
  const catalogue = catalogueOf(store);
  const change = (changes: Record<string, unknown>) => {
    clearError(session);
    session.send({ kind: "change", changes });
  };
  const menu = (name: string, key: "data" | "model", entries: MethodEntry[]) =>
    selectKnob({
      name,
      options: optionsOf(entries),
      value: "",
      change: (value) => change({ [key]: value }),
    });
  const data = menu("Data", "data", catalogue.data);
  const model = menu("Model", "model", catalogue.model);
  const seed = numberKnob({
    name: "Seed",
    low: 0,
    high: MAX_SEED,
    value: 0,
    change: (v) => change({ seed: Math.round(v) }),
  });
  const menus = h("div", { class: "clsviz-row" }, data.el, model.el, seed.el);

  const lr = settingKnob(
    "Learning rate",
    { low: 1e-4, high: 3, step: null, log: true, unit: null },
    0.05,
    (v) => change({ "optimizer.lr": v }),
  );
  // logarithmic: its low end stands for none at all
  const decays = catalogue.optimizer.flatMap((m) => m.params).find((p) => p.name === "weight_decay")!.range!;
  const decay = settingKnob(
    "Weight decay",
    decays,
    decays.low,
    (v) => change({ "optimizer.weight_decay": v <= decays.low ? 0 : v }),
    (v) => (v <= decays.low ? "0" : v.toPrecision(2)),
  );
  const noise = settingKnob(
    "Label noise",
    catalogue.label_noise.range!,
    0,
    (v) => change({ "label_noise.rate": v }),
    (v) => `${Math.round(100 * v)} %`,
  );
  const named = { data, model, seed, learning_rate: lr, weight_decay: decay, label_noise: noise };
  for (const [name, knob] of Object.entries(named)) knob.el.dataset.control = name;
  const fans = [
    fanButton(session, "learning rate", () => "optimizer.lr"),
    fanButton(session, "weight decay", () => "optimizer.weight_decay"),
    fanButton(session, "label noise", () => "label_noise.rate"),
  ];
  const settings = h(
    "div",
    { class: "clsviz-settings" },
    ...[lr, decay, noise].map((knob, i) => h("div", { class: "clsviz-fannable" }, knob.el, fans[i]!.el)),
  );
  const trained = h("p", { class: "clsviz-trained", hidden: true });
  el.append(menus, settings, trained);

  const show = () => {
    const experiment = session.run?.experiment as ExperimentJson | null;
    const fixed = session.run?.state === "static"; // a page without a kernel: nothing can be trained
    menus.hidden = settings.hidden = fixed || (session.run !== null && !experiment); // nor in your own loop
    trained.hidden = !fixed || !experiment;
    if (fixed && experiment) say(trained, "Trained: ", b(trainedWords(catalogue, experiment)));
    const off = !experiment || !session.alive || !session.run?.changeable;
    for (const fan of fans) fan.show();
    for (const knob of [data, model]) knob.select.disabled = off;
    if (!experiment) {
      for (const knob of [lr, decay, noise]) knob.setDisabled(true);
      seed.input.disabled = true;
      return;
    }
    showChoice(data, experiment.data.name, catalogue.data);
    showChoice(model, experiment.model.name, catalogue.model);
    const entry = catalogue.optimizer.find((m) => m.name === experiment.optimizer.name);
    const value = (key: string) =>
      paramValue(
        experiment.optimizer,
        entry?.params.find((p) => p.name === key) ?? { name: key, default: 0 },
      );
    const rate = experiment.label_noise
      ? Number(experiment.label_noise.params.rate ?? catalogue.label_noise.default)
      : 0;
    const knobs: [RangeKnob, number, string[]][] = [
      [lr, value("lr"), ["optimizer.lr"]],
      [decay, value("weight_decay"), ["optimizer.weight_decay"]],
      [noise, rate, ["label_noise.rate", "label_noise"]],
    ];
    for (const [knob, own, paths] of knobs) {
      const ofFan = ofMember(session, store, paths);
      knob.show(ofFan ?? own);
      knob.setDisabled(off || ofFan !== null);
      knob.el.title = ofFan === null ? "" : "Of the network of the fan that is shown; the run has its own";
    }
    const seedOfFan = seedShown(session, store);
    seed.show(seedOfFan ?? experiment.seed);
    seed.input.disabled = off || seedOfFan !== null;
  };
  const stops = [session.on(["run", "data", "alive", "error", "fan"], show), store.on(["member"], show)];
  show();
  return () => {
    for (const stop of stops) stop();
  };
}

/** What the network of the fan on screen has of a setting; null: the run is shown, or all have the run's. */
function ofMember(session: Session, store: Store, paths: string[]): number | null {
  const at = memberShown(session, store);
  const values = at === null ? undefined : session.fan!.members[at]!.values;
  const path = paths.find((p) => values?.[p] !== undefined);
  return path === undefined ? null : values![path]!;
}

function seedShown(session: Session, store: Store): number | null {
  const at = memberShown(session, store);
  return at === null ? null : session.fan!.members[at]!.seed;
}

/** "digits, MLP, cross-entropy, learning rate 0.05": what a page without a kernel holds. */
function trainedWords(catalogue: Catalogue, e: ExperimentJson): string {
  const title = (entries: MethodEntry[], name: string) =>
    titleText(entries.find((m) => m.name === name)?.title ?? name);
  const optimizer = catalogue.optimizer.find((m) => m.name === e.optimizer.name);
  const settings = (optimizer?.params ?? [])
    .filter((p) => ["lr", "weight_decay"].includes(p.name))
    .map((p) => [p.name === "lr" ? "learning rate" : "weight decay", paramValue(e.optimizer, p)] as const)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${name} ${valueText(value)}`);
  const noise = Number(e.label_noise?.params.rate ?? (e.label_noise ? catalogue.label_noise.default : 0));
  return [
    title(catalogue.data, e.data.name),
    title(catalogue.model, e.model.name),
    title(catalogue.loss, e.loss.name),
    ...settings,
    ...(noise > 0 ? [`label noise ${Math.round(100 * noise)} %`] : []),
    `seed ${e.seed}`,
  ].join(", ");
}

function settingKnob(
  name: string,
  range: { low: number; high: number; step: number | null; log: boolean; unit: string | null },
  fallback: number,
  final: (value: number) => void,
  format?: (value: number) => string,
) {
  return rangeKnob({
    name,
    ...range,
    value: fallback,
    default: fallback,
    live: () => {},
    final,
    ...(format ? { format } : {}),
  });
}

const optionsOf = (entries: readonly MethodEntry[]) =>
  entries.map(({ name, title }) => ({ value: name, label: title }));

/** A choice from outside the menu (your own arrays or module) gets an entry of its own. */
function showChoice(knob: ReturnType<typeof selectKnob>, value: string, entries: MethodEntry[]): void {
  if (![...knob.select.options].some((o) => o.value === value)) {
    knob.setOptions([...optionsOf(entries), { value, label: value }]);
  }
  knob.show(value);
}
