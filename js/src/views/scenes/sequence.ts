/** A sequence of scenes: title and note above the views, the next one by a key. */

import { setAll } from "../../core/scene";
import { b, h, OWN_KEYS, say } from "../../draw/dom";
import { button } from "../../draw/knobs";
import type { ViewContext } from "../mount";

/** One scene as `Lab.present` sends it. */
interface Placed {
  title: string;
  note: string;
  state: Record<string, unknown>; // by the store's keys, all of them
  run: number; // scenes with the same number show the same training
  steps: number; // so far it is trained
}

const KEYS: Record<string, number> = { PageDown: 1, n: 1, PageUp: -1, p: -1 };
const TYPING = "select, textarea, input:not([type=range], [type=radio], [type=button])";

export function mountSequence(
  root: HTMLElement,
  { session, store }: ViewContext,
): { el: HTMLElement; stop(): void } {
  const title = h("h3", {});
  const note = h("p", {});
  const where = h("span", { class: "clsviz-of", role: "status" });
  const back = button("Previous", () => move(-1), { title: "Page up, or p" });
  const next = button("Next", () => move(1), { title: "Page down, or n" });
  const el = h(
    "section",
    { class: "clsviz-scenes", "aria-label": "Scenes", hidden: true },
    h("div", {}, title, note),
    h("div", { class: "clsviz-row" }, where, back, next),
  );
  let awaited: number | null = null; // a scene whose network the kernel has yet to train

  const deck = () => store.get<Placed[] | null>("deck") ?? [];
  const at = () => store.get<number | null>("deck_at") ?? 0;
  const move = (by: number) => {
    const index = (awaited ?? at()) + by;
    const scene = deck()[index];
    if (!scene) return;
    const latest = session.snapshots[session.snapshots.length - 1]?.step ?? -1;
    const isHere = scene.run === store.get("deck_run") && latest >= scene.steps;
    if (!isHere && session.alive) {
      awaited = index;
      session.send({ kind: "scene", index });
      return show();
    }
    awaited = null;
    // the network has been trained on meanwhile: the scene shows it as it was
    const step = scene.state.step ?? (isHere && latest > scene.steps ? scene.steps : null);
    setAll(store, { ...scene.state, step, deck_at: index });
    // what had the focus may be gone: the keys stay with the lab
    if (!root.contains(document.activeElement)) root.focus({ preventScroll: true });
  };
  const show = () => {
    const scenes = deck();
    el.hidden = scenes.length === 0;
    if (el.hidden) {
      root.removeAttribute("tabindex");
      return;
    }
    // so that a click between the controls leaves the keys to the lab
    root.tabIndex = -1;
    for (const [name, value] of Object.entries(OWN_KEYS)) root.setAttribute(name, value);
    if (awaited === at()) awaited = null;
    const scene = scenes[at()];
    title.textContent = scene?.title || `Scene ${at() + 1}`;
    note.textContent = scene?.note ?? "";
    note.hidden = !scene?.note;
    const elsewhere = scene && !session.alive && scene.run !== store.get("deck_run");
    say(
      where,
      awaited !== null ? "training the next network, " : "",
      elsewhere ? "shows another network than the notebook, " : "",
      b(`${(awaited ?? at()) + 1} of ${scenes.length}`),
    );
    back.disabled = (awaited ?? at()) === 0;
    next.disabled = (awaited ?? at()) >= scenes.length - 1;
  };
  const press = (event: KeyboardEvent) => {
    const by = KEYS[event.key];
    if (by === undefined || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (deck().length === 0 || (event.target as Element).closest?.(TYPING)) return;
    event.preventDefault();
    move(by);
  };
  root.addEventListener("keydown", press);
  const stops = [
    store.on(["deck", "deck_at", "deck_run"], show),
    session.on(["alive", "run", "error"], () => {
      if (session.error) awaited = null;
      show();
    }),
    () => root.removeEventListener("keydown", press),
  ];
  show();
  return { el, stop: () => stops.forEach((stop) => void stop()) };
}
