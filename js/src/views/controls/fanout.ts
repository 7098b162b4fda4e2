/** "Fan out" beside a slider: trains networks over its whole range, so that it moves through trained ones. */

import { clearError, type Session } from "../../core/session";
import { button } from "../../draw/knobs";

export interface FanButton {
  el: HTMLButtonElement;
  /** Follows the session: off where the setting cannot be changed, pressed while the fan is over it. */
  show(): void;
}

/** `path`: of the setting, or how to find it when pressed. */
export function fanButton(session: Session, name: string, path: () => string): FanButton {
  const el = button(
    "fan out",
    () => {
      clearError(session);
      session.send({ kind: "fan", path: path() });
    },
    {
      class: "clsviz-small",
      "data-control": "fan_out",
      "aria-label": `Fan out ${name}`,
      title: "Train networks over the whole slider side by side; a slider then moves through them",
    },
  );
  const show = () => {
    el.disabled = !session.alive || !session.run?.changeable;
    el.hidden = session.run?.state === "static";
    const over = session.fan?.vary.some((v) => v.path === path()) ?? false;
    el.setAttribute("aria-pressed", String(over));
  };
  return { el, show };
}
