/** The selected samples as a set: ascending indices without repeats, null for none. */

import type { Dataset } from "./session";

export type Selection = Int32Array | null;
export type SetOp = "replace" | "add" | "remove" | "intersect";

/** What held keys mean, in every view alike: Shift adds, Ctrl (or Cmd) takes out, both keep what is in both. */
export function setOp(e: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }): SetOp {
  const control = e.ctrlKey || e.metaKey;
  if (e.shiftKey) return control ? "intersect" : "add";
  return control ? "remove" : "replace";
}

/** `samples` (any order) put to the selection. */
export function combine(selection: Selection, samples: ArrayLike<number>, op: SetOp): Selection {
  const given = op === "replace" ? [] : (selection ?? []);
  let out: number[];
  if (op === "add" || op === "replace") out = [...new Set([...given, ...Array.from(samples)])];
  else {
    const asked = new Set(Array.from(samples));
    out = Array.from(given).filter((i) => asked.has(i) === (op === "intersect"));
  }
  return out.length > 0 ? Int32Array.from(out).sort() : null;
}

/** As `combine`; but what is selected already, clicked once more, is let go. */
export function click(selection: Selection, samples: Int32Array, op: SetOp): Selection {
  const next = combine(selection, samples, op);
  return op === "replace" && sameSelection(next, selection) ? null : next;
}

export function sameSelection(a: Selection, b: Selection): boolean {
  if (a === b) return true;
  return a !== null && b !== null && a.length === b.length && a.every((v, i) => v === b[i]);
}

export type Part = "validation" | "training" | "all";

/** The samples of a part of the data, ascending. */
export function partRows(data: Dataset, part: Part): Int32Array {
  if (part === "all") return Int32Array.from({ length: data.n }, (_, i) => i);
  return Int32Array.from(part === "validation" ? data.validation : data.train).sort();
}

/** All samples of `rows` that are not selected; what lies outside `rows` is let go. */
export function invert(selection: Selection, rows: Int32Array): Selection {
  const out = new Set(selection);
  const rest = rows.filter((i) => !out.has(i));
  return rest.length > 0 ? rest : null;
}

/**
 * What a view that shows `seen` of the selected samples says of them, in bold and after it. Where it shows
 * none because all of them were trained on, it says so, since it then looks as if nothing were selected.
 */
export function selectionWords(selection: Int32Array, seen: number, data: Dataset): [string, string] {
  const all = selection.length;
  if (seen === all) return [`${all} selected`, ""];
  if (seen > 0) return [`${seen} of ${all} selected`, ""];
  const validation = validationMask(data);
  const trained = selection.every((i) => !validation[i]);
  return [`none of the ${all} selected`, trained ? " (all are training samples)" : " is shown here"];
}

/** The same as a sentence behind others; none where nothing is selected. `seen`: of those shown, which are. */
export function selectionSentence(selection: Selection, seen: Uint8Array | null, data: Dataset): string[] {
  if (!selection) return [];
  const [count, where] = selectionWords(selection, seen?.reduce((n, v) => n + v, 0) ?? 0, data);
  return [` ${count.replace(/^n/, "N")}${where}.`];
}

const masks = new WeakMap<Int32Array, Uint8Array>();

function validationMask(data: Dataset): Uint8Array {
  const found = masks.get(data.validation) ?? new Uint8Array(data.n);
  if (!masks.has(data.validation)) {
    for (const i of data.validation) found[i] = 1;
    masks.set(data.validation, found);
  }
  return found;
}
