import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { Contents, KernelSpec } from "@jupyterlab/services";

const NAME = "Classifier lab";
const INTRODUCTION = `# Classifier lab

A classifier trains below; move a slider and every view answers. Change the data, model or loss here or in the lab itself.`;
const CODE = `import clsviz as cv
lab = cv.Lab("digits", model="mlp", loss="cross_entropy")
lab`;

/** The part of a notebook panel that is needed to run it. */
interface Opened {
  context: { ready: Promise<void> };
  sessionContext: { ready: Promise<void> };
}

/** Writes a fresh notebook into `folder`, opens it and runs it; resolves with its path. */
export async function openLab(app: JupyterFrontEnd, folder: string): Promise<string> {
  const { contents, kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const path = await freePath(contents, folder);
  await contents.save(path, { type: "notebook", format: "json", content: content(kernelspecs.specs) });
  const panel: Opened = await app.commands.execute("docmanager:open", { path, factory: "Notebook" });
  await panel.context.ready;
  await panel.sessionContext.ready; // before there is a kernel, "run all" would ask for one and run nothing
  await app.commands.execute("notebook:run-all-cells");
  return path;
}

/** "Classifier lab.ipynb" in `folder`, numbered when that is taken. */
async function freePath(contents: Contents.IManager, folder: string): Promise<string> {
  const listing = await contents.get(folder, { content: true });
  const taken = new Set((listing.content as Contents.IModel[]).map((file) => file.name));
  let name = `${NAME}.ipynb`;
  for (let i = 1; taken.has(name); i++) name = `${NAME} ${i}.ipynb`;
  return folder ? `${folder.replace(/\/$/, "")}/${name}` : name;
}

function content(specs: KernelSpec.ISpecModels | null): object {
  const cell = { metadata: {}, id: "" };
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: pythonKernel(specs) },
    cells: [
      { ...cell, id: "title", cell_type: "markdown", source: INTRODUCTION },
      { ...cell, id: "lab", cell_type: "code", source: CODE, outputs: [], execution_count: null },
    ],
  };
}

/** The server's default kernel if it speaks Python, else the first that does. */
function pythonKernel(specs: KernelSpec.ISpecModels | null): object {
  const all = Object.values(specs?.kernelspecs ?? {});
  const python = all.filter((spec) => spec?.language === "python");
  const chosen = python.find((spec) => spec?.name === specs?.default) ?? python[0];
  const name = chosen?.name ?? "python3";
  return { name, display_name: chosen?.display_name ?? name, language: "python" };
}
