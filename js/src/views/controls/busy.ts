/** Says so when the kernel is busy with a cell and requests wait for it. */

import type { Message } from "../../core/session";
import { b, h, say } from "../../draw/dom";
import type { Mount } from "../mount";

const WORDS: Record<string, string> = {
  train: "Train",
  pause: "Pause",
  step: "Step",
  reset: "Reset",
  stop: "Stop",
  change: "settings",
  seek: "go to the epoch",
  landscape: "landscape",
  field: "boundary field",
  cancel: "Cancel",
};

/** The word for a request, also for kinds that this file does not know. */
function word(m: Message): string {
  const paths = m.kind === "change" ? Object.keys(m.changes as object) : [];
  if (paths.length > 0) return paths.map((p) => p.replace(/^.*\./, "").replaceAll("_", " ")).join(", ");
  const name = m.kind === "command" ? String(m.name) : m.kind;
  return WORDS[name] ?? name.replaceAll("_", " ");
}

/** A line over what stands there (in a lab the learning curve): nothing moves when it comes and goes. */
export const mountBusy: Mount = (el, { session }) => {
  const line = h("p", { class: "clsviz-busy", role: "status" });
  el.append(line);
  const show = () => {
    const { messages, long } = session.waiting;
    line.classList.toggle("clsviz-on", long);
    if (!long) return line.replaceChildren();
    const words = [...new Set(messages.map(word))];
    say(
      line,
      b("The kernel is busy with a cell; this will happen when it is done: "),
      `${words.join(", ")}.`,
    );
  };
  show();
  const stop = session.on(["waiting"], show);
  return () => {
    stop();
    line.remove();
  };
};
