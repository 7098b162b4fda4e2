// @vitest-environment jsdom
/** Views that a button opens: mounted while they are seen, whether a button, a lesson or the stage shows them. */

import { beforeEach, expect, test } from "vitest";
import { Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { h } from "../src/draw/dom";
import { mountMore } from "../src/views/more";
import { followLesson } from "../src/views/scenes/lesson";
import { openPage } from "./dom";

let root: HTMLElement;
beforeEach(() => {
  root = openPage();
  Element.prototype.scrollIntoView ??= () => {};
});

/** A lab of two usual and two further views; `open` lists the further ones that are mounted. */
function lab(state: Record<string, unknown> = {}) {
  const store = new MemoryStore(state);
  const open = new Set<string>();
  const views = h("div");
  const boxes = new Map<string, HTMLElement>();
  const box = (name: string) => {
    boxes.set(name, h("div"));
    return boxes.get(name)!;
  };
  views.append(box("reliability"), box("boundary"));
  const further = ["ood", "multiplicity"].map((name) => {
    const own = box(name);
    const mount = () => {
      open.add(name);
      own.append(h("section"));
      return () => void open.delete(name);
    };
    return { name, title: `the ${name}`, box: own, open: mount };
  });
  const more = mountMore(further, store);
  views.append(more.el, ...further.map((f) => f.box));
  root.append(views);
  const stop = followLesson(root, views, boxes, more, { session: new Session(), store });
  const seen = () => [...boxes].filter(([, el]) => !el.hidden).map(([name]) => name);
  return { store, open, boxes, more, seen, stop, buttons: [...more.el.querySelectorAll("button")] };
}

test("nothing is mounted until it is opened, and closing unmounts it", () => {
  const { store, open, boxes, seen, buttons } = lab();
  expect(seen()).toEqual(["reliability", "boundary"]);
  expect(open.size).toBe(0);
  buttons[1]!.click();
  expect(store.get("more")).toEqual(["multiplicity"]);
  expect([...open]).toEqual(["multiplicity"]);
  expect(seen()).toEqual(["reliability", "boundary", "multiplicity"]);
  expect(buttons.map((b) => b.getAttribute("aria-pressed"))).toEqual(["false", "true"]);
  buttons[1]!.click();
  expect(store.get("more")).toEqual([]);
  expect(open.size).toBe(0);
  expect(boxes.get("multiplicity")!.childElementCount).toBe(0);
});

test("code opens it too, and the row stands between the usual views and those it opens", () => {
  const { store, open, boxes, more } = lab();
  store.set("more", ["multiplicity", "nonsense", "ood"]);
  expect([...open].sort()).toEqual(["multiplicity", "ood"]);
  expect(["boundary", "multiplicity", "ood"].map((name) => boxes.get(name)!.style.order)).toEqual([
    "1",
    "2",
    "3",
  ]);
  expect(more.el.style.order).toBe("2"); // in front of its like, by its place in the page
});

test("a lesson that shows one has no button for it; what is opened comes after the lesson's views", () => {
  const { open, seen, boxes, buttons } = lab({ show: ["ood", "reliability"], more: ["multiplicity"] });
  expect([...open].sort()).toEqual(["multiplicity", "ood"]);
  expect(seen()).toEqual(["reliability", "ood", "multiplicity"]);
  expect(boxes.get("ood")!.style.order).toBe("0");
  expect(buttons.map((b) => b.hidden)).toEqual([true, false]);
});

test("on the projector's stage it is seen whether it was opened or not", () => {
  const { store, open, boxes } = lab({ stage: ["multiplicity", "reliability"] });
  expect(open.size).toBe(0);
  store.set("projector", true);
  expect([...open]).toEqual(["multiplicity"]);
  expect(boxes.get("multiplicity")!.classList.contains("clsviz-on-stage")).toBe(true);
  store.set("projector", false);
  expect(open.size).toBe(0);
});

test("what is open when the lab goes is unmounted", () => {
  const { store, open, more, stop } = lab();
  store.set("more", ["ood"]);
  stop();
  more.stop();
  expect(open.size).toBe(0);
});
