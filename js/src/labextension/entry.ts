/** One entry of the catalogue: a line that opens to formula, parameters and "insert". */

import type entries from "./catalogue.json";

export type Entry = (typeof entries)[number];

export interface EntryRow {
  el: HTMLElement;
  /** The button that opens it: where arrow keys go. */
  head: HTMLButtonElement;
}

export function entryRow(entry: Entry, insert: (cell: string) => void): EntryRow {
  const el = document.createElement("li");
  const head = button("clsviz-entry-head", "");
  const title = element("span", entry.title);
  const paper = element("small", entry.paper || entry.id);
  head.append(title, paper);
  head.setAttribute("aria-expanded", "false");
  const put = button("clsviz-insert", "Insert");
  put.setAttribute("aria-label", `Insert ${entry.title}`);
  put.title = "Write a cell that shows it below the active cell";
  put.addEventListener("click", () => insert(entry.cell));
  let detail: HTMLElement | null = null;
  head.addEventListener("click", () => {
    if (detail) detail.hidden = !detail.hidden;
    else {
      detail = details(entry, insert); // only when asked for: a hundred formulas take their time
      el.append(detail);
    }
    head.setAttribute("aria-expanded", String(!detail.hidden));
  });
  el.append(head, put);
  return { el, head };
}

function details(entry: Entry, insert: (cell: string) => void): HTMLElement {
  const box = document.createElement("div");
  box.className = "clsviz-entry-detail";
  box.append(element("p", entry.summary));
  const formula = formulaOf(entry);
  if (formula) box.append(formula);
  if (entry.params.length > 0) box.append(paramTable(entry));
  const cell = element("pre", entry.cell);
  box.append(cell);
  for (const id of entry.exhibits) {
    const open = button("clsviz-exhibit", `Measured here: what the paper claims (${id})`);
    open.title = "Write a cell that opens the exhibit below the active cell";
    open.addEventListener("click", () => insert(`import clsviz as cv\ncv.exhibit(${JSON.stringify(id)})`));
    box.append(open);
  }
  return box;
}

/** The formula as MathML, which browsers draw themselves. It comes from our own index, not from data. */
function formulaOf(entry: Entry): HTMLElement | null {
  if (!entry.mathml) return null;
  const parsed = new DOMParser().parseFromString(entry.mathml, "application/xml").documentElement;
  if (parsed.localName !== "math") return null;
  parsed.setAttribute("display", "block");
  const box = document.createElement("div");
  box.className = "clsviz-formula";
  box.tabIndex = 0; // a long one scrolls
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", `Formula of ${entry.title}`);
  box.append(document.importNode(parsed, true));
  return box;
}

function paramTable(entry: Entry): HTMLElement {
  const table = document.createElement("table");
  const row = (cell: "th" | "td", words: string[]) => {
    const tr = document.createElement("tr");
    tr.append(...words.map((word) => element(cell, word)));
    return tr;
  };
  const top = row("th", ["Parameter", "Default", "Range"]);
  for (const th of top.children) th.setAttribute("scope", "col");
  table.append(top, ...entry.params.map((p) => row("td", [p.name, value(p.default), limits(p)])));
  return table;
}

function value(v: unknown): string {
  if (v === null) return "–";
  return typeof v === "object" ? JSON.stringify(v) : typeof v === "number" ? number(v) : String(v);
}

const number = (v: number): string => String(Number(v.toPrecision(4)));

/** Where a parameter may lie, in words. */
export function limits({ range, choices }: Entry["params"][number]): string {
  if (choices) return choices.map(value).join(", ");
  if (!range) return "";
  const words = [`${number(range.low)} to ${number(range.high)}`];
  if (range.unit) words.push(range.unit);
  if (range.log) words.push("(log)");
  return words.join(" ");
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, text: string): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  el.textContent = text;
  return el;
}

function button(className: string, text: string): HTMLButtonElement {
  const el = element("button", text);
  el.type = "button";
  el.className = className;
  return el;
}
