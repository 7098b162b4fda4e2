/** The shared sliders above a view that stands alone. */

import { lookAhead } from "../../core/ahead";
import { memberShown } from "../../core/shown";
import { h } from "../../draw/dom";
import { rangeKnob } from "../../draw/knobs";
import type { Mount } from "../mount";
import { mountBusy } from "./busy";
import { catalogueOf } from "./catalogue";
import { clearOnEscape } from "./escape";
import { mountFan } from "./fan";

/** `view` with the controls that a lab would show once for all views. */
export function alone(view: Mount, ...controls: Mount[]): Mount {
  return (el, context) => {
    const top = h("div", { class: "clsviz-alone" });
    const body = h("div", { class: "clsviz-alone-view" });
    el.append(top, body);
    const parts = [
      mountFan(top, context),
      ...controls.map((mount) => mount(top, context)),
      view(body, context),
      mountBusy(el, context),
      clearOnEscape(el, context.store),
    ];
    return () => {
      for (const stop of parts) stop();
      el.replaceChildren();
    };
  };
}

/** The temperature as one plain slider. */
export const temperatureSlider: Mount = (el, { store }) => {
  const { range, default: usual } = catalogueOf(store).temperature;
  const knob = rangeKnob({
    name: "Temperature",
    ...range!,
    value: 1,
    default: Number(usual),
    snap: [1],
    format: (t) => t.toFixed(2),
    live: (t) => store.set("temperature", t, "live"),
    final: (t) => store.set("temperature", t),
  });
  el.append(knob.el);
  const show = () => knob.show(store.get<number | null>("temperature") ?? 1);
  show();
  return store.on(["temperature"], show);
};

/** Time travel through a run's snapshots; hidden where there is only one. */
export const epochSlider: Mount = (el, { session, store }) => {
  const moments = () => session.of(memberShown(session, store));
  const last = () => moments().length - 1;
  const go = (how?: "live") => (at: number) => {
    const i = Math.round(at * last());
    store.set("step", i === last() ? null : moments()[i]!.step, how);
  };
  const knob = rangeKnob({
    name: "Epoch",
    low: 0,
    high: 1,
    value: 1,
    default: 1,
    format: (at) => String(Number((moments()[Math.round(at * last())]?.epoch ?? 0).toFixed(1))),
    live: go("live"),
    final: go(),
  });
  el.append(knob.el);
  const show = () => {
    knob.el.hidden = last() < 1;
    const here = session.at(store.get<number | null>("step"), memberShown(session, store));
    knob.show(here && last() > 0 ? moments().indexOf(here) / last() : 1);
  };
  show();
  const stops = [
    store.on(["step", "member"], show),
    session.on(["snapshots", "fan"], show),
    lookAhead(session),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};
