import { Widget } from "@lumino/widgets";
import entries from "./catalogue.json";
import { labIcon } from "./icon";

export type Entry = (typeof entries)[number];

const GROUPS: Record<string, string> = {
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

/** One line of Python that shows the entry at work: a lab made of it, or its documentation. */
export function snippet({ id, kind }: Entry): string {
  const name = JSON.stringify(id.slice(id.indexOf(".") + 1));
  if (kind === "data") return `import clsviz as cv; cv.Lab(${name})`;
  if (["model", "loss", "optimizer", "method"].includes(kind)) {
    return `import clsviz as cv; cv.Lab("digits", ${kind}=${name})`;
  }
  return `import clsviz as cv; help(cv.${id})`;
}

/** Side panel: everything the catalogue holds, with a search box; a click hands over a line of code. */
export class CataloguePanel extends Widget {
  private readonly list = document.createElement("div");
  private readonly status = document.createElement("p");

  /** `use` puts code in front of the user and says in words what it did. */
  constructor(private readonly use: (code: string) => Promise<string>) {
    super();
    this.id = "clsviz-catalogue";
    this.addClass("clsviz-catalogue");
    this.title.icon = labIcon;
    this.title.caption = "Classifier catalogue";

    const heading = document.createElement("h2");
    heading.textContent = "Classifier catalogue";
    const search = document.createElement("input");
    search.type = "search";
    search.placeholder = "Search by name or paper";
    search.setAttribute("aria-label", "Search the catalogue");
    search.addEventListener("input", () => this.find(search.value));
    this.status.setAttribute("role", "status");
    this.node.append(heading, search, this.status, this.list);
    this.find("");
  }

  private find(query: string): void {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const found = entries.filter((entry) => {
      const text = `${entry.id} ${entry.title} ${entry.paper} ${entry.summary}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const kinds = [...new Set([...Object.keys(GROUPS), ...found.map((entry) => entry.kind)])];
    this.list.replaceChildren(
      ...kinds.flatMap((kind) => {
        const group = found.filter((entry) => entry.kind === kind);
        return group.length ? [this.group(GROUPS[kind] ?? kind, group)] : [];
      }),
    );
    this.status.textContent = found.length
      ? `${found.length} of ${entries.length} entries. A click puts a line of code into the notebook.`
      : "Nothing found. Try fewer words.";
  }

  private group(name: string, group: Entry[]): HTMLElement {
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.textContent = name;
    section.append(heading, ...group.map((entry) => this.row(entry)));
    return section;
  }

  private row(entry: Entry): HTMLElement {
    const button = document.createElement("button");
    button.type = "button";
    button.title = entry.summary;
    const title = document.createElement("span");
    title.textContent = entry.title;
    const paper = document.createElement("small");
    paper.textContent = entry.paper;
    button.append(title, paper);
    button.addEventListener("click", async () => {
      this.status.textContent = await this.use(snippet(entry));
    });
    return button;
  }
}
