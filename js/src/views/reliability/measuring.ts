/** The measures that were chosen, as a table with their conventions, and the boxes that choose them. */

import { MEASURES, type Settings } from "../../core/measures";
import { h, OWN_KEYS } from "../../draw/dom";
import { afterDrawing } from "../../draw/frame";
import { button } from "../../draw/knobs";

/** A column of numbers; `of` gives null where one is not known yet, NaN where it is not defined. */
export interface Column {
  name: string;
  of(measure: string): number | null;
}

export interface Measuring {
  toggle: HTMLElement;
  el: HTMLElement;
  /** Whether anyone sees the numbers. */
  readonly open: boolean;
  show(
    chosen: readonly string[],
    columns: readonly Column[],
    s: Settings,
    ofClass: string,
    note: string,
  ): void;
}

export function makeMeasuring(o: { choose(names: string[]): void; toggled(): void }): Measuring {
  const boxes = new Map(
    Object.entries(MEASURES).map(([name, { title }]) => {
      const box = h("input", { type: "checkbox", ...OWN_KEYS, onchange: () => o.choose(checked()) });
      return [name, { box, el: h("label", {}, box, title) }] as const;
    }),
  );
  const checked = () => [...boxes].filter(([, { box }]) => box.checked).map(([name]) => name);
  const table = h("table", {});
  const about = h("p", {});
  const el = h(
    "div",
    { class: "clsviz-measures", hidden: true, role: "group", "aria-label": "Measures" },
    table,
    about,
    h("div", { class: "clsviz-measure-boxes" }, ...[...boxes.values()].map((b) => b.el)),
  );
  const toggle = button(
    "Measures",
    () => {
      el.hidden = !el.hidden;
      toggle.setAttribute("aria-expanded", String(!el.hidden));
      o.toggled();
    },
    { class: "clsviz-small", "aria-expanded": "false", title: "Choose measures and see their numbers" },
  );

  let built = "";
  let cells: HTMLElement[][] = [];
  const build = (chosen: readonly string[], columns: readonly Column[], s: Settings, ofClass: string) => {
    cells = chosen.map(() => columns.map(() => h("td", {})));
    table.replaceChildren(
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "measure"),
          ...columns.map((c) => h("th", { scope: "col" }, c.name)),
        ),
      ),
      h(
        "tbody",
        {},
        ...chosen.map((name, i) => {
          const { title, convention } = MEASURES[name]!;
          const words = convention(s, ofClass);
          return h(
            "tr",
            { "data-measure": name, title: words },
            h("th", { scope: "row" }, title, h("small", {}, words)),
            ...cells[i]!,
          );
        }),
      ),
    );
  };
  return {
    toggle,
    el,
    get open() {
      return !el.hidden;
    },
    show(chosen, columns, s, ofClass, note) {
      const look = JSON.stringify([chosen, columns.map((c) => c.name), s, ofClass]);
      const values = chosen.map((name) => columns.map((c) => words(c.of(name))));
      afterDrawing(() => {
        for (const [name, { box }] of boxes) box.checked = chosen.includes(name);
        if (about.textContent !== note) about.textContent = note;
        about.hidden = !note;
        if (look !== built) build(chosen, columns, s, ofClass);
        built = look;
        values.forEach((row, i) => {
          row.forEach((value, j) => {
            if (cells[i]![j]!.textContent !== value) cells[i]![j]!.textContent = value;
          });
        });
      });
    },
  };
}

const words = (value: number | null): string => {
  if (value === null) return "at rest";
  return Number.isFinite(value) ? value.toFixed(4) : "–";
};
