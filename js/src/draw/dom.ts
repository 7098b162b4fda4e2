/** Elements in one expression. Text is set as text, never as HTML. */

import { afterDrawing } from "./frame";

type Props = Record<string, unknown>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: (Node | string | null)[]
): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") el.className = String(value);
    else if (key.startsWith("on")) el.addEventListener(key.slice(2), value as EventListener);
    else if (key.startsWith("--")) el.style.setProperty(key, String(value));
    else el.setAttribute(key, value === true ? "" : String(value));
  }
  el.append(...children.filter((c): c is Node | string => c !== null));
  return el;
}

/** Words with **bold** parts as nodes: `say(p, "ECE ", b("0.0123"))`. */
export function say(el: HTMLElement, ...parts: (Node | string)[]): void {
  afterDrawing(() => el.replaceChildren(...parts));
}

export const b = (text: string): HTMLElement => h("b", {}, text);

/** How a key or a click joins what it takes to the selection. */
export const SET_KEYS = "with Shift adds, with Ctrl takes out, with both keeps the common ones";

/** JupyterLab's notebook shortcuts eat the arrow keys of controls without this. */
export const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };
