/** The live runs with pause and stop, the ended ones folded away; rows stay in place while their numbers change. */

import type { KernelRuns, KernelTable, RunRow, Steer } from "./runs";

const CAN_PAUSE = new Set(["running"]);
const CAN_RESUME = new Set(["paused", "ready"]);

export class RunList {
  readonly el = document.createElement("section");
  private readonly open = fold("clsviz-open", true);
  private readonly ended = fold("clsviz-ended", false);
  private readonly status = document.createElement("p");
  private readonly rows = new Map<string, Row>();

  constructor(private readonly kernels: KernelRuns) {
    const heading = document.createElement("h2");
    heading.textContent = "Live runs";
    this.status.setAttribute("role", "status");
    this.el.className = "clsviz-runs";
    this.el.setAttribute("aria-label", "Live runs");
    this.el.append(heading, this.status, this.open, this.ended);
    kernels.onChange(() => this.show());
    this.show();
  }

  private show(): void {
    const tables = this.kernels.tables();
    const wanted = new Map<string, [KernelTable, RunRow]>();
    for (const table of tables)
      for (const run of table.runs) wanted.set(`${table.session}:${run.run}`, [table, run]);
    for (const [key, row] of this.rows) {
      if (wanted.has(key)) continue;
      row.el.remove();
      this.rows.delete(key);
    }
    for (const [key, [table, run]] of wanted) {
      let row = this.rows.get(key);
      if (!row) {
        row = new Row((how) => this.kernels.steer(table.session, run.run, how));
        this.rows.set(key, row);
      }
      const list = CAN_PAUSE.has(run.state) || CAN_RESUME.has(run.state) ? this.open : this.ended;
      if (row.el.parentElement !== list) list.append(row.el);
      row.show(table.name, run);
    }
    name(this.open, "can be trained");
    name(this.ended, "finished");
    const errors = tables.map((t) => t.error).filter(Boolean);
    const training = [...wanted.values()].filter(([, run]) => run.state === "running").length;
    const words = wanted.size
      ? `${wanted.size} ${wanted.size === 1 ? "run" : "runs"}, ${training} training.`
      : "No run lives in a kernel of this server.";
    const text = [words, ...errors].join(" ");
    if (this.status.textContent !== text) this.status.textContent = text; // said once, not each second
  }
}

function fold(kind: string, open: boolean): HTMLDetailsElement {
  const el = document.createElement("details");
  el.className = kind;
  el.open = open;
  el.append(document.createElement("summary"));
  return el;
}

/** "14 finished"; nothing where there are none. */
function name(list: HTMLDetailsElement, words: string): void {
  const count = list.children.length - 1; // all but the summary
  list.hidden = count === 0;
  const text = `${count} ${words}`;
  const summary = list.firstElementChild!;
  if (summary.textContent !== text) summary.textContent = text;
}

class Row {
  readonly el = document.createElement("article");
  private readonly title = document.createElement("b");
  private readonly where = document.createElement("small");
  private readonly numbers = document.createElement("span");
  private readonly progress = document.createElement("progress");
  private readonly play: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private state = "";

  constructor(steer: (how: Steer) => void) {
    const button = (click: () => void) => {
      const el = document.createElement("button");
      el.type = "button";
      el.addEventListener("click", click);
      return el;
    };
    this.play = button(() => steer(CAN_PAUSE.has(this.state) ? "pause" : "resume"));
    this.stop = button(() => steer("stop"));
    this.stop.textContent = "Stop";
    this.stop.title = "Ends the run for good; what was learnt stays readable";
    const buttons = document.createElement("div");
    buttons.append(this.play, this.stop);
    this.progress.setAttribute("aria-label", "Training");
    this.el.append(this.title, this.where, this.progress, this.numbers, buttons);
  }

  show(notebook: string, run: RunRow): void {
    const name = `${run.data}, ${run.model}, ${run.loss}`;
    this.state = run.state;
    const fan = `${run.kind} of ${run.networks} networks over ${run.varied.join(" and ") || "seeds"}`;
    this.title.textContent = run.kind === "Run" ? name : `${fan}: ${name}`;
    this.where.textContent = notebook;
    this.progress.max = run.epochs || 1;
    this.progress.value = Math.min(run.epoch, run.epochs || 1);
    const accuracy = run.accuracy === null ? "" : `, accuracy ${(100 * run.accuracy).toFixed(1)}\u00a0%`;
    const why = run.message ? `: ${run.message}` : "";
    this.numbers.textContent = `${run.state}${why}, epoch ${run.epoch} of ${run.epochs}${accuracy}`;
    const pausing = CAN_PAUSE.has(run.state);
    this.play.textContent = pausing ? "Pause" : "Resume";
    this.play.disabled = !pausing && !CAN_RESUME.has(run.state);
    this.play.setAttribute("aria-label", `${this.play.textContent} ${name} of ${notebook}`);
    this.stop.disabled = !pausing && !CAN_RESUME.has(run.state);
    this.stop.setAttribute("aria-label", `Stop ${name} of ${notebook}`);
  }
}
