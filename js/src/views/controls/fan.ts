/** The slider that moves through the trained networks of a fan, and what can be done with the fan. */

import { type Fan, isOfModels, loading, memberLike, neighbour, placeOf, type Varied } from "../../core/fan";
import type { Session } from "../../core/session";
import { memberShown } from "../../core/shown";
import type { How, Store } from "../../core/store";
import { b, h, say } from "../../draw/dom";
import { onFrame } from "../../draw/frame";
import { button, type RangeKnob, rangeKnob, selectKnob } from "../../draw/knobs";
import { catalogueOf, type ExperimentJson, paramValue, type SpecJson } from "./catalogue";

const LABELS = 7; // stops with a number, at most

export const valueText = (value: number): string => String(Number(value.toPrecision(3)));

/** "Learning rate" inside a sentence; "GCE: q" stays as it is. */
export const titleText = (title: string): string =>
  /^[A-Z][a-z]/.test(title) ? title[0]!.toLowerCase() + title.slice(1) : title;

/** One value of a setting: "0.05", or the name of a finished model. */
export const nameOfValue = (v: Varied, value: number): string =>
  v.names?.[v.values.indexOf(value)] ?? valueText(value);

/** A setting with its value inside a sentence: "learning rate 0.05"; finished models go by their names. */
export const settingOf = (v: Varied, value: number): string =>
  v.names ? nameOfValue(v, value) : `${titleText(v.title)} ${nameOfValue(v, value)}`;

/** What the slider and the strip are called. */
export const fanTitle = (v: Varied): string => (v.names ? "Model" : `Fan: ${titleText(v.title)}`);

/** The run's own value of a setting, or null where it has none. */
export function ownValue(session: Session, store: Store, path: string): number | null {
  const experiment = session.run?.experiment as (ExperimentJson & Record<string, unknown>) | null;
  if (!experiment) return null;
  const [head, name] = path.split(".") as [keyof ExperimentJson, string | undefined];
  const spec = experiment[head] as SpecJson | number | null;
  if (typeof spec === "number") return spec;
  if (!spec) return name === "factor" ? 1 : 0; // no noise, no imbalance
  const key = name ?? Object.keys(spec.params)[0]!;
  const menus = catalogueOf(store) as unknown as Record<string, { name: string; params: never[] }[]>;
  const entry = (menus[head] ?? []).find?.((m) => m.name === spec.name);
  const param = (entry?.params ?? []).find((p: { name: string }) => p.name === key);
  const value = param ? paramValue(spec, param) : Number(spec.params[key]);
  return Number.isFinite(value) ? value : null;
}

/** The member on screen; while the run itself is shown, the one most like it. */
export function memberOrLike(session: Session, store: Store): number {
  const fan = session.fan!;
  const seed = (session.run?.experiment as ExperimentJson | null)?.seed ?? null;
  return (
    memberShown(session, store) ??
    (fan.own ? 0 : memberLike(fan, (path) => ownValue(session, store, path), seed))
  );
}

