import { Widget } from "@lumino/widgets";
import entries from "./catalogue.json";
import { type Entry, type EntryRow, entryRow } from "./entry";
import { labIcon } from "./icon";
import { RunList } from "./runlist";
import type { KernelRuns } from "./runs";

const GROUPS: Record<string, string> = {
  view: "Views",
  data: "Data",
  transform: "Changes to data",
  model: "Models",
  loss: "Losses",
  optimizer: "Optimisers",
  method: "Training methods",
  measure: "Measures",
  calibrator: "Calibrators",
  probe: "Probes",
};

/** Whether every word occurs in id, title, paper or summary. */
export function matches(entry: Entry, query: string): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const text =
    `${entry.id} ${entry.title} ${entry.paper} ${entry.summary} ${GROUPS[entry.kind] ?? ""}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Side panel: the live runs of the kernels, and everything the catalogue holds, with a search box. */
export class CataloguePanel extends Widget {
  private readonly list = document.createElement("div");
  private readonly status = document.createElement("p");
  private readonly runs: RunList;
  private rows: EntryRow[] = [];

  /** `use` puts code in front of the user and says in words what it did. */
  constructor(
    private readonly use: (code: string) => Promise<string>,
    private readonly kernels: KernelRuns,
  ) {
    super();
    this.id = "clsviz-catalogue";
    this.addClass("clsviz-catalogue");
    this.title.icon = labIcon;
    this.title.caption = "Classifier catalogue and live runs";
    this.runs = new RunList(kernels);

    const heading = document.createElement("h2");
    heading.textContent = "Classifier catalogue";
    const search = document.createElement("input");
    search.type = "search";
    search.placeholder = "Search by name or paper";
    search.setAttribute("aria-label", "Search the catalogue");
    search.addEventListener("input", () => this.find(search.value));
    search.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") this.rows[0]?.head.focus();
    });
    this.list.className = "clsviz-entries";
    this.list.addEventListener("keydown", (event) => this.walk(event));
    this.status.setAttribute("role", "status");
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", this.title.caption);
    this.node.append(heading, search, this.runs.el, this.status, this.list);
    this.find("");
  }

  protected override onAfterShow(): void {
    this.kernels.watch();
  }

  protected override onAfterHide(): void {
    this.kernels.unwatch();
  }

  override dispose(): void {
    this.kernels.unwatch();
    super.dispose();
  }

  private find(query: string): void {
    const found = entries.filter((entry) => matches(entry, query));
    const kinds = [...new Set([...Object.keys(GROUPS), ...found.map((entry) => entry.kind)])];
    this.rows = [];
    this.list.replaceChildren(
      ...kinds.flatMap((kind) => {
        const group = found.filter((entry) => entry.kind === kind);
        return group.length ? [this.group(GROUPS[kind] ?? kind, group)] : [];
      }),
    );
    this.status.textContent = found.length
      ? `${found.length} of ${entries.length} entries. Enter opens one, Insert writes a cell.`
      : "Nothing found. Try fewer words.";
  }

  private group(name: string, group: Entry[]): HTMLElement {
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.textContent = name;
    const list = document.createElement("ul");
    for (const entry of group) {
      const row = entryRow(entry, (cell) => void this.insert(cell));
      this.rows.push(row);
      list.append(row.el);
    }
    section.append(heading, list);
    return section;
  }

  private async insert(cell: string): Promise<void> {
    this.status.textContent = await this.use(cell);
  }

  /** Arrow keys go from entry to entry; Tab reaches what lies within. */
  private walk(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = this.rows.findIndex((row) => row.head === event.target);
    if (!step || at < 0) return;
    this.rows[at + step]?.head.focus();
    event.preventDefault();
  }
}
