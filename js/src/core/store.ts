/** State that views share and own: one flat map with listeners. */

/** "live" while a control is being dragged (the kernel is not told), "final" on release. */
export type How = "live" | "final";

export interface Store {
  get<T>(key: string): T;
  set(key: string, value: unknown, how?: How): void;
  /** Calls `listener` after any of `keys` changed; returns the function that ends it. */
  on(keys: readonly string[], listener: () => void): () => void;
}

/** Keys that all views of a lab (or a linked group) have in common; every other key belongs to one view. */
export const SHARED = [
  "temperature", // divides the logits, 0.05 .. 20
  "step", // training step on screen; null follows the newest
  "member", // network of the fan on screen, an index; null: the run itself
  "score", // what the landscape is scored with: place of the loss line -1 .. 1, {name, params}, null: as trained
  "selection", // selected sample indices, Int32Array or null
  "marked", // the one sample under inspection, or null
  "hover", // {a, b}: point of the landscape whose network is shown, or null; never leaves the browser
  "pair", // [a, b]: the two classes whose boundary is looked at; null: the most confused pair
  "tilt", // degrees between boundary normal and centroid direction; null: as trained
  "normal_at", // "marked": the trained normal is the slope at the marked sample; null: between the centroids
  "regularisation", // lambda of an L2-regularised rule of the pair in place of a tilt, or null
  "use_tilted", // all views follow the tilted rule of the pair
  "pinned", // {step, member, temperature}: a state to compare with, or null
  "catalogue", // menus and slider ranges
] as const;

type Listeners = Map<string, Set<() => void>>;

function subscribe(listeners: Listeners, keys: readonly string[], listener: () => void): () => void {
  for (const key of keys) {
    const set = listeners.get(key) ?? new Set();
    listeners.set(key, set.add(listener));
  }
  return () => {
    for (const key of keys) listeners.get(key)?.delete(listener);
  };
}

/** A store over plain values: what an exported file uses. */
export class MemoryStore implements Store {
  /** Hears what a listener throws; the others are called all the same. */
  onFault: (error: unknown) => void = (error) => console.error("clsviz, state:", error);
  private readonly values: Map<string, unknown>;
  private readonly listeners: Listeners = new Map();

  constructor(values: Record<string, unknown> = {}) {
    this.values = new Map(Object.entries(values));
  }

  get<T>(key: string): T {
    return (this.values.get(key) ?? null) as T;
  }

  /** All values by key. */
  all(): Record<string, unknown> {
    return Object.fromEntries(this.values);
  }

  set(key: string, value: unknown, _how: How = "final"): void {
    if (Object.is(this.get(key), value)) return;
    this.values.set(key, value);
    this.notify(key);
  }

  on(keys: readonly string[], listener: () => void): () => void {
    return subscribe(this.listeners, keys, listener);
  }

  notify(key: string): void {
    for (const listener of [...(this.listeners.get(key) ?? [])]) {
      try {
        listener();
      } catch (error) {
        this.onFault(error);
      }
    }
  }
}

/** A view's window on a lab's store: shared keys as they are, its own with its name in front. */
export function scoped(store: Store, view: string): Store {
  const shared = new Set<string>(SHARED);
  const full = (key: string) => (shared.has(key) ? key : `${view}_${key}`);
  return {
    get: (key) => store.get(full(key)),
    set: (key, value, how) => store.set(full(key), value, how),
    on: (keys, listener) => store.on(keys.map(full), listener),
  };
}
