/** What of the lab is seen: the views and controls of a lesson, and the two views on a projector's stage. */

import { h } from "../../draw/dom";
import type { More } from "../more";
import type { ViewContext } from "../mount";

const NAME = /^[a-z_]+$/; // a link may hold anything; a style sheet takes only names

/** Puts the views of a lesson in order and hides all else; follows the store until it is stopped. */
export function followLesson(
  root: HTMLElement,
  views: HTMLElement,
  boxes: ReadonlyMap<string, HTMLElement>,
  more: More,
  { session, store }: ViewContext,
): () => void {
  const id = crypto.randomUUID();
  const hides = h("style"); // by a rule, so that controls made later are hidden as well
  root.dataset.lab = id;
  root.prepend(hides);
  const show = () => {
    const all = [...boxes.keys()].filter((name) => name !== "fan" || session.fan);
    const usual = all.filter((name) => !more.has(name));
    const chosen = (store.get<string[] | null>("show") ?? usual).filter((name) => all.includes(name));
    const first = chosen.length > 0 ? chosen : usual;
    const names = [...new Set([...first, ...more.opened()])];
    const staged = (store.get<string[] | null>("stage") ?? []).filter((name) => names.includes(name));
    const stage = [...new Set([...staged, ...names])].slice(0, 2);
    for (const [name, box] of boxes) {
      box.hidden = !names.includes(name);
      box.style.order = String(names.indexOf(name));
      box.classList.toggle("clsviz-on-stage", stage.includes(name));
    }
    more.el.style.order = String(first.length);
    more.follow(names, first);
    views.dataset.count = String(names.length);
    views.style.setProperty("--clsviz-wings", String(Math.max(4, names.length - 2)));
    const controls = store.get<string[] | null>("controls")?.filter((name) => NAME.test(name)) ?? null;
    root.classList.toggle("clsviz-lesson", controls !== null);
    const others = (controls ?? []).map((name) => `:not([data-control="${name}"])`).join("");
    hides.textContent =
      controls && `[data-lab="${id}"] [data-control]${others} { display: none !important; }`;
    const heroes = ["temperature", "loss"].filter((name) => !controls || controls.includes(name));
    const none = (...rows: string[]) => controls !== null && !rows.some((name) => controls.includes(name));
    root.classList.toggle("clsviz-no-settings", none("learning_rate", "weight_decay", "label_noise"));
    root.classList.toggle("clsviz-no-time", none("train", "epoch"));
    root.dataset.heroes = String(heroes.length);
    root.classList.toggle("clsviz-projector", store.get<boolean | null>("projector") === true);
  };
  show();
  const stops = [
    store.on(["show", "more", "stage", "controls", "projector"], show),
    session.on(["fan"], show),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
