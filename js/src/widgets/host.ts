/** Joins a view to an anywidget model, or to the contents of an exported file. */

import { readArray, type Wire } from "../core/arrays";
import { cut, unpackPayload } from "../core/payload";
import { type Message, Session } from "../core/session";
import { type How, MemoryStore, type Store } from "../core/store";
import { h } from "../draw/dom";
import type { Mount } from "../views/mount";

/** The part of anywidget's model that we use (AFM), and what Jupyter's own models have besides. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  widget_manager?: { get_model(id: string): Promise<RawModel> };
}
interface RawModel extends Model {
  comm_live?: boolean;
}
interface RenderProps {
  model: Model;
  el: HTMLElement;
  host?: { getModel(ref: string): Promise<Model> };
}
type Buffers = (DataView | ArrayBuffer)[];

/** Traits of the model that are arrays on the wire. */
const ARRAYS = new Set(["selection"]);

/** State in an anywidget model: "live" values stay in the browser, "final" ones go to the kernel. */
class ModelStore implements Store {
  private readonly memory = new MemoryStore();
  private readonly known = new Set<string>();
  private readonly handlers: [string, () => void][] = [];

  constructor(private readonly model: Model) {}

  get<T>(key: string): T {
    this.adopt(key);
    return this.memory.get<T>(key);
  }

  set(key: string, value: unknown, how: How = "final"): void {
    this.adopt(key);
    this.memory.set(key, value);
    if (how === "live" || this.model.get(key) === undefined) return;
    this.model.set(key, ARRAYS.has(key) && value ? Array.from(value as Int32Array) : value);
    this.model.save_changes();
  }

  on(keys: readonly string[], listener: () => void): () => void {
    for (const key of keys) this.adopt(key);
    return this.memory.on(keys, listener);
  }

  all(): Record<string, unknown> {
    return this.memory.all();
  }

  dispose(): void {
    for (const [event, handler] of this.handlers) this.model.off(event, handler);
  }

  /** Reads a trait once and follows it from then on. */
  private adopt(key: string): void {
    if (this.known.has(key)) return;
    this.known.add(key);
    const read = () => {
      const value = this.model.get(key);
      if (value === undefined) return;
      const isWire = ARRAYS.has(key) && value !== null && !Array.isArray(value);
      const array = ARRAYS.has(key) && Array.isArray(value) ? Int32Array.from(value as number[]) : value;
      this.memory.set(key, isWire ? readArray(value as Wire) : array);
    };
    read();
    this.handlers.push([`change:${key}`, read]);
    this.model.on(`change:${key}`, read);
  }
}

/** Puts the pieces of large messages together again. */
class Joiner {
  private parts: Uint8Array[] = [];
  private header: Message = { kind: "" };
  private sizes: number[] = [];

  constructor(private readonly deliver: (message: Message, buffers: Buffers) => void) {}

  take(message: Message, buffers: Buffers): void {
    if (message.kind !== "chunk") return this.deliver(message, buffers);
    if (message.index === 0) {
      this.parts = [];
      this.header = message.header as Message;
      this.sizes = message.sizes as number[];
    }
    const b = buffers[0]!;
    this.parts.push(
      b instanceof DataView ? new Uint8Array(b.buffer, b.byteOffset, b.byteLength) : new Uint8Array(b),
    );
    if (message.index !== (message.count as number) - 1) return;
    const whole = new Uint8Array(this.parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of this.parts) {
      whole.set(p, at);
      at += p.length;
    }
    const out = cut(whole.buffer, 0, this.sizes);
    this.parts = [];
    this.deliver(this.header, out);
  }
}

interface Shared {
  session: Session;
  /** The comms of the views that show it, last mounted last. */
  senders: Set<Model>;
  dispose(): void;
}

/** Sessions on this page by stream, so that every view of a run shares one copy of it. */
function registry(): Map<string, Promise<Shared>> {
  const page = globalThis as { [key: symbol]: Map<string, Promise<Shared>> | undefined };
  const name = Symbol.for("clsviz");
  page[name] ??= new Map();
  return page[name]!;
}

async function openSession(model: Model, host: RenderProps["host"], id: string): Promise<Shared> {
  const session = new Session();
  const joiner = new Joiner((message, buffers) => session.receive(message, buffers));
  const hear = (message: Message, buffers: Buffers) => joiner.take(message, buffers ?? []);
  let source: RawModel = model;
  let via = "control";
  try {
    source = (
      model.widget_manager
        ? await model.widget_manager.get_model(id)
        : await host!.getModel(`anywidget:${id}`)
    ) as RawModel;
    via = "stream";
  } catch (error) {
    console.warn("clsviz: no access to the stream, using the control comm", error);
  }
  source.on("msg:custom", hear as never);
  const live = () => session.setAlive(source.comm_live !== false);
  source.on("comm_live_update", live as never);
  const senders = new Set<Model>();
  session.send = (message) => {
    const last = [...senders].pop();
    if (session.alive && last) last.send(message);
  };
  model.send({ kind: "hello", via });
  return {
    session,
    senders,
    dispose() {
      source.off("msg:custom", hear as never);
      source.off("comm_live_update", live as never);
    },
  };
}

/** The render function of a widget that shows `mount`. */
export function widget(mount: Mount) {
  return {
    async render({ model, el, host }: RenderProps): Promise<() => void> {
      const id = model.get("stream") as string;
      const sessions = registry();
      const opening = sessions.get(id) ?? openSession(model, host, id);
      sessions.set(id, opening);
      const shared = await opening;
      shared.senders.add(model);
      const store = new ModelStore(model);
      el.classList.add("clsviz");
      const unmount = mount(el, { session: shared.session, store });
      const hide = tell(el, shared.session, store);
      return () => {
        hide();
        unmount();
        store.dispose();
        shared.senders.delete(model);
        if (shared.senders.size === 0) {
          shared.dispose();
          sessions.delete(id);
        }
      };
    },
    /** Shows an exported or saved view: its state and the recorded messages, no kernel. */
    async show(el: HTMLElement, payload: string, changed: Record<string, unknown> = {}): Promise<() => void> {
      el.classList.add("clsviz");
      try {
        const { state, packets } = await unpackPayload(payload);
        const session = new Session();
        session.alive = false;
        for (const { header, buffers } of packets) session.receive(header, buffers);
        if (session.run) session.run = { ...session.run, state: "static", trainable: false };
        const store = new MemoryStore({ ...state, ...changed });
        const unmount = mount(el, { session, store });
        const hide = tell(el, session, store);
        return () => {
          hide();
          unmount();
        };
      } catch (error) {
        const what = h("b", {}, "This view could not be shown. ");
        el.replaceChildren(
          h("div", { class: "clsviz-banner clsviz-error", role: "alert" }, what, String(error)),
        );
        throw error;
      }
    },
  };
}

/** What a view on the page shows; JupyterLab's extension asks for it when a notebook is saved. */
export interface Shown {
  session: Session;
  state: Record<string, unknown>;
}
export const ASK_SHOWN = "clsviz:shown";

/** Lets an event ASK_SHOWN on `el` hear what is shown there: its `detail` is called with it. */
function tell(el: HTMLElement, session: Session, store: { all(): Record<string, unknown> }): () => void {
  const answer = (event: Event) =>
    (event as CustomEvent<(shown: Shown) => void>).detail({ session, state: store.all() });
  el.addEventListener(ASK_SHOWN, answer);
  return () => el.removeEventListener(ASK_SHOWN, answer);
}
