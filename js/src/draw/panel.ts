/** The frame round every view: title, controls, picture, one line in words, states, table. */

import type { Session, Snapshot } from "../core/session";
import type { Shown } from "../core/shown";
import { b, h, say } from "./dom";
import { errorCard } from "./errorcard";
import { button } from "./knobs";
import { sizeOf } from "./size";

const REFILL = 150; // ms that the numbers must rest before an open table follows: it is slower than a picture

export interface TableData {
  columns: string[];
  rows: (string | number)[][];
}

export interface PanelOptions {
  view: string; // value of data-view
  title: string;
  /** The numbers on screen, for "show as table" and "copy". */
  table(): TableData;
}

export interface Panel {
  root: HTMLElement;
  /** Small controls beside the title. */
  controls: HTMLElement;
  body: HTMLElement;
  /** The `role="status"` line: the view's main numbers in words. */
  status(...parts: (Node | string)[]): void;
  /** Dashed edge while the network shown is the hovered one. */
  setHovered(hovered: boolean): void;
  /** Replaces the picture (its size stays) by a notice, or brings the picture back (null). */
  notice(notice: Notice | null): void;
  /** Runs drawing code; an exception becomes a readable box, the last good numbers stay. */
  guard(draw: () => void): void;
  destroy(): void;
}

export interface Notice {
  tone: "plain" | "warn" | "error";
  title: string;
  text: string;
  /** 0..1, as a bar. */
  progress?: number;
  actions?: { name: string; run(): void; primary?: boolean }[];
}

export function makePanel(parent: HTMLElement, o: PanelOptions): Panel {
  const controls = h("div", { style: "display: contents" });
  const body = h("div", { class: "clsviz-body" });
  const status = h("p", { role: "status", class: "clsviz-status" });
  const tableBox = h("div", {
    class: "clsviz-table",
    hidden: true,
    tabindex: 0,
    role: "region",
    "aria-label": `${o.title}: table`,
  });
  const cover = h("div", { class: "clsviz-notice", hidden: true });
  const more = button(
    "Table",
    () => {
      tableBox.hidden = !tableBox.hidden;
      more.setAttribute("aria-pressed", String(!tableBox.hidden));
      if (!tableBox.hidden) fill();
    },
    { class: "clsviz-small", "aria-pressed": "false", title: "Show the numbers as a table" },
  );
  const root = h(
    "section",
    { class: "clsviz-view", "data-view": o.view, "aria-label": o.title },
    h("header", {}, h("h3", {}, o.title), h("div", { class: "clsviz-controls" }, controls, more)),
    h("div", { class: "clsviz-stage" }, body, cover, tableBox),
    status,
  );
  parent.append(root);

  const fill = () => {
    const { columns, rows } = o.table();
    tableBox.replaceChildren(
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ...columns.map((c) => h("th", { scope: "col" }, c)))),
        h(
          "tbody",
          {},
          ...rows.map((r) =>
            h("tr", {}, ...r.map((v) => h("td", {}, typeof v === "number" ? format(v) : v))),
          ),
        ),
      ),
      button(
        "Copy",
        () => void navigator.clipboard?.writeText([columns, ...rows].map((r) => r.join("\t")).join("\n")),
        { class: "clsviz-small" },
      ),
    );
  };

  let noticeKey = "null";
  let fault = ""; // what the card on show says; the drawing that may mend it must not build it anew
  let said = "";
  let refill: ReturnType<typeof setTimeout> | undefined;
  const mended = () => {
    fault = "";
    panel.notice(null);
  };
  const panel: Panel = {
    root,
    controls,
    body,
    status(...parts) {
      const words = parts.map((p) => (typeof p === "string" ? p : p.textContent)).join("\0");
      if (words !== said) say(status, ...parts);
      said = words;
      if (tableBox.hidden) return;
      clearTimeout(refill);
      refill = setTimeout(fill, REFILL);
    },
    setHovered(hovered) {
      root.classList.toggle("clsviz-hovered", hovered);
    },
    notice(notice) {
      const key = JSON.stringify(notice);
      if (fault && key === "null") return;
      fault = "";
      if (key === noticeKey) return; // building its buttons anew would swallow a press
      noticeKey = key;
      cover.hidden = notice === null;
      body.classList.toggle("clsviz-covered", notice !== null);
      if (!notice) return;
      cover.className = `clsviz-notice clsviz-${notice.tone}`;
      cover.replaceChildren(
        h("h4", {}, notice.title),
        h("p", {}, notice.text),
        notice.progress === undefined
          ? ""
          : h("progress", { max: 1, value: notice.progress, "aria-label": notice.title }),
        h(
          "div",
          { class: "clsviz-row" },
          ...(notice.actions ?? []).map((a) =>
            button(a.name, a.run, { class: a.primary ? "clsviz-primary" : null }),
          ),
        ),
      );
    },
    guard(draw) {
      if (sizeOf(root).w === 0) return; // hidden: drawn when its size comes back
      try {
        draw();
        root.classList.remove("clsviz-broken");
        if (fault) mended();
      } catch (error) {
        root.classList.add("clsviz-broken");
        console.error(`clsviz, ${o.view}:`, error);
        if (fault === String(error)) return; // it stands there already
        fault = String(error);
        noticeKey = "fault";
        const again = () => {
          mended();
          panel.guard(draw);
        };
        cover.className = "clsviz-notice clsviz-error";
        cover.replaceChildren(errorCard({ title: `${o.title} could not be drawn`, error, again }));
        cover.hidden = false;
        body.classList.add("clsviz-covered");
      }
    },
    destroy() {
      clearTimeout(refill);
      root.remove();
    },
  };
  return panel;
}

