/** A view whose faults become a card in its place; what is beside it goes on. */

import type { Session } from "../core/session";
import { SHARED, type Store } from "../core/store";
import { describeState, errorCard } from "../draw/errorcard";
import { onFrameFault } from "../draw/frame";
import type { Mount } from "./mount";

/** `mount`, but what it throws is shown in `el` with a way to try again. */
export function guarded(title: string, mount: Mount): Mount {
  return (el, context) => {
    let stop = () => {};
    const begin = () => {
      const before = new Set(el.childNodes);
      try {
        stop = mount(el, context);
      } catch (error) {
        console.error(`clsviz, ${title}:`, error);
        for (const half of [...el.childNodes]) if (!before.has(half)) half.remove();
        const again = () => {
          card.remove();
          begin();
        };
        const card = errorCard({ title: `${title} could not be shown`, error, again });
        el.append(card);
        stop = () => card.remove();
      }
    };
    begin();
    return () => stop();
  };
}

/** The outermost guard of a page: also shows what fails where no view can, as in the handling of a message. */
export function withFaults(mount: Mount): Mount {
  return (el, context) => {
    const { session, store } = context;
    const box = document.createElement("div");
    const body = document.createElement("div");
    el.append(box, body);
    describeState(el, () => stateOf(session, store));
    const show = () => {
      const fault = session.fault;
      if (!fault) return box.replaceChildren();
      const close = () => session.forgive();
      box.replaceChildren(errorCard({ title: `${fault.where} failed`, error: fault.error, close }));
    };
    const stopFaults = session.on(["fault"], show);
    const stopStray = catchStray(session);
    const unmount = guarded("This view", mount)(body, context);
    show();
    return () => {
      stopFaults();
      stopStray();
      unmount();
      el.replaceChildren();
    };
  };
}

/** Address of the script that runs this line. Bundlers write their own file in place of import.meta.url. */
const HERE = /(?:https?|blob|file|data):\S+?(?=:\d+:\d+)/.exec(new Error().stack ?? "")?.[0];

/** What this bundle throws where nobody catches it: in event handlers, timers and promises. */
function catchStray(session: Session): () => void {
  const ours = (error: unknown) => !!HERE && error instanceof Error && !!error.stack?.includes(HERE);
  const onError = (event: ErrorEvent) => {
    if ((HERE && event.filename === HERE) || ours(event.error))
      session.fail("This view", event.error ?? event.message);
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    if (ours(event.reason)) session.fail("This view", event.reason);
  };
  const onDrawing = (error: unknown) => session.fail("A picture", error);
  onFrameFault.add(onDrawing);
  window.addEventListener("error", onError);
  window.addEventListener("unhandledrejection", onRejection);
  return () => {
    onFrameFault.delete(onDrawing);
    window.removeEventListener("error", onError);
    window.removeEventListener("unhandledrejection", onRejection);
  };
}

/** What is set and how far the run is: no samples, no names of classes or features. */
function stateOf(session: Session, store: Store): object {
  const { run, dataset } = session;
  const shared: Record<string, unknown> = {};
  for (const key of SHARED) {
    if (key === "catalogue") continue;
    const value = store.get<unknown>(key);
    shared[key] = ArrayBuffer.isView(value) ? `${value.byteLength / 4} samples` : value;
  }
  return {
    run: run && { state: run.state, epochs: run.epochs, experiment: run.experiment },
    data: dataset && { n: dataset.n, d: dataset.d, k: dataset.k, image: dataset.imageShape },
    network: (session.network as { kind?: string } | null)?.kind ?? null,
    snapshots: session.snapshots.length,
    alive: session.alive,
    state: shared,
  };
}
