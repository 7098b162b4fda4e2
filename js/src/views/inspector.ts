/** One sample from all sides: its input, its labels, what the network says of it, and what it resembles. */

import { markedSample } from "../core/marked";
import { type Neighbours, nearest } from "../core/neighbours";
import { RULE_KEYS, shownTilted } from "../core/overlay";
import { worstFirst } from "../core/samples";
import { combine, type Selection, setOp } from "../core/selection";
import type { Dataset } from "../core/session";
import { logitsOf, present, type Shown, shownAt } from "../core/shown";
import { argmax, softmaxRow } from "../core/softmax";
import { makeCanvas, whenChanged } from "../draw/canvas";
import { b, h, OWN_KEYS, say } from "../draw/dom";
import { button } from "../draw/knobs";
import { commonNotice, makePanel, shownWord, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { type Bars, drawBars, lines, MOST_BARS } from "./inspector/bars";
import { drawImage, featureRows, neighbourButtons } from "./inspector/parts";
import type { Mount } from "./mount";

const NEIGHBOURS = 8;
const LINE = 1.25; // height of a probability bar in em

/** What the network says of the sample. */
interface Verdict extends Bars {
  sample: number;
  label: number; // trained on; differs from the truth under label noise
  confidence: number;
  loss: number; // -log p of the label
}

export const mountInspector: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "inspector", title: "Sample", table: () => table() });
  const where = h("span", { style: "color: var(--clsviz-fg2)" });
  const previous = button("Previous", () => go(-1), { class: "clsviz-small" });
  const next = button("Next", () => go(1), { class: "clsviz-small" });
  const picture = makeCanvas("The sample as an image");
  const pictureBox = h(
    "div",
    { style: "flex: none; width: 88px; height: 88px; border: 1px solid var(--clsviz-line)" },
    picture.el,
  );
  const facts = h("div", { style: "min-width: 0; line-height: 1.47" });
  const rows = h("tbody", {});
  const features = h(
    "div",
    {
      style: "max-height: 92px; overflow: auto",
      tabindex: 0,
      role: "region",
      "aria-label": "Features of the sample",
    },
    h("table", { style: "width: 100%; border-collapse: collapse; text-align: right" }, rows),
  );
  const barsTitle = h("div", { style: "color: var(--clsviz-fg2)" });
  const bars = makeCanvas("Probabilities of the classes");
  const barsBox = h("div", { style: `height: ${MOST_BARS * LINE}em` }, bars.el);
  const neighbourBox = h("div", { style: "max-height: 92px; overflow: auto; min-height: 52px" });
  const selectAll = h(
    "button",
    {
      type: "button",
      class: "clsviz-small",
      "aria-label": "Select them, the neighbours",
      title:
        "Selects these training samples. Diagram, matrix and boundary show validation samples and so say that they show none of them; the gallery and Previous, Next here show them.",
      ...OWN_KEYS,
      onclick: (e: MouseEvent) => {
        if (near) store.set("selection", combine(store.get<Selection>("selection"), near.index, setOp(e)));
      },
    },
    "Select them",
  );
  panel.root.querySelector<HTMLElement>("[role=status]")!.style.minHeight = "calc(4.2em + 6px)"; // three lines
  const half = "display: flex; flex-direction: column; gap: 6px; min-width: 0";
  panel.body.append(
    h(
      "div",
      { class: "clsviz-row", style: "gap: 6px; flex-wrap: nowrap; white-space: nowrap; overflow: hidden" },
      previous,
      next,
      where,
    ),
    h(
      "div",
      { style: "display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 6px 24px" },
      h("div", { style: half }, h("div", { style: "display: flex; gap: 10px" }, pictureBox, facts), features),
      h(
        "div",
        { style: half },
        barsTitle,
        barsBox,
        h(
          "div",
          { class: "clsviz-row", style: "justify-content: space-between" },
          h("span", { style: "color: var(--clsviz-fg2)" }, "nearest trained on"),
          selectAll,
        ),
        neighbourBox,
      ),
    ),
  );

  let drawn: { data: Dataset; sample: number } | null = null; // what picture, features and neighbours show
  let near: Neighbours | null = null;
  let tiles: { draw(): void } | null = null;
  let imagesStale = true;
  let verdict: Verdict | null = null;
  const temperature = () => store.get<number | null>("temperature") ?? 1;

  const whenJudged = whenChanged();
  const draw = (still: boolean) => {
    const notice = commonNotice(session);
    panel.notice(notice);
    const at = notice ? null : shownTilted(session, store);
    const data = session.dataset;
    const sample = at ? markedSample(session, store) : null;
    panel.setHovered(at?.hovered ?? false);
    if (!at || !data || sample === null) return panel.status("No sample to show yet.");
    if (drawn?.data !== data || drawn.sample !== sample) showSample(data, sample);
    verdict = judge(at, data, sample);
    say(where, place(sample));
    whenJudged([data, sample, verdict.guess, verdict.confidence, verdict.loss], () =>
      say(facts, ...factLines(data, verdict!)),
    );
    say(barsTitle, `probabilities at T = ${temperature().toFixed(2)}`);
    if (imagesStale && data.imageShape) {
      drawImage(picture, data, sample);
      tiles?.draw();
      imagesStale = false;
    }
    const { g, w, h: height } = bars.begin();
    drawBars(g, colours(bars.el), w, height, verdict);
    if (still) bars.el.setAttribute("aria-label", barWords(verdict));
    panel.status(...shownWord(at), ...words(data, verdict));
  };

  const barWords = ({ names, p }: Verdict) =>
    `Probabilities: ${names.map((name, k) => `${name} ${p[k]!.toFixed(3)}`).join(", ")}`;

  /** What depends on the sample alone is built once per sample. */
  const showSample = (data: Dataset, sample: number) => {
    drawn = { data, sample };
    imagesStale = true;
    pictureBox.hidden = data.imageShape === null;
    features.hidden = data.imageShape !== null || data.d === 0;
    picture.el.setAttribute("aria-label", `Sample ${sample} as an image`);
    if (!features.hidden) rows.replaceChildren(...featureRows(data, sample));
    barsBox.style.height = `${lines(data.k) * LINE}em`;
    near = data.d > 0 ? nearest(data.X, data.d, sample, data.train, NEIGHBOURS) : null;
    selectAll.disabled = !near?.index.length;
    if (!near?.index.length) {
      tiles = null;
      return say(neighbourBox, "No inputs to compare with.");
    }
    const made = neighbourButtons(data, near, data.yClean[sample]!, (i) => store.set("marked", i));
    tiles = made;
    const focused = neighbourBox.matches(":focus-within"); // a neighbour was chosen by key: stay among them
    neighbourBox.replaceChildren(made.el);
    if (focused) neighbourBox.querySelector("button")?.focus();
  };

  const judge = (at: Shown, data: Dataset, sample: number): Verdict => {
    const logits = logitsOf(session, at, [sample]);
    const p = softmaxRow(logits, 0, data.k, temperature());
    const guess = argmax(logits);
    const label = data.y[sample]!;
    // from the logits: p itself may have rounded to 0
    const top = logits[guess]!;
    const loss = -Math.log(p[guess]!) + (top - logits[label]!) / temperature();
    return {
      sample,
      p,
      logits,
      names: data.classNames,
      truth: data.yClean[sample]!,
      label,
      guess,
      confidence: p[guess]!,
      loss,
    };
  };

  /** Samples to walk through: the selected ones, or all that are validated on; the worst first. */
  const walk = (): { order: Int32Array; selected: boolean } | null => {
    const data = session.dataset;
    const here = present(session, store);
    const at = here && shownAt(session, here.snapshot, here.member);
    if (!data || !at) return null;
    const selection = store.get<Int32Array | null>("selection");
    const selected = selection !== null && selection.length > 0;
    return { order: worstFirst(session, at, selected ? selection : at.rows), selected };
  };
  const go = (by: number) => {
    const list = walk();
    if (!list || !drawn) return;
    const { order } = list;
    const place = order.indexOf(drawn.sample);
    const to = place < 0 ? 0 : (place + by + order.length) % order.length;
    store.set("marked", order[to]!);
  };
  const place = (sample: number): string => {
    const list = walk();
    if (!list) return "";
    const i = list.order.indexOf(sample);
    return `${i < 0 ? "–" : i + 1}/${list.order.length}${list.selected ? " selected" : ", worst first"}`;
  };

  const factLines = (data: Dataset, v: Verdict): HTMLElement[] => {
    const name = (k: number) => data.classNames[k]!;
    const isWrong = v.guess !== v.truth;
    const part = data.validation.includes(v.sample) ? "validation" : "training part";
    const fact = (...parts: (Node | string)[]) =>
      h(
        "div",
        { style: "overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-height: 1lh" },
        ...parts,
      );
    return [
      fact(b(`sample ${v.sample}`), `, ${part}`),
      fact("true class ", b(name(v.truth)), v.label === v.truth ? "" : `, labelled ${name(v.label)}`),
      fact(
        "network: ",
        h("b", { style: isWrong ? "color: var(--clsviz-gap)" : null }, name(v.guess)),
        isWrong ? ", wrong" : ", right",
      ),
      fact(`confidence ${v.confidence.toFixed(2)}`),
      fact(`loss ${v.loss.toFixed(3)} (−log p of ${name(v.label)})`),
    ];
  };

  const words = (data: Dataset, v: Verdict): (Node | string)[] => {
    const name = (k: number) => data.classNames[k]!;
    const says = `The network says ${name(v.guess)} with ${Math.round(100 * v.confidence)}\u00a0%`;
    const verb = v.guess === v.truth ? "; that is right." : `; it is ${name(v.truth)}.`;
    const parts: (Node | string)[] = [b(says), verb];
    if (v.label !== v.truth) parts.push(` It is labelled ${name(v.label)} by mistake.`);
    if (!near?.index.length) return parts;
    const like = near.index.filter((i) => data.y[i] === v.truth).length;
    return [
      ...parts,
      ` Of its ${near.index.length} nearest neighbours ${like} are labelled ${name(v.truth)}.`,
    ];
  };

  const table = (): TableData => {
    const v = verdict;
    return {
      columns: ["class", "probability", "logit", "is"],
      rows: v
        ? v.names.map((name, k) => {
            const is = [
              k === v.truth && "truth",
              k === v.guess && "guess",
              k === v.label && k !== v.truth && "label",
            ];
            return [name, v.p[k]!, v.logits[k]!, is.filter(Boolean).join(", ")];
          })
        : [],
    };
  };

  return redraw(draw, {
    session,
    store,
    panel,
    boxes: [bars.el],
    keys: ["temperature", "step", "member", "selection", "marked", "hover", ...RULE_KEYS],
    events: ["data", "snapshots", "run", "alive"],
    finer: true, // the bars in words
    relook() {
      imagesStale = true;
    },
  }).close;
};
