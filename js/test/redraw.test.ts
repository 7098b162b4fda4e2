import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { afterDrawing, onFrame } from "../src/draw/frame";
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
class Sight extends Observer {
  constructor(callback: (entries: { isIntersecting: boolean }[]) => void) {
    super(() => {});
    see = (isIntersecting) => callback([{ isIntersecting }]);
  }
}
let see: (isIntersecting: boolean) => void = () => {};
const nextFrame = () => {
  const due = frames;
  frames = [];
  for (const draw of due) draw();
};

beforeEach(() => {
  frames = [];
  observers.clear();
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => frames.push(draw));
  vi.stubGlobal("ResizeObserver", Observer);
  vi.stubGlobal("IntersectionObserver", Sight);
  vi.stubGlobal("MutationObserver", Observer);
  vi.stubGlobal("document", { documentElement: {}, body: {} });
  vi.stubGlobal("matchMedia", () => media);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

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
  const watching = [...observers];
  for (const { callback } of watching) callback();
  media.dispatchEvent(new Event("change"));
  nextFrame();
  expect(relook).toHaveBeenCalledTimes(watching.length); // sizes, theme, system theme; not the sight
  expect(draw).toHaveBeenCalledTimes(2);
});

it("waits out of sight until the slider rests, and until it is scrolled to", () => {
  vi.useFakeTimers();
  const { store, draw } = view();
  see(false);
  for (let i = 0; i < 5; i++) {
    store.set("step", i);
    vi.advanceTimersByTime(100);
    nextFrame();
  }
  expect(draw).not.toHaveBeenCalled();
  vi.advanceTimersByTime(200);
  nextFrame();
  expect(draw).toHaveBeenCalledTimes(1);
  store.set("step", -1);
  see(true);
  nextFrame();
  expect(draw).toHaveBeenCalledTimes(2);
});

it("out of sight still follows what never rests, once a second", () => {
  vi.useFakeTimers();
  const { store, draw } = view();
  see(false);
  for (let i = 0; i < 25; i++) {
    store.set("step", i);
    vi.advanceTimersByTime(100);
    nextFrame();
  }
  expect(draw).toHaveBeenCalledTimes(2);
});

it("draws finer once nothing has changed for a while", () => {
  vi.useFakeTimers();
  const { store, draw } = view({ finer: true });
  store.set("step", 1);
  nextFrame();
  expect(draw).toHaveBeenLastCalledWith(false);
  vi.advanceTimersByTime(300);
  nextFrame();
  expect(draw).toHaveBeenLastCalledWith(true);
});

it("changes words after all pictures of a frame, and goes on when one of them fails", () => {
  const order: string[] = [];
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  onFrame(() => {
    afterDrawing(() => order.push("words"));
    order.push("picture");
    throw new Error("broken");
  }).ask();
  onFrame(() => order.push("other picture")).ask();
  nextFrame();
  expect(order).toEqual(["picture", "other picture", "words"]);
  expect(reported).toHaveBeenCalledOnce();
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
