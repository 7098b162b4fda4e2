/** "Show": what the field's colour stands for, the network's cells, the certified circle. */

import { COLOURS, type Colour } from "../../core/fieldscore";
import type { Store } from "../../core/store";
import { h } from "../../draw/dom";
import { button, selectKnob } from "../../draw/knobs";

/** Why something cannot be shown; null where it can. */
export interface Reasons {
  colour: string | null;
  cells: string | null;
  certified: string | null;
}

export interface ShowMenu {
  el: HTMLElement;
  /** What is chosen, as far as it can be shown. */
  chosen(why: Reasons): { colour: Colour; cells: boolean; certified: boolean };
  show(why: Reasons): void;
  stop(): void;
}

const TITLES = {
  cells:
    "Borders of the network's cells: in each of them the same hidden units are on, and it is one linear map",
  certified: "The circle round the marked sample in which its class is proved to stay",
};
const BOX =
  "position: absolute; right: 0; top: 100%; z-index: 6; width: max-content; padding: 8px 10px; display: flex; flex-direction: column; gap: 8px; align-items: start; background: var(--clsviz-bg); border: 1px solid var(--clsviz-line); border-radius: 4px; box-shadow: 0 2px 8px rgb(0 0 0 / 25%)";

export function showMenu(store: Store): ShowMenu {
  const colour = selectKnob({
    name: "Colour",
    options: Object.entries(COLOURS).map(([value, { title, hint }]) => ({
      value,
      label: title,
      title: hint,
    })),
    value: "confidence",
    change: (value) => store.set("colour", value),
  });
  const toggle = (key: "cells" | "certified", name: string) =>
    button(name, () => store.set(key, !store.get(key)), { class: "clsviz-small", "aria-pressed": "false" });
  const toggles = {
    cells: toggle("cells", "cells of the network"),
    certified: toggle("certified", "certified circle"),
  };
  const box = h(
    "div",
    { role: "group", "aria-label": "Show in the plane", style: BOX, hidden: true },
    colour.el,
    toggles.cells,
    toggles.certified,
  );
  const open = (now: boolean) => {
    box.hidden = !now;
    box.style.display = now ? "flex" : "none";
    head.setAttribute("aria-expanded", String(now));
  };
  const head = button("Show", () => open(box.hidden), {
    class: "clsviz-small",
    "aria-expanded": "false",
    title: "What else the picture shows: other colours, the network's cells, a certified circle",
  });
  open(false);
  const el = h("div", { style: "position: relative" }, head, box);
  el.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || box.hidden) return;
    open(false);
    head.focus();
    event.stopPropagation();
  });
  const outside = (event: Event) => {
    if (!box.hidden && !event.composedPath().includes(el)) open(false);
  };
  document.addEventListener("pointerdown", outside);

  const asked = (): Colour => {
    const name = store.get<Colour | null>("colour");
    return name && name in COLOURS ? name : "confidence";
  };
  return {
    el,
    chosen: (why) => ({
      colour: why.colour ? "confidence" : asked(),
      cells: !why.cells && Boolean(store.get("cells")),
      certified: !why.certified && Boolean(store.get("certified")),
    }),
    show(why) {
      colour.show(why.colour ? "confidence" : asked());
      colour.select.disabled = why.colour !== null;
      colour.select.title = why.colour ?? COLOURS[asked()].hint;
      let any = asked() !== "confidence";
      for (const key of ["cells", "certified"] as const) {
        const on = Boolean(store.get(key));
        any ||= on;
        toggles[key].disabled = why[key] !== null;
        toggles[key].title = why[key] ?? TITLES[key];
        toggles[key].setAttribute("aria-pressed", String(on && !why[key]));
      }
      head.setAttribute("aria-pressed", String(any));
    },
    stop: () => document.removeEventListener("pointerdown", outside),
  };
}
