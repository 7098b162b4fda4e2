/** The projector: the whole screen where the browser allows it, and pictures as high as it has room for. */

import type { Store } from "../../core/store";

const SCREEN = 720; // height in px that the lab keeps to where it does not have the whole screen
const LEAST = 130; // of a picture on stage
const MOST = 640;
const SLACK = 3; // less is left as it is

/** Follows the store until it is stopped; `set` is for a press, which alone may ask for the whole screen. */
export function projector(
  root: HTMLElement,
  views: HTMLElement,
  store: Store,
): { set(on: boolean): void; stop(): void } {
  const isOn = () => store.get<boolean | null>("projector") === true;
  const isWhole = () => document.fullscreenElement === root;
  let height = 300;
  const fit = () => {
    if (!isOn()) return;
    const used = views.getBoundingClientRect().bottom - root.getBoundingClientRect().top + root.scrollTop + 8;
    const fits = Math.min(MOST, Math.max(LEAST, height + (isWhole() ? innerHeight : SCREEN) - used));
    if (Math.abs(fits - height) < SLACK) return;
    height = fits;
    root.style.setProperty("--clsviz-stage", `${Math.floor(height)}px`);
  };
  const resized = new ResizeObserver(fit);
  for (const el of [root, views]) resized.observe(el);
  const left = () => {
    if (document.fullscreenElement) fit();
    else store.set("projector", false);
  };
  root.addEventListener("fullscreenchange", left);
  const stop = store.on(["projector"], () => {
    if (!isOn() && isWhole()) void document.exitFullscreen();
    fit();
  });
  return {
    set(on) {
      store.set("projector", on);
      if (on) root.requestFullscreen?.().catch(() => {}); // without it the layout serves as it is
    },
    stop() {
      stop();
      resized.disconnect();
      root.removeEventListener("fullscreenchange", left);
    },
  };
}
