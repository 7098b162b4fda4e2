/** Escape takes back: first the point of the landscape, then the selection, then the projector. */

import type { Store } from "../../core/store";

/**
 * Hears Escape wherever in `root` the focus is, and also where it is nowhere (a click on a picture or on plain
 * words leaves it so) if `root` was the last thing pressed. Returns the end of it.
 */
export function clearOnEscape(root: HTMLElement, store: Store): () => void {
  let here = false;
  const onPress = (e: Event) => {
    here = e.composedPath().includes(root);
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.key !== "Escape") return;
    const inside = e.composedPath().includes(root);
    const target = e.composedPath()[0] as HTMLElement;
    const typing = target.isContentEditable || target.matches?.("input, textarea, select");
    if (!inside && (!here || typing)) return;
    if (store.get("hover") !== null) store.set("hover", null, "live");
    else if (store.get("selection") !== null) store.set("selection", null);
    else if (store.get("projector") === true) store.set("projector", false);
  };
  document.addEventListener("pointerdown", onPress, true);
  document.addEventListener("keydown", onKey);
  return () => {
    document.removeEventListener("pointerdown", onPress, true);
    document.removeEventListener("keydown", onKey);
  };
}
