// @vitest-environment jsdom
/** The lab's further settings: what they show of an experiment, and what they ask the kernel for. */

import { beforeEach, expect, test } from "vitest";
import { Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { mountFurther } from "../src/views/controls/further";
import { drawFrames, openPage } from "./dom";

const range = (low: number, high: number) => ({ low, high, step: null, log: false, unit: null });
const param = (name: string, value: number, found: object | null) => ({
  name,
  default: value,
  range: found,
  choices: null,
});
const entry = (name: string, params: object[] = []) => ({
  name,
  title: `the ${name}`,
  summary: `What the ${name} is.`,
  params,
});
const CATALOGUE = {
  data: [entry("shortcut", [param("agreement", 0.5, range(0, 1)), param("seed", 0, null)]), entry("moons")],
  model: [entry("linear"), entry("heads", [{ ...param("head", 0, range(0, 4)), help: "that predicts" }])],
  method: [entry("standard"), entry("robust", [param("lam", 1, range(0, 5))])],
};

let root: HTMLElement;
beforeEach(() => {
  root = openPage();
});

function further() {
  const session = new Session();
  const sent: unknown[] = [];
  session.send = (message: unknown) => void sent.push(message);
  const stop = mountFurther(root, { session, store: new MemoryStore({ catalogue: CATALOGUE }) });
  const tell = (method: string, params: object = {}, state = "paused") => {
    const spec = (name: string, own: object = {}) => ({ name, params: own });
    session.alive = true;
    session.run = {
      state,
      changeable: true,
      experiment: {
        data: spec("shortcut", { agreement: 0.25 }),
        model: spec("heads"),
        method: spec(method, params),
      },
    } as never;
    session.notify("run");
    drawFrames();
  };
  const box = root.querySelector<HTMLDetailsElement>("details")!;
  const slider = (name: string) => root.querySelector<HTMLInputElement>(`input[aria-label="${name}"]`);
  return { sent, stop, tell, box, slider, session };
}

test("there are sliders of data, model and method alone, at the experiment's values", () => {
  const { tell, box, slider } = further();
  expect(box.hidden).toBe(true); // nothing is known yet
  tell("standard");
  expect(box.hidden).toBe(false);
  expect(slider("Data: agreement")!.value).toBe("0.25");
  expect(slider("Model: head")!.value).toBe("0");
  expect(root.querySelectorAll("input")).toHaveLength(2);
  const hint = (name: string) => slider(name)!.closest<HTMLElement>("[title]")!.title;
  expect(hint("Model: head")).toBe("that predicts");
  expect(hint("Data: agreement")).toBe("What the shortcut is."); // nothing is said of it alone
  tell("robust", { lam: 2.5 });
  expect(slider("Method: λ")!.value).toBe("2.5");
  expect(root.querySelector("select")!.value).toBe("robust");
});

test("moving one asks for the change, the menu for the method", () => {
  const { tell, sent, slider } = further();
  tell("robust");
  slider("Method: λ")!.value = "3";
  slider("Method: λ")!.dispatchEvent(new Event("input"));
  slider("Method: λ")!.dispatchEvent(new Event("change"));
  const menu = root.querySelector("select")!;
  menu.value = "standard";
  menu.dispatchEvent(new Event("change"));
  expect(sent).toEqual([
    { kind: "change", changes: { "method.lam": 3 } },
    { kind: "change", changes: { method: "standard" } },
  ]);
});

test("what was asked for stays while the kernel is at it, and goes back where it is refused", () => {
  const { tell, slider, session } = further();
  tell("robust");
  const input = slider("Method: λ")!;
  const key = () => input.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
  const asked = () => {
    drawFrames();
    return Number(input.value);
  };
  key();
  const once = asked();
  tell("robust"); // still the former value
  expect(asked()).toBe(once);
  key();
  expect(asked()).toBeGreaterThan(once);
  session.error = { where: "Not changed", message: "no" };
  tell("robust");
  expect(asked()).toBe(1);
});

test("only what networks of a fan may differ in has a button", () => {
  const { tell, sent } = further();
  tell("robust");
  const buttons = [...root.querySelectorAll("button")];
  expect(buttons.map((b) => b.getAttribute("aria-label"))).toEqual(["Fan out Method: λ"]);
  buttons[0]!.click();
  expect(sent).toEqual([{ kind: "fan", path: "method.lam" }]);
});

test("a page without a kernel has none of it", () => {
  const { tell, box } = further();
  tell("robust", {}, "static");
  expect(box.hidden).toBe(true);
});
