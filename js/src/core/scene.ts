/** Scenes: all that is set as a small piece of JSON, its link, and its way back into a store. */

import type { Session } from "./session";
import type { Store } from "./store";

/** What `Scene.to_json` in Python writes (clsviz/widgets/scene.py). */
export interface SceneJson {
  clsviz: number;
  run: Record<string, unknown>;
  state: Record<string, unknown>;
  fan?: { path: string; values: number[]; seeds: number };
}

/** Names of a scene with the store's key and the default, as the kernel sends them. */
export interface SceneMenu {
  version: number;
  state: Record<string, [key: string, usual: unknown]>;
}

const FRAGMENT = "clsviz=";
const ARRAYS = new Set(["selection"]);
const plain = (value: unknown) => (value instanceof Int32Array ? [...value] : value);
const same = (a: unknown, b: unknown) => JSON.stringify(plain(a)) === JSON.stringify(plain(b));

const menuOf = (store: Store) => store.get<{ scene?: SceneMenu } | null>("catalogue")?.scene ?? null;

/** All that is set now; null where the network has no recipe (a watched loop, finished predictions). */
export function sceneOf(session: Session, store: Store): SceneJson | null {
  const menu = menuOf(store);
  const recipe = session.run?.recipe;
  if (!menu || !recipe) return null;
  const state: Record<string, unknown> = {};
  for (const [name, [key, usual]] of Object.entries(menu.state)) {
    const value = plain(store.get(key));
    if (!same(value, usual)) state[name] = value;
  }
  const latest = session.snapshots[session.snapshots.length - 1]?.step ?? 0;
  const steps = recipe.steps as number;
  const run =
    latest > steps // it trains: the kernel tells the recipe only where it rests
      ? { ...recipe, steps: latest, target: Math.max(latest, Number(recipe.target ?? steps)), at: latest }
      : recipe;
  const [varied, ...others] = session.fan?.vary ?? [];
  const fan = varied && others.length === 0 && { path: varied.path, values: [...varied.values] };
  return {
    clsviz: menu.version,
    run,
    state,
    ...(fan ? { fan: { ...fan, seeds: session.fan!.seeds.length } } : {}),
  };
}

/** Sets values by the store's keys; what is so already is left alone. */
export function setAll(store: Store, values: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(values)) {
    if (same(store.get(key), value)) continue;
    store.set(key, ARRAYS.has(key) && Array.isArray(value) ? Int32Array.from(value) : value);
  }
}

/** Sets some of a scene's names; those that this lab does not have are passed over. */
export function setNamed(store: Store, state: Record<string, unknown>): void {
  const menu = menuOf(store);
  const known = Object.entries(state).filter(([name]) => menu && Object.hasOwn(menu.state, name));
  setAll(store, Object.fromEntries(known.map(([name, value]) => [menu!.state[name]![0], value])));
}

/** Sets a whole scene's state: what it does not name goes back to its default. */
export function setScene(store: Store, scene: SceneJson): void {
  const menu = menuOf(store);
  if (!menu) return;
  const usual = Object.entries(menu.state).map(([name, [, value]]) => [name, value]);
  setNamed(store, { ...Object.fromEntries(usual), ...scene.state });
}

/** `#clsviz=...` for the end of an address. */
export async function linkOf(scene: SceneJson): Promise<string> {
  const bytes = await through(
    new TextEncoder().encode(JSON.stringify(scene)),
    new CompressionStream("deflate"),
  );
  const text = btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
  return `#${FRAGMENT}${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** The scene in an address; null where there is none. Throws where what stands there is no scene. */
export async function sceneIn(address: string): Promise<SceneJson | null> {
  const packed = address.split(FRAGMENT)[1];
  if (packed === undefined) return null;
  const binary = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
  const text = new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate")));
  const scene = JSON.parse(text) as SceneJson | null;
  if (typeof scene?.clsviz !== "number" || typeof scene.state !== "object" || !scene.state)
    throw new Error("this is no scene");
  return scene;
}

/** Python that opens the scene. */
export function pythonOf(scene: SceneJson): string {
  const text = JSON.stringify(scene).replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  return `cv.Lab.from_scene('${text}')`;
}

async function through(bytes: Uint8Array, stream: GenericTransformStream): Promise<Uint8Array> {
  const whole = new Blob([bytes as BlobPart]).stream().pipeThrough(stream as ReadableWritablePair);
  return new Uint8Array(await new Response(whole).arrayBuffer());
}
