/** What a person sees where something of ours went wrong: what happened, what still works, the ways on. */

import { h } from "./dom";
import { button } from "./knobs";

/** Written by build.mjs. */
declare const CLSVIZ_VERSION: string | undefined;

export interface Fault {
  title: string;
  error: unknown;
  /** Tries what failed once more. */
  again?(): void;
  close?(): void;
}

const describers = new WeakMap<Element, () => unknown>();

/** From now on cards below `el` can tell the state they happened in; it holds settings, never data. */
export function describeState(el: Element, state: () => unknown): void {
  describers.set(el, state);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function errorCard(fault: Fault): HTMLElement {
  const text = h("pre", { tabindex: 0, role: "region", "aria-label": "Details of the error" });
  const fill = () => {
    text.textContent = details(fault.error, stateAt(card));
    return text.textContent;
  };
  const more = h("details", { ontoggle: fill }, h("summary", {}, "Details"), text);
  const copy = button("Copy details", () => {
    const copied = navigator.clipboard?.writeText(fill());
    // without leave to use the clipboard the text is shown, to be copied by hand
    (copied ?? Promise.reject()).then(
      () => {
        copy.textContent = "Copied";
      },
      () => {
        more.open = true;
      },
    );
  });
  const card = h(
    "div",
    { class: "clsviz-errorcard", role: "alert" },
    h("h4", {}, fault.title),
    h("p", {}, messageOf(fault.error)),
    h("p", {}, "The other views, the sliders and the training go on. The details hold settings, no data."),
    h(
      "div",
      { class: "clsviz-row" },
      copy,
      fault.again ? button("Try again", fault.again) : null,
      fault.close ? button("Close", fault.close) : null,
    ),
    more,
  );
  return card;
}

/** Error, versions and state as text for a bug report. */
export function details(error: unknown, state: unknown): string {
  const version = typeof CLSVIZ_VERSION === "string" ? CLSVIZ_VERSION : "from source";
  return [
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    `clsviz ${version}, ${navigator.userAgent}`,
    JSON.stringify(state, null, 1) ?? "",
  ].join("\n\n");
}

function stateAt(el: Element): unknown {
  for (let at: Element | null = el; at; at = at.parentElement) {
    const state = describers.get(at);
    if (!state) continue;
    try {
      return state();
    } catch (error) {
      return `the state could not be read: ${messageOf(error)}`;
    }
  }
  return null;
}