export function mountFan(
  el: HTMLElement,
  { session, store }: { session: Session; store: Store },
): () => void {
  const sliders = h("div", { class: "clsviz-fan-sliders" });
  const seeds = selectKnob({
    name: "Seed of the fan",
    options: [],
    value: "",
    change: (v) => pick(Number(v)),
  });
  const words = h("span", { role: "status", class: "clsviz-fan-words" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Training of the fan" });
  const command = (name: string) => session.send({ kind: "command", name });
  const stop = button("Stop", () => command("stop_fan"), { "aria-label": "Stop training the fan" });
  const back = button("Show the run", () => store.set("member", null), {
    title: "The network of the laboratory's own run",
  });
  const close = button("Close fan", () => {
    store.set("member", null);
    command("close_fan");
  });
  const row = h(
    "section",
    { class: "clsviz-fan", "aria-label": "Fan of trained networks", hidden: true },
    h("div", { class: "clsviz-fan-top" }, sliders, seeds.el),
    h("div", { class: "clsviz-row" }, bar, words, h("span", { class: "clsviz-right" }, stop, back, close)),
  );
  el.append(row);

  const go = (member: number, how: How = "final") => store.set("member", member, how);
  const pick = (seed: number) =>
    session.fan && go(neighbour(session.fan, memberOrLike(session, store), { value: seed }));

  let built: Fan | null = null;
  const knobs = new Map<string, RangeKnob>();
  const build = (fan: Fan) => {
    built = fan;
    knobs.clear();
    sliders.replaceChildren();
    for (const v of fan.vary) {
      if (v.values.length < 2) continue;
      const sorted = inOrder(v);
      const to = (how: How) => (i: number) =>
        go(
          neighbour(fan, memberOrLike(session, store), { path: v.path, value: sorted[Math.round(i)]! }),
          how,
        );
      const last = sorted.length - 1;
      const every = v.names ? last : Math.ceil(sorted.length / LABELS); // names are long
      const own = ownValue(session, store, v.path);
      const knob = rangeKnob({
        name: fanTitle(v),
        low: 0,
        high: last,
        step: 1,
        value: 0,
        default: own === null ? 0 : Math.max(0, sorted.indexOf(own)),
        stops: sorted.map((value, i) => ({
          value: i,
          label: (i % every === 0 && last - i >= every) || i === last ? nameOfValue(v, value) : "",
          title: settingOf(v, value),
        })),
        format: (i) => nameOfValue(v, sorted[Math.round(i)]!),
        live: to("live"),
        final: to("final"),
      });
      // a click where the thumb stands is no change of the input
      knob.input.addEventListener("click", () => {
        if (!fan.own && memberShown(session, store) === null) to("final")(knob.value);
      });
      if (v.names) knob.el.classList.add("clsviz-named"); // the words below say the whole name
      knobs.set(v.path, knob);
      sliders.append(knob.el);
    }
    seeds.setOptions(fan.seeds.map((s) => ({ value: String(s), label: String(s) })));
    seeds.el.hidden = fan.seeds.length < 2;
  };

  const draw = () => {
    const fan = session.fan;
    row.hidden = !fan;
    if (!fan) return;
    if (built !== fan) build(fan);
    const shown = memberShown(session, store);
    const at = memberOrLike(session, store);
    const member = fan.members[at]!;
    const run = shown === null && !fan.own ? "the run" : undefined;
    for (const v of fan.vary) knobs.get(v.path)?.show(inOrder(v).indexOf(member.values[v.path]!), run);
    seeds.show(String(member.seed));
    const running = fan.state === "running" || fan.state === "ready";
    const epoch = fan.snapshots[fan.own ? fan.members.length - 1 : 0]?.at(-1)?.epoch ?? 0;
    bar.hidden = !running;
    bar.value = epoch / Math.max(fan.epochs, 1e-9);
    stop.hidden = !running || fan.own || !session.alive;
    back.hidden = fan.own;
    back.disabled = shown === null;
    close.hidden = fan.own || session.run?.state === "static";
    close.disabled = !session.alive;
    const settings = fan.vary.map((v) => settingOf(v, member.values[v.path]!));
    const which = fan.seeds.length > 1 ? [...settings, `seed ${member.seed}`] : settings;
    const parts: (Node | string)[] = run
      ? ["Shown is ", b("the run itself"), "; drag to see the networks trained beside it. "]
      : [isOfModels(fan) ? "Shown is " : "Shown is the network with ", b(which.join(", ")), ". "];
    if (member.divergedAt !== null && shown !== null)
      parts.push(b("It diverged"), ` at step ${member.divergedAt} and is as it was before. `);
    if (fan.note && !store.get("pinned")) parts.push(`${fan.note} `);
    say(words, ...parts, state(fan, running, epoch));
  };
  const frame = onFrame(draw);
  const stops = [
    store.on(["member", "step", "catalogue", "pinned"], frame.ask),
    session.on(["fan", "run", "alive"], frame.ask),
  ];
  draw();
  return () => {
    for (const end of stops) end();
    frame.cancel();
    row.remove();
  };
}

const inOrder = (v: Varied): number[] => {
  const place = placeOf(v);
  return [...v.values].sort((p, q) => place(p) - place(q));
};

/** How far training and loading are, in words. */
function state(fan: Fan, running: boolean, epoch: number): string {
  const count = fan.members.length;
  if (running)
    return `Training ${count} networks side by side: epoch ${epoch.toFixed(epoch < 10 ? 1 : 0)} of ${fan.epochs.toFixed(0)}.`;
  if (fan.state === "failed") return `Training failed: ${fan.message}`;
  const gone = fan.members.filter((m) => m.divergedAt !== null).length;
  const { loaded, total } = loading(fan);
  const kind = isOfModels(fan) ? "models" : "networks";
  const parts = [fan.epochs > 0 ? `${count} ${kind}, ${Math.round(epoch)} epochs` : `${count} ${kind}`];
  if (gone > 0) parts.push(`${gone} diverged`);
  if (loaded < total - fan.skipped)
    parts.push(`${Math.round((100 * loaded) / total)} % of the history is here`);
  else if (fan.skipped > 0)
    parts.push(`every ${(total / (total - fan.skipped)).toFixed(1)}th moment is kept in 64 MB`);
  return `${parts.join(", ")}.`;
}
