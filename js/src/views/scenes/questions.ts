/** Predict, then reveal: a card covers a view until a prediction is made; then both are seen together. */

import { setNamed } from "../../core/scene";
import { b, h, OWN_KEYS } from "../../draw/dom";
import { button } from "../../draw/knobs";
import type { ViewContext } from "../mount";

interface Question {
  text: string;
  kind: "choice" | "number" | "text";
  choices: string[];
  covers: string | null;
  sealed: string;
}
/** What is not to be read at a glance (clsviz/widgets/question.py). */
interface Secret {
  explain: string;
  then: Record<string, unknown>; // state to set when the view opens
  answer?: string | number | null;
  read?: [view: string, pattern: string]; // the number as the view's status says it
  tolerance?: number | null;
  near?: number;
}
type Value = string | number | null;
interface Answer {
  prediction: Value; // null: shown without answering
  outcome: Value;
}

const STILL = 4; // frames without a change, after which a number counts as settled
const MOST_FRAMES = 120;

export function mountQuestions(
  root: HTMLElement,
  area: HTMLElement,
  boxes: ReadonlyMap<string, HTMLElement>,
  { session, store }: ViewContext,
): () => void {
  const cards = new Map<string, { key: string; el: HTMLElement; box: HTMLElement }>();
  let closed = false;
  const answers = () => store.get<Record<string, Answer> | null>("answers") ?? {};

  const reveal = async (question: Question, prediction: Value) => {
    const secret = open(question);
    setNamed(store, secret.then);
    const outcome = secret.read ? await settled(root, secret.read) : (secret.answer ?? null);
    if (closed) return;
    store.set("answers", { ...answers(), [question.text]: { prediction, outcome } });
    cards.get(question.text)?.el.focus();
  };
  const askAgain = (question: Question) => {
    const { [question.text]: _, ...others } = answers();
    store.set("answers", others);
  };

  const show = () => {
    const questions = store.get<Question[] | null>("questions") ?? [];
    const canSkip =
      store.get<boolean | null>("projector") === true ||
      (store.get<unknown[] | null>("deck") ?? []).length > 0;
    const covered = new Set<string>();
    const wanted = new Set<string>();
    for (const question of questions) {
      const answer = answers()[question.text] ?? null;
      const own = question.covers === null ? undefined : boxes.get(question.covers);
      const box = own && !own.hidden ? own : area;
      const covers = box === own && !answer;
      if (covers && covered.has(question.covers!)) continue; // one after the other
      if (covers) covered.add(question.covers!);
      wanted.add(question.text);
      const key = JSON.stringify([question, answer, canSkip]);
      const former = cards.get(question.text);
      if (former?.key === key && former.box === box) continue; // what is being typed stays
      const held = former?.el.contains(document.activeElement) ?? false;
      former?.el.remove();
      const el = answer
        ? revealed(question, answer, () => askAgain(question))
        : card(question, covers, canSkip, (prediction) => void reveal(question, prediction));
      box.append(el);
      if (held) el.focus({ preventScroll: true }); // else the keys of the sequence would be nobody's
      cards.set(question.text, { key, el, box });
    }
    for (const [text, { el }] of cards) {
      if (wanted.has(text)) continue;
      el.remove();
      cards.delete(text);
    }
    for (const [name, box] of boxes) {
      const view = box.querySelector<HTMLElement>(".clsviz-view");
      if (view) view.inert = covered.has(name);
    }
    area.hidden = area.childElementCount === 0;
  };
  show();
  const stops = [
    store.on(["questions", "answers", "projector", "deck", "show", "more"], show),
    session.on(["run"], show),
  ];
  return () => {
    closed = true;
    for (const stop of stops) stop();
  };
}

function open(question: Question): Secret {
  const bytes = Uint8Array.from(atob(question.sealed), (c) => c.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Secret;
}

function card(
  question: Question,
  covers: boolean,
  canSkip: boolean,
  commit: (prediction: Value) => void,
): HTMLElement {
  const name = `clsviz-question-${crypto.randomUUID()}`;
  const named = (type: string, more: Record<string, unknown>) => [
    h("label", {}, "Your prediction", h("input", { type, required: true, ...more, ...OWN_KEYS })),
  ];
  const fields = {
    choice: () =>
      question.choices.map((value) =>
        h("label", {}, h("input", { type: "radio", name, value, required: true, ...OWN_KEYS }), value),
      ),
    number: () => named("number", { step: "any" }),
    text: () => named("text", { maxlength: 300 }),
  };
  const inputs = fields[question.kind]();
  const form = h(
    "form",
    { class: `clsviz-question${covers ? " clsviz-covers" : ""}`, "aria-label": question.text, tabindex: -1 },
    h("h4", {}, question.text),
    h("div", { class: "clsviz-choices", role: question.kind === "choice" ? "radiogroup" : null }, ...inputs),
    h(
      "div",
      { class: "clsviz-row" },
      h("button", { type: "submit", class: "clsviz-primary", ...OWN_KEYS }, "That is my prediction"),
      canSkip ? button("Show without answering", () => commit(null)) : null,
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = [...form.querySelectorAll("input")];
    const value = (values.find((input) => input.checked) ?? values[0]!).value.trim();
    if (value) commit(question.kind === "number" ? Number(value) : value);
  });
  // letters and Page keys belong to the answer, not to the sequence of scenes
  form.addEventListener("keydown", (event) => event.stopPropagation());
  return form;
}

function revealed(question: Question, answer: Answer, again: () => void): HTMLElement {
  const secret = open(question);
  return h(
    "div",
    { class: "clsviz-revealed", role: "status", tabindex: -1 },
    h(
      "p",
      {},
      b(question.text),
      " ",
      ...comparison(answer, secret),
      secret.explain ? ` ${secret.explain}` : "",
    ),
    button("Ask again", again, { class: "clsviz-small" }),
  );
}

function comparison({ prediction, outcome }: Answer, secret: Secret): (Node | string)[] {
  const word = (v: Value) => b(typeof v === "number" ? String(Number(v.toPrecision(4))) : `“${v}”`);
  if (outcome === null) return prediction === null ? [] : ["You said ", word(prediction), "."];
  if (prediction === null) return ["It is ", word(outcome), "."];
  if (prediction === outcome) return ["You said ", word(prediction), ", and so it is."];
  const parts = ["You said ", word(prediction), "; it is ", word(outcome)];
  if (typeof prediction !== "number" || typeof outcome !== "number") return [...parts, "."];
  const reach = secret.tolerance ?? Math.abs(outcome) * (secret.near ?? 0);
  return [...parts, Math.abs(prediction - outcome) <= reach ? ": near." : "."];
}

/** A number as the view says it, once it no longer changes; null where it says none. */
async function settled(root: HTMLElement, [view, pattern]: [string, string]): Promise<number | null> {
  const status = () => root.querySelector(`[data-view="${view}"] [role=status]`)?.textContent ?? "";
  let last = "";
  let still = 0;
  for (let i = 0; i < MOST_FRAMES && still < STILL; i++) {
    await new Promise(requestAnimationFrame);
    still = status() === last ? still + 1 : 0;
    last = status();
  }
  const found = new RegExp(pattern).exec(last)?.[1];
  return found === undefined ? null : Number(found.replace(/\.$/, ""));
}
