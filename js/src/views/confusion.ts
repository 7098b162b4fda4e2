/** Confusion matrix: which classes are taken for which; a click selects a cell's samples. */

import {
  type Confusion,
  cellSamples,
  confusion,
  mostConfusedPair,
  rankedApart,
  unseenClass,
} from "../core/confusion";
import { markedSample } from "../core/marked";
import { RULE_KEYS, shownTilted } from "../core/overlay";
import { selectedMask } from "../core/samples";
import { click, type Selection, type SetOp, selectionWords, setOp } from "../core/selection";
import { logitsOf, type Shown } from "../core/shown";
import { argmax } from "../core/softmax";
import { makeCanvas, operable } from "../draw/canvas";
import { b, h, SET_KEYS } from "../draw/dom";
import { commonNotice, makePanel, shownWord, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { type Cell, cellAt, drawConfusion, type Layout, layout, readout } from "./confusion/picture";
import type { Mount } from "./mount";

/** A matrix is not stretched over a wide page. */
const SQUARISH = "width: 100%; max-width: calc(1.7 * var(--clsviz-plot)); margin: 0 auto";

const matrices = new WeakMap<Shown, Confusion>();

/** The confusion matrix of a network; its guesses do not depend on the temperature. */
function matrixOf(at: Shown, k: number): Confusion {
  const found = matrices.get(at) ?? confusion(at.logits, at.labels, k);
  matrices.set(at, found);
  return found;
}

export const mountConfusion: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "confusion", title: "Confusion matrix", table: () => table() });
  const canvas = operable(
    makeCanvas(""),
    `Cells of the confusion matrix: arrow keys move, Enter selects the samples of a cell (${SET_KEYS}), Escape clears`,
  );
  panel.body.append(h("div", { class: "clsviz-plot", style: SQUARISH }, canvas.el));

  /** What the pointer and the keys act on: the picture as last drawn. */
  let drawn: { at: Shown; matrix: Confusion; layout: Layout } | null = null;
  let cursor: (Cell & { keys: boolean }) | null = null;

  const draw = () => {
    const notice = commonNotice(session);
    panel.notice(notice);
    const at = notice ? null : shownTilted(session, store);
    const data = session.dataset;
    panel.setHovered(at?.hovered ?? false);
    if (!at || !data) return panel.status("Nothing to count yet.");
    const matrix = matrixOf(at, data.k);
    if (cursor && Math.max(cursor.a, cursor.b) >= data.k) cursor = null;
    const { g, w, h: height } = canvas.begin();
    const place = layout(g, w, height, data.classNames);
    drawn = { at, matrix, layout: place };
    drawConfusion(g, colours(canvas.el), place, {
      matrix,
      names: data.classNames,
      selected: shareHere(selectedCounts(at, matrix)),
      marked: markedCell(at),
      cursor,
    });
    panel.status(...words(at, matrix));
  };

  const selectedCounts = (at: Shown, matrix: Confusion): Int32Array | null => {
    const mask = selectedMask(store.get<Int32Array | null>("selection"), session.dataset!.n);
    if (!mask) return null;
    const counts = new Int32Array(matrix.counts.length);
    matrix.predicted.forEach((guess, i) => {
      counts[at.labels[i]! * matrix.k + guess]! += mask[at.rows[i]!]!;
    });
    return counts;
  };

  /** Nothing of the selection is here: the words say so, the cells stay as they are. */
  const shareHere = (counts: Int32Array | null) => (counts?.some((v) => v > 0) ? counts : null);

  const markedCell = (at: Shown): Cell | null => {
    const sample = markedSample(session, store);
    if (sample === null || !session.dataset!.validation.includes(sample)) return null; // not among those counted
    return { a: session.dataset!.y[sample]!, b: argmax(logitsOf(session, at, [sample])) };
  };

  const words = (at: Shown, matrix: Confusion): (Node | string)[] => {
    const names = session.dataset!.classNames;
    const parts: (Node | string)[] = [
      ...shownWord(at),
      b(`Accuracy ${(100 * matrix.accuracy).toFixed(1)}\u00a0%`),
      `: ${matrix.right} of ${at.rows.length} right. `,
    ];
    const pair = mostConfusedPair(matrix);
    const unseen = unseenClass(session.dataset!);
    const apart = unseen === null ? Number.NaN : rankedApart(at.logits, at.labels, unseen);
    if (!Number.isNaN(apart)) {
      parts.push(
        "None of ",
        b(names[unseen!]!),
        " was trained on: the border is not learnt, the ranking is: ",
      );
      parts.push(b(`AUROC ${apart.toFixed(3)}`), ".");
    } else if (pair) {
      const [i, j] = pair;
      const [there, back] = [matrix.counts[i * matrix.k + j]!, matrix.counts[j * matrix.k + i]!];
      parts.push("Most confused: ", b(`${names[i]} and ${names[j]}`), ` (${there} + ${back} times).`);
    } else parts.push("No sample is wrong.");
    const counts = selectedCounts(at, matrix);
    if (counts) {
      const here = counts.reduce((sum, v) => sum + v, 0);
      const [count, where] = selectionWords(store.get<Int32Array>("selection"), here, session.dataset!);
      parts.push(" ", b(count.replace(/^n/, "N")), `${where}.`);
    }
    return parts;
  };

  const table = (): TableData => {
    const names = session.dataset?.classNames ?? [];
    const matrix = drawn?.matrix;
    return {
      columns: ["true \\ predicted", ...names],
      rows: matrix
        ? names.map((name, a) => [name, ...matrix.counts.subarray(a * matrix.k, (a + 1) * matrix.k)])
        : [],
    };
  };

  /** Selects the samples of a cell (a second time: lets them go); an error also chooses the pair of classes. */
  const choose = (cell: Cell, op: SetOp) => {
    const { at, matrix } = drawn!;
    const own = cellSamples(matrix, at.labels, at.rows, cell.a, cell.b);
    const next = click(store.get<Selection>("selection"), own, op);
    store.set("selection", next);
    if (cell.a !== cell.b && next && op !== "remove") store.set("pair", [cell.a, cell.b]);
  };
  const moveCursor = (to: (Cell & { keys: boolean }) | null) => {
    if (to?.a === cursor?.a && to?.b === cursor?.b && to?.keys === cursor?.keys) return;
    cursor = to;
    if (to && drawn)
      canvas.el.setAttribute("aria-description", readout(drawn.matrix, session.dataset!.classNames, to));
    frame.ask();
  };

  const under = (e: PointerEvent) =>
    drawn ? cellAt(drawn.layout, drawn.matrix.k, e.offsetX, e.offsetY) : null;
  canvas.el.addEventListener("pointermove", (e) => {
    const cell = under(e);
    moveCursor(cell && { ...cell, keys: false });
  });
  canvas.el.addEventListener("pointerleave", () => moveCursor(null));
  canvas.el.addEventListener("blur", () => moveCursor(null));
  canvas.el.addEventListener("pointerdown", (e) => {
    const cell = under(e);
    if (cell && e.button === 0) choose(cell, setOp(e));
  });
  canvas.el.addEventListener("keydown", (e) => {
    if (!drawn) return;
    const last = drawn.matrix.k - 1;
    const { a, b } = cursor ?? { a: 0, b: 0 };
    const to = {
      ArrowLeft: [a, b - 1],
      ArrowRight: [a, b + 1],
      ArrowUp: [a - 1, b],
      ArrowDown: [a + 1, b],
      Home: [a, 0],
      End: [a, last],
      PageUp: [0, b],
      PageDown: [last, b],
    }[e.key];
    const clamp = (i: number) => Math.min(last, Math.max(0, i));
    if (to)
      moveCursor(cursor ? { a: clamp(to[0]!), b: clamp(to[1]!), keys: true } : { a: 0, b: 0, keys: true });
    else if ((e.key === "Enter" || e.key === " ") && cursor) choose(cursor, setOp(e));
    else if (e.key === "Escape") store.set("selection", null);
    else return;
    e.preventDefault();
  });

  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [canvas.el],
    keys: ["step", "member", "selection", "marked", "hover", ...RULE_KEYS],
    events: ["data", "snapshots", "run", "alive"],
  });
  return frame.close;
};
