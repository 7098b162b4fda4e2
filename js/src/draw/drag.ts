/** A value that follows the pressed pointer, for good when it is let go. */

import type { How } from "../core/store";

export interface Drag {
  /** Whether a press here takes hold of the value; what else listens to the element then hears nothing. */
  holds(e: PointerEvent): boolean;
  /** The pointer is here: "live" while it moves, "final" once at the end, also where the browser ends it. */
  follow(e: PointerEvent, how: How): void;
  /** Of the pointer where a press would take hold. */
  cursor?: string;
}

/** Listens until the element goes. Where others listen too, this must come first. */
export function dragOn(el: HTMLElement, o: Drag): void {
  let last: PointerEvent | null = null; // while it is held
  el.addEventListener("pointerdown", (e) => {
    if (e.button !== 0 || !o.holds(e)) return;
    e.stopImmediatePropagation();
    el.setPointerCapture(e.pointerId);
    last = e;
    o.follow(e, "live");
  });
  el.addEventListener("pointermove", (e) => {
    if (!last) {
      if (o.cursor) el.style.cursor = o.holds(e) ? o.cursor : "";
      return;
    }
    e.stopImmediatePropagation();
    last = e;
    o.follow(e, "live");
  });
  const release = () => {
    if (last) o.follow(last, "final");
    last = null;
  };
  el.addEventListener("pointerup", (e) => {
    if (last) {
      e.stopImmediatePropagation();
      last = e;
    }
    release();
  });
  el.addEventListener("pointercancel", release);
}
