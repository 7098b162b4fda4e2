/** "More views": those that a lab does not show by itself, each mounted while it is open. */

import type { Store } from "../core/store";
import { h } from "../draw/dom";
import { button } from "../draw/knobs";

export interface Further {
  name: string;
  title: string; // on its button
  box: HTMLElement;
  /** Mounts the view into its box; returns what unmounts it. */
  open(): () => void;
}

export interface More {
  /** The row of buttons; it stands in the grid, in front of the views that it opens. */
  el: HTMLElement;
  has(name: string): boolean;
  /** Those that someone has opened, in their order. */
  opened(): string[];
  /** What is seen now: opens and closes; what a lesson shows anyhow has no button. */
  follow(seen: readonly string[], shown: readonly string[]): void;
  stop(): void;
}

export function mountMore(views: readonly Further[], store: Store): More {
  const named = new Map(views.map((view) => [view.name, view]));
  const running = new Map<string, () => void>();
  const opened = () => {
    const chosen = store.get<string[] | null>("more") ?? [];
    const staged = store.get<boolean | null>("projector") ? (store.get<string[] | null>("stage") ?? []) : [];
    return [...new Set([...chosen, ...staged])].filter((name) => named.has(name));
  };
  const buttons = views.map(({ name, title, box }) => {
    const toggle = () => {
      const chosen = opened();
      const isOpen = chosen.includes(name);
      store.set("more", isOpen ? chosen.filter((other) => other !== name) : [...chosen, name]);
      if (!isOpen) box.scrollIntoView({ block: "nearest" });
    };
    return button(title, toggle, { class: "clsviz-small", "aria-pressed": "false" });
  });
  const el = h(
    "div",
    { class: "clsviz-more", role: "group", "aria-label": "More views", "data-control": "more_views" },
    h("span", { "aria-hidden": "true" }, "More views"),
    ...buttons,
  );
  return {
    el,
    has: (name) => named.has(name),
    opened,
    follow(seen, shown) {
      views.forEach(({ name, box, open }, i) => {
        const isSeen = seen.includes(name);
        buttons[i]!.setAttribute("aria-pressed", String(isSeen));
        buttons[i]!.hidden = shown.includes(name);
        if (isSeen === running.has(name)) return;
        if (isSeen) return running.set(name, open());
        running.get(name)!();
        running.delete(name);
        box.replaceChildren();
      });
      el.hidden = buttons.every((b) => b.hidden);
    },
    stop() {
      for (const close of running.values()) close();
    },
  };
}
