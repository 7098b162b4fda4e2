/** The life of a view: drawn in the next frame after anything it shows has changed, until it is closed. */

import type { Session, What } from "../core/session";
import type { Store } from "../core/store";
import { onFrame } from "./frame";
import type { Panel } from "./panel";
import { onTheme } from "./theme";

export interface RedrawOptions {
  session: Session;
  store: Store;
  /** Keys of the store that the picture depends on. */
  keys: readonly string[];
  /** News of the session that it depends on. */
  events: readonly What[];
  /** Drawn again when one of these changes size. */
  boxes: readonly Element[];
  /** The view's frame: catches what drawing throws, and goes when the view is closed. */
  panel?: Panel;
  /** Called with size or theme, before drawing: pictures that were kept are stale. */
  relook?(): void;
  /** Called with any change, before drawing. */
  changed?(): void;
  /** Ended with the view. */
  also?: readonly (() => void)[];
}

export interface Redraw {
  /** Draws in the next frame. */
  ask(): void;
  /** What a mount function returns. */
  close(): void;
}

export function redraw(draw: () => void, o: RedrawOptions): Redraw {
  const frame = onFrame(() => (o.panel ? o.panel.guard(draw) : draw()));
  const change = () => {
    o.changed?.();
    frame.ask();
  };
  const relook = () => {
    o.relook?.();
    change();
  };
  const sizes = new ResizeObserver(relook);
  for (const box of o.boxes) sizes.observe(box);
  const stops = [
    o.store.on(o.keys, change),
    o.session.on(o.events, change),
    onTheme(relook),
    ...(o.also ?? []),
  ];
  change();
  return {
    ask: frame.ask,
    close() {
      for (const stop of stops) stop();
      sizes.disconnect();
      frame.cancel();
      o.panel?.destroy();
    },
  };
}
