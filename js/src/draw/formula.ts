/** A formula as MathML, which browsers draw themselves. */

import { h } from "./dom";

/** The formula in a box that scrolls; null where there is none. `mathml` comes from our own index, not from data. */
export function formulaOf(mathml: string, title: string): HTMLElement | null {
  if (!mathml) return null;
  const parsed = new DOMParser().parseFromString(mathml, "application/xml").documentElement;
  if (parsed.localName !== "math") return null;
  parsed.setAttribute("display", "block");
  const box = h("div", { class: "clsviz-formula", role: "img", "aria-label": `Formula of ${title}` });
  box.append(document.importNode(parsed, true));
  return box;
}
