import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { redraw } from "../src/draw/redraw";

// A browser of three parts: frames, sizes, theme.
let frames: (() => void)[] = [];
const observers = new Set<{ callback: () => void; live: boolean }>();
const media = new EventTarget();

class Observer {
  readonly entry: { callback: () => void; live: boolean };
  constructor(callback: () => void) {
    this.entry = { callback, live: true };
    observers.add(this.entry);
  }
  observe() {}
  disconnect() {
    this.entry.live = false;
  }
}
const nextFrame = () => {
  const due = frames;
  frames = [];
  for (const draw of due) draw();
};

beforeEach(() => {
  frames = [];
  observers.clear();
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => frames.push(draw));
  vi.stubGlobal("cancelAnimationFrame", (id: number) => {
    if (id) frames[id - 1] = () => {};
  });
  vi.stubGlobal("ResizeObserver", Observer);
  vi.stubGlobal("MutationObserver", Observer);
  vi.stubGlobal("document", { documentElement: {}, body: {} });
  vi.stubGlobal("matchMedia", () => media);
});
afterEach(() => vi.unstubAllGlobals());

function view(more: Partial<Parameters<typeof redraw>[1]> = {}) {
  const [session, store, draw] = [new Session(), new MemoryStore(), vi.fn()];
  const boxes = [{} as Element];
  const life = redraw(draw, { session, store, boxes, keys: ["step"], events: ["run"], ...more });
  nextFrame();
  draw.mockClear();
  return { session, store, draw, life };
}

it("draws once however many values changed, and not for those it does not show", () => {
  const { session, store, draw } = view();
  store.set("step", 1);
  store.set("step", 2);
  session.notify("run");
  nextFrame();
  expect(draw).toHaveBeenCalledTimes(1);
  store.set("other", 1);
  session.notify("landscape");
  nextFrame();
  expect(draw).toHaveBeenCalledTimes(1);
});

it("says that kept pictures are stale when size or theme change, not when values do", () => {
  const relook = vi.fn();
  const { store, draw } = view({ relook });
  store.set("step", 1);
  nextFrame();
  expect(relook).not.toHaveBeenCalled();
  for (const { callback } of observers) callback();
  media.dispatchEvent(new Event("change"));
  nextFrame();
  expect(relook).toHaveBeenCalledTimes(observers.size + 1);
  expect(draw).toHaveBeenCalledTimes(2);
});

it("leaves nothing behind when it is closed, a frame it had asked for included", () => {
  const ended = vi.fn();
  const { session, store, draw, life } = view({ also: [ended] });
  life.ask();
  life.close();
  store.set("step", 1);
  session.notify("run");
  media.dispatchEvent(new Event("change"));
  nextFrame();
  expect(draw).not.toHaveBeenCalled();
  expect(ended).toHaveBeenCalledOnce();
  expect([...observers].every((o) => !o.live)).toBe(true);
});
