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
  /** Draws once more, with `still`, when nothing has changed for a while: the time for finer work. */
  finer?: boolean;
  /** Called with size or theme, before drawing: pictures that were kept are stale. */
  relook?(): void;
  /** Ended with the view. */
  also?: readonly (() => void)[];
}

export interface Redraw {
  /** Draws in the next frame. */
  ask(): void;
  /** What a mount function returns. */
  close(): void;
}

const STILL = 200; // ms without a change after which nothing moves any more
const LATEST = 1000; // ms that a view out of sight may lag behind

export function redraw(draw: (still: boolean) => void, o: RedrawOptions): Redraw {
  let still = false;
  let seen = true; // until the page says otherwise
  let since = 0; // time of the first change that is not drawn yet; 0: none
  let rest: ReturnType<typeof setTimeout> | undefined;
  const once = () => {
    since = 0;
    draw(still);
  };
  const frame = onFrame(() => {
    if (o.panel) return o.panel.guard(once);
    try {
      once();
    } catch (error) {
      o.session.fail("A picture", error);
    }
  });
  const change = () => {
    still = false;
    since ||= performance.now();
    if (seen) frame.ask();
    if (seen && !o.finer) return;
    clearTimeout(rest);
    const wait = seen ? STILL : Math.min(STILL, since + LATEST - performance.now());
    rest = setTimeout(() => {
      still = true;
      frame.ask();
    }, wait);
  };
  const relook = () => {
    o.relook?.();
    change();
  };
  const sizes = new ResizeObserver(relook);
  for (const box of o.boxes) sizes.observe(box);
  // Out of sight a view waits until the slider rests, or until someone scrolls to it.
  const sight = new IntersectionObserver((entries) => {
    seen = entries[entries.length - 1]!.isIntersecting;
    if (seen && since) frame.ask();
  });
  sight.observe(o.panel?.root ?? o.boxes[0]!);
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
      clearTimeout(rest);
      sizes.disconnect();
      sight.disconnect();
      frame.cancel();
      o.panel?.destroy();
    },
  };
}
