/** Joins a view to an anywidget model, or to the contents of an exported file. */

import { readArray, type Wire } from "../core/arrays";
import { Group, LINKED, type Member, sameValue } from "../core/group";
import { Outbox } from "../core/outbox";
import { cut, unpackPayload } from "../core/payload";
import { type Dataset, type Message, Session } from "../core/session";
import { type How, MemoryStore, type Store } from "../core/store";
import { errorCard } from "../draw/errorcard";
import { withFaults } from "../views/guarded";
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

/** The key a linked group knows by another name: a lab has all views' keys, each with its view in front. */
const OF_RELIABILITY = new Set(["n_bins", "scheme"]);

/** State in an anywidget model: "live" values stay in the browser, "final" ones go to the kernel. */
class ModelStore implements Store, Member {
  readonly stream: string;
  private readonly memory = new MemoryStore();
  private readonly known = new Set<string>();
  private readonly handlers: [string, () => void][] = [];
  private linked: { name: string; group: Group; leave(): void } | null = null;

  constructor(
    private readonly model: Model,
    private readonly session: Session,
  ) {
    this.memory.onFault = (error) => session.fail("A view", error);
    this.stream = model.get("stream") as string;
    this.hear("group", () => this.link());
    this.link();
  }

  get<T>(key: string): T {
    const own = this.own(key);
    this.adopt(own);
    return this.memory.get<T>(own);
  }

  set(key: string, value: unknown, how: How = "final"): void {
    this.put(key, value, how);
    this.tell(key, how);
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
    this.unlink();
  }

  // what the group of linked views asks for

  dataset(): Dataset | null {
    return this.session.dataset;
  }

  has(key: string): boolean {
    return key === "hover" || this.model.get(this.own(key)) !== undefined;
  }

  accept(key: string, value: unknown, how: How): void {
    this.put(this.own(key), value, how);
  }

  private put(key: string, value: unknown, how: How): void {
    this.adopt(key);
    this.memory.set(key, value);
    if (how === "live" || this.model.get(key) === undefined) return;
    this.model.set(key, ARRAYS.has(key) ? toWire(value as Int32Array | null) : value);
    this.model.save_changes();
  }

  private tell(key: string, how: How): void {
    const name = OF_RELIABILITY.has(key) ? `reliability_${key}` : key;
    this.linked?.group.tell(this, name, this.memory.get(key), how);
  }

  /** This view's name for a key of the group. */
  private own(key: string): string {
    const short = key.replace(/^reliability_/, "");
    return OF_RELIABILITY.has(short) && this.model.get(key) === undefined ? short : key;
  }

  /** Joins the group that the model names now. */
  private link(): void {
    const name = (this.model.get("group") as string | null | undefined) ?? null;
    if (name === (this.linked?.name ?? null)) return;
    this.unlink();
    if (name === null) return;
    const { groups } = page();
    const group = groups.get(name) ?? new Group();
    groups.set(name, group);
    for (const key of LINKED) if (this.has(key)) this.adopt(this.own(key));
    const leave = group.join(this);
    // what depends on the samples is taken over when they have come
    const waiting = this.session.dataset === null;
    const stop = waiting
      ? this.session.on(["data"], () => {
          stop();
          group.adopt(this);
        })
      : () => {};
    this.linked = {
      name,
      group,
      leave() {
        stop();
        leave();
        if (group.size === 0) groups.delete(name);
      },
    };
  }

  private unlink(): void {
    this.linked?.leave();
    this.linked = null;
  }

  /** Reads a trait once and follows it from then on. */
  private adopt(key: string): void {
    if (this.known.has(key)) return;
    this.known.add(key);
    if (this.read(key) === undefined) return;
    this.memory.set(key, this.read(key));
    this.hear(key, () => {
      const value = this.read(key);
      if (value === undefined || sameValue(value, this.memory.get(key))) return;
      this.memory.set(key, value);
      this.tell(key, "final");
    });
  }

