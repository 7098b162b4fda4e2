/** "Copy scene": Python that opens the lab as it is now; in a handout the link that does. */

import { linkOf, pythonOf, sceneOf } from "../../core/scene";
import { h, OWN_KEYS } from "../../draw/dom";
import { button } from "../../draw/knobs";
import type { ViewContext } from "../mount";
import { isHandout } from "./fragment";

const SAID_MS = 2000;

export interface CopyScene {
  button: HTMLButtonElement;
  /** Shown where the page may not use the clipboard: the text, selected, to copy by hand. */
  field: HTMLElement;
  dispose(): void;
}

export function copyScene({ session, store }: ViewContext): CopyScene {
  const text = h("input", { type: "text", readonly: true, "aria-label": "Scene to copy", ...OWN_KEYS });
  const close = () => {
    field.hidden = true;
    copy.focus();
  };
  const field = h(
    "div",
    { class: "clsviz-row clsviz-copy", hidden: true },
    "Copy this:",
    text,
    button("Close", close),
  );
  let timer = 0;
  const say = (words: string) => {
    copy.textContent = words;
    clearTimeout(timer);
    timer = window.setTimeout(show, SAID_MS);
  };
  const copy = button("Copy scene", async () => {
    const scene = sceneOf(session, store);
    if (!scene) return;
    const words = isHandout() ? location.href.split("#")[0] + (await linkOf(scene)) : pythonOf(scene);
    try {
      await navigator.clipboard.writeText(words);
      say("Copied");
    } catch {
      field.hidden = false;
      text.value = words;
      text.select();
      text.focus();
    }
  });
  const show = () => {
    copy.textContent = isHandout() ? "Copy link" : "Copy scene";
    copy.title = isHandout()
      ? "A link that opens this page as it is set now"
      : "Python that opens the lab as it is set now";
    copy.hidden = !session.run?.recipe;
  };
  const stop = session.on(["run"], show);
  show();
  return {
    button: copy,
    field,
    dispose() {
      clearTimeout(timer);
      stop();
    },
  };
}
