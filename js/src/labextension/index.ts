import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Clipboard, ICommandPalette } from "@jupyterlab/apputils";
import { IDefaultFileBrowser } from "@jupyterlab/filebrowser";
import { ILauncher } from "@jupyterlab/launcher";
import { labIcon, labIconUrl } from "./icon";
import { openLab } from "./notebook";
import { CataloguePanel } from "./panel";
import { KernelRuns } from "./runs";
import { showSavedViews } from "./saved";

const OPEN_LAB = "clsviz:open-lab";

/** Puts code into a new cell of the notebook in front, or on the clipboard when there is none. */
async function useCode(app: JupyterFrontEnd, code: string): Promise<string> {
  const { commands } = app;
  if (
    !commands.hasCommand("notebook:insert-cell-below") ||
    !commands.isEnabled("notebook:insert-cell-below")
  ) {
    Clipboard.copyToSystem(code);
    return `Copied the cell, as no notebook is open: ${last(code)}`;
  }
  await commands.execute("notebook:insert-cell-below");
  await commands.execute("notebook:replace-selection", { text: code });
  return `Put into a new cell: ${last(code)}`;
}

const last = (code: string): string => code.slice(code.lastIndexOf("\n") + 1);

function activate(
  app: JupyterFrontEnd,
  launcher: ILauncher | null,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  browser: IDefaultFileBrowser | null,
): void {
  app.commands.addCommand(OPEN_LAB, {
    label: "Classifier lab",
    caption: "Open a notebook in which a classifier trains live",
    icon: labIcon,
    execute: (args) => openLab(app, (args.cwd as string | undefined) ?? browser?.model.path ?? ""),
  });
  launcher?.add({ command: OPEN_LAB, category: "Notebook", rank: 10, kernelIconUrl: labIconUrl });
  palette?.addItem({ command: OPEN_LAB, category: "Classifiers" });

  showSavedViews(app);

  const panel = new CataloguePanel((code) => useCode(app, code), new KernelRuns(app.serviceManager));
  app.shell.add(panel, "left", { rank: 600 });
  restorer?.add(panel, panel.id);
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: "clsviz:lab",
  description:
    "A launcher card that opens the classifier lab, the catalogue as a side panel, views in saved notebooks.",
  autoStart: true,
  optional: [ILauncher, ICommandPalette, ILayoutRestorer, IDefaultFileBrowser],
  activate,
};

export default plugin;