  private read(key: string): unknown {
    const value = this.model.get(key);
    if (!ARRAYS.has(key) || value === undefined || value === null) return value;
    return Array.isArray(value) ? Int32Array.from(value as number[]) : readArray(value as Wire);
  }

  private hear(key: string, handler: () => void): void {
    this.handlers.push([`change:${key}`, handler]);
    this.model.on(`change:${key}`, handler);
  }
}

/** As Python packs arrays: what the kernel gets is what it would send, so it does not send it back. */
function toWire(indices: Int32Array | null): Wire | null {
  if (!indices) return null;
  const data = new DataView(Int32Array.from(indices).buffer);
  return { dtype: "int32", shape: [indices.length], data };
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
  outbox: Outbox;
  dispose(): void;
}

/** What all views on this page share, also views of other bundles. */
interface ClsvizPage {
  /** By stream, so that every view of a run shares one copy of it. */
  sessions: Map<string, Promise<Shared>>;
  /** Linked views, by name of their group. */
  groups: Map<string, Group>;
}

function page(): ClsvizPage {
  const global = globalThis as { [key: symbol]: ClsvizPage | undefined };
  const name = Symbol.for("clsviz");
  global[name] ??= { sessions: new Map(), groups: new Map() };
  return global[name]!;
}

async function openSession(model: Model, host: RenderProps["host"], id: string): Promise<Shared> {
  const session = new Session();
  const joiner = new Joiner((message, buffers) => session.receive(message, buffers));
  const hear = (message: Message, buffers: Buffers) => {
    try {
      joiner.take(message, buffers ?? []);
    } catch (error) {
      session.fail("A message of the kernel", error);
    }
  };
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
  const senders = new Set<Model>();
  const outbox = new Outbox(
    (message) => {
      const last = [...senders].pop();
      if (session.alive) last?.send(message);
      return session.alive && last !== undefined;
    },
    () => session.setWaiting(outbox.waiting),
  );
  const live = () => {
    session.setAlive(source.comm_live !== false);
    if (!session.alive) outbox.clear();
  };
  source.on("comm_live_update", live as never);
  session.send = (message) => outbox.send(message);
  model.send({ kind: "hello", via });
  return {
    session,
    senders,
    outbox,
    dispose() {
      outbox.clear();
      source.off("msg:custom", hear as never);
      source.off("comm_live_update", live as never);
    },
  };
}

/** The render function of a widget that shows `view`. */
export function widget(view: Mount) {
  const mount = withFaults(view);
  const open = async ({ model, el, host }: RenderProps): Promise<() => void> => {
    const id = model.get("stream") as string;
    const { sessions } = page();
    const opening = sessions.get(id) ?? openSession(model, host, id);
    sessions.set(id, opening);
    const shared = await opening;
    shared.senders.add(model);
    const answered = (content: { kind?: unknown; seq?: unknown }) => {
      if (content?.kind === "ack") shared.outbox.acknowledge(content.seq as number);
    };
    model.on("msg:custom", answered as never);
    const store = new ModelStore(model, shared.session);
    el.classList.add("clsviz");
    const unmount = mount(el, { session: shared.session, store });
    const hide = tell(el, shared.session, store);
    return () => {
      hide();
      unmount();
      store.dispose();
      model.off("msg:custom", answered as never);
      if ([...shared.senders].pop() === model) shared.outbox.clear(); // its requests may never be answered
      shared.senders.delete(model);
      if (shared.senders.size === 0) {
        shared.dispose();
        sessions.delete(id);
      }
    };
  };
  return {
    async render(props: RenderProps): Promise<() => void> {
      try {
        return await open(props);
      } catch (error) {
        console.error("clsviz, opening:", error);
        props.el.classList.add("clsviz");
        props.el.append(errorCard({ title: "This view could not be opened", error }));
        return () => props.el.replaceChildren();
      }
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
        store.onFault = (error) => session.fail("A view", error);
        const unmount = mount(el, { session, store });
        const hide = tell(el, session, store);
        return () => {
          hide();
          unmount();
        };
      } catch (error) {
        el.replaceChildren(errorCard({ title: "This view could not be shown", error }));
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
