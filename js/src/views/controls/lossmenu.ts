/** The searchable menu of losses: by family, with formula, paper and properties; combobox and listbox. */

import { b, h, OWN_KEYS } from "../../draw/dom";
import { formulaOf } from "../../draw/formula";
import type { LossEntry } from "./catalogue";

export interface LossMenu {
  el: HTMLElement;
  /** Name of the loss chosen; the field says its title. */
  show(name: string): void;
  setDisabled(disabled: boolean): void;
}

export interface LossMenuOptions {
  /** In the order of the list; those of a group follow each other. */
  entries: readonly LossEntry[];
  /** Why a loss cannot be chosen now, or null. */
  why(entry: LossEntry): string | null;
  choose(name: string): void;
  /** A button that would help with a loss that cannot be chosen. */
  remedy(entry: LossEntry): HTMLElement | null;
}

interface Option {
  entry: LossEntry;
  el: HTMLElement;
  note: HTMLElement;
}

const PAGE = 8; // options that a Page key goes

let nextId = 0;

export function makeLossMenu(o: LossMenuOptions): LossMenu {
  const id = `clsviz-losses-${nextId++}`;
  const input = h("input", {
    type: "text",
    role: "combobox",
    "aria-label": "Loss menu",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": id,
    autocomplete: "off",
    spellcheck: "false",
    title: "All losses: type to search",
    ...OWN_KEYS,
  });
  const list = h("div", { role: "listbox", id, "aria-label": "Losses", class: "clsviz-losslist" });
  const detail = h("div", { class: "clsviz-lossdetail" });
  const none = h("p", { class: "clsviz-say", hidden: true }, "No loss has all these words.");
  const pop = h("div", { class: "clsviz-losspop", hidden: true }, h("div", {}, none, list), detail);
  const el = h("div", { class: "clsviz-lossmenu" }, input, pop);

  let chosen = "";
  let open = false;
  let active: Option | null = null;
  const options: Option[] = o.entries.map((entry, i) => {
    const note = h("small");
    const option = h(
      "div",
      { role: "option", id: `${id}-${i}`, "aria-selected": "false" },
      entry.title,
      note,
    );
    return { entry, el: option, note };
  });
  const groups = [...new Set(o.entries.map((e) => e.group))].map((name) => {
    const own = options.filter((option) => option.entry.group === name);
    const head = h("div", { class: "clsviz-lossgroup", "aria-hidden": "true" }, name);
    const box = h("div", { role: "group", "aria-label": name }, head, ...own.map((option) => option.el));
    return { own, box };
  });
  list.append(...groups.map((group) => group.box));

  const titleOf = (name: string) => o.entries.find((e) => e.name === name)?.title ?? name;
  const found = () => options.filter((option) => !option.el.hidden);

  function setOpen(now: boolean): void {
    if (open === now) return;
    open = now;
    pop.hidden = !now;
    input.setAttribute("aria-expanded", String(now));
    if (!now) {
      input.value = titleOf(chosen);
      input.removeAttribute("aria-activedescendant");
      return;
    }
    for (const { entry, el: option, note } of options) {
      const why = o.why(entry);
      option.setAttribute("aria-disabled", String(why !== null));
      note.textContent = why === null ? "" : "not here";
    }
    input.select();
    find("");
    activate(options.find((option) => option.entry.name === chosen) ?? options[0] ?? null);
  }

  function find(query: string): void {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { entry, el: option } of options) {
      const { title, name, paper, summary, group } = entry;
      const text = `${title} ${name} ${paper} ${summary} ${group}`.toLowerCase();
      option.hidden = !words.every((word) => text.includes(word));
    }
    for (const { own, box } of groups) box.hidden = own.every((option) => option.el.hidden);
    none.hidden = found().length > 0;
    if (!active || active.el.hidden) activate(found()[0] ?? null);
  }

  function activate(option: Option | null): void {
    active?.el.setAttribute("aria-selected", "false");
    active = option;
    detail.replaceChildren();
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.el.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.el.id);
    option.el.scrollIntoView({ block: "nearest" });
    detail.append(...describe(option.entry));
  }

  function describe(entry: LossEntry): Node[] {
    const why = o.why(entry);
    const is = Object.entries(entry.properties).flatMap(([name, yes]) =>
      yes === null ? [] : [h("span", yes ? {} : { class: "clsviz-not" }, yes ? name : `not ${name}`)],
    );
    const parts: (HTMLElement | null)[] = [
      h("p", {}, b(entry.title)),
      formulaOf(entry.mathml, entry.title),
      h("p", {}, entry.summary),
      is.length > 0 ? h("p", { class: "clsviz-properties" }, ...is) : null,
      entry.paper ? h("p", { class: "clsviz-paper" }, entry.paper) : null,
      why === null ? null : h("p", { class: "clsviz-why" }, why),
    ];
    const remedy = why === null ? null : o.remedy(entry);
    remedy?.addEventListener("click", () => setOpen(false));
    return [...parts, remedy].filter((part) => part !== null);
  }

  function take(option: Option | null): void {
    if (!option || o.why(option.entry) !== null) return;
    chosen = option.entry.name;
    setOpen(false);
    o.choose(chosen);
  }

  const walk = (steps: number) => {
    const all = found();
    const at = active ? all.indexOf(active) : -1;
    activate(all[Math.min(all.length - 1, Math.max(0, at + steps))] ?? null);
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => (open ? walk(1) : setOpen(true)),
    ArrowUp: () => (open ? walk(-1) : setOpen(true)),
    PageDown: () => walk(PAGE),
    PageUp: () => walk(-PAGE),
    Enter: () => (open ? take(active) : setOpen(true)),
    Escape: () => setOpen(false),
  };
  input.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act || (event.key === "Escape" && !open)) return; // Escape then clears the selection, as elsewhere
    act();
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("click", () => setOpen(true));
  input.addEventListener("input", () => {
    const query = input.value;
    setOpen(true);
    input.value = query;
    find(query);
  });
  el.addEventListener("focusout", (event) => {
    if (!el.contains(event.relatedTarget as Node | null)) setOpen(false);
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  for (const option of options) {
    option.el.addEventListener("pointermove", () => {
      if (active !== option) activate(option);
    });
    option.el.addEventListener("click", () => take(option));
  }
  return {
    el,
    show(name) {
      chosen = name;
      if (!open && input.value !== titleOf(name)) input.value = titleOf(name);
    },
    setDisabled(disabled) {
      input.disabled = disabled;
      if (disabled) setOpen(false);
    },
  };
}
