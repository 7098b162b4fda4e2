/** Walks the L2 path level by level until its end, a press, or a change from elsewhere. */

import { LAMBDAS } from "../../core/tiltcurve";
import { h } from "../../draw/dom";
import { button } from "../../draw/knobs";

const PACE = 110; // ms a level stays

export interface Player {
  el: HTMLElement;
  /** Follows what is shown: another level than the player's own ends the walk. */
  show(lambda: number | null): void;
  stop(): void;
}

const stepwise = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** `go` shows a level: "live" while walking, "final" where it rests. */
export function makePlayer(go: (lambda: number, how: "live" | "final") => void): Player {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let at: number | null = null; // level shown last by this player
  let shown: number | null = null;
  let playing = false;

  const next = () => {
    const i = LAMBDAS.findIndex((lam) => shown !== null && lam > shown * (1 + 1e-6));
    return shown === null ? 0 : i;
  };
  const label = () => {
    const words = playing ? "Pause" : stepwise() ? "Next level" : "Play the L2 path";
    if (el.textContent !== words) el.textContent = words;
    el.setAttribute("aria-pressed", String(playing));
  };
  const rest = () => {
    clearTimeout(timer);
    playing = false;
    label();
  };
  const step = () => {
    const i = next();
    if (i < 0) return rest();
    const end = i === LAMBDAS.length - 1;
    shown = at = LAMBDAS[i]!;
    go(at, end || !playing ? "final" : "live");
    if (!playing) return;
    if (end) rest();
    else timer = setTimeout(step, PACE);
  };
  const el = button(
    "Play the L2 path",
    () => {
      if (playing) {
        const here = shown;
        rest();
        if (here !== null) go(here, "final");
        return;
      }
      if (next() < 0) shown = null; // from the start again
      playing = !stepwise();
      step();
      label();
    },
    {
      class: "clsviz-small",
      "aria-pressed": "false",
      title:
        "From weak to strong regularisation; all views follow. Where motion is unwanted, a press is a level.",
    },
  );
  label();
  return {
    el: h("div", { class: "clsviz-row", style: "flex: none" }, el),
    show(lambda) {
      if (playing && lambda !== at) rest();
      shown = lambda;
    },
    stop: () => clearTimeout(timer),
  };
}
