// @vitest-environment jsdom
/** A value that follows the pressed pointer. */

import { expect, it, vi } from "vitest";
import { dragOn } from "../src/draw/drag";

function handle() {
  const el = document.createElement("div");
  el.setPointerCapture = vi.fn();
  const followed: [number, string][] = [];
  const heard: string[] = []; // by what else listens
  dragOn(el, {
    holds: (e) => e.clientX < 10,
    follow: (e, how) => followed.push([e.clientX, how]),
    cursor: "ew-resize",
  });
  for (const type of ["pointerdown", "pointermove", "pointerup"])
    el.addEventListener(type, () => heard.push(type));
  const at = (type: string, clientX: number, button = 0) =>
    el.dispatchEvent(new MouseEvent(`pointer${type}`, { clientX, button }));
  return { el, followed, heard, at };
}

it("follows live and for good at the end, and nothing else hears of it", () => {
  const { followed, heard, at } = handle();
  at("down", 5);
  at("move", 50); // also away from where it was taken
  at("up", 60);
  at("move", 5);
  expect(followed).toEqual([
    [5, "live"],
    [50, "live"],
    [60, "final"],
  ]);
  expect(heard).toEqual(["pointermove"]); // the last one
});

it("leaves a press elsewhere, or of another button, to the others", () => {
  const { followed, heard, at } = handle();
  at("down", 20);
  at("move", 5);
  at("up", 5);
  at("down", 5, 2);
  expect(followed).toEqual([]);
  expect(heard).toEqual(["pointerdown", "pointermove", "pointerup", "pointerdown"]);
});

it("stays where it was last when the browser takes the pointer away", () => {
  const { followed, at } = handle();
  at("down", 5);
  at("move", 8);
  at("cancel", 0);
  at("cancel", 0);
  expect(followed.slice(-1)).toEqual([[8, "final"]]);
  expect(followed.length).toBe(3);
});

it("shows by the pointer where it can be taken", () => {
  const { el, at } = handle();
  at("move", 5);
  expect(el.style.cursor).toBe("ew-resize");
  at("move", 20);
  expect(el.style.cursor).toBe("");
});