function format(v: number): string {
  return Number.isInteger(v) ? String(v) : Number.isFinite(v) ? v.toPrecision(4) : "–";
}

/** Notice of the states all views share; null when there is something to draw. */
export function commonNotice(session: Session): Notice | null {
  if (session.snapshots.length > 0) return null;
  const run = session.run;
  if (!run) {
    return session.alive
      ? { tone: "plain", title: "Waiting for the kernel", text: "The data are on their way." }
      : { tone: "warn", title: "Kernel is gone", text: "Nothing had arrived yet. Run the cell again." };
  }
  if (run.state === "failed") return { tone: "error", title: "Training failed", text: run.message };
  return {
    tone: "plain",
    title: "Nothing trained yet",
    text: run.trainable
      ? "Press Train, or choose other data. The sliders wake up with the first snapshot."
      : "Call step() in your training loop; the first snapshot appears here.",
    actions: run.trainable
      ? [{ name: "Train", primary: true, run: () => session.send({ kind: "command", name: "train" }) }]
      : [],
  };
}

/** Notice of views that look at samples one by one; null where they can. */
export const tooManyNotice = (session: Session): Notice | null =>
  session.predictions
    ? { tone: "plain", title: "Too many", text: "So many predictions are not looked at one by one." }
    : null;

/** What a status line begins with when it is not about the network asked for: hovered, or still on its way. */
export function hoveredWord(at: Partial<Shown> & { hovered: boolean }): (Node | string)[] {
  if (at.hovered) return [b("Hovered:"), " "];
  if (!at.awaited || !at.snapshot) return [];
  const epoch = (s: Snapshot) => `epoch ${Number(s.epoch.toFixed(2))}`;
  const shown = at.snapshot.epoch === at.awaited.epoch ? "the run itself" : epoch(at.snapshot);
  return [b(`${epoch(at.awaited)} of this network is on its way, shown is ${shown}:`), " "];
}

/** What is shown where it is not the network itself: "Hovered: ", "Tilted: ". */
export function shownWord(at: Partial<Shown> & { hovered: boolean }): (Node | string)[] {
  return [...hoveredWord(at), ...(at.tilted ? [b("Tilted:"), " "] : [])];
}
