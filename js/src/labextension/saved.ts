/**
 * Views in saved notebooks: each output of a view is shown live where its kernel lives, else from the data
 * that the notebook keeps; and whenever the notebook is saved, those data are written into it.
 */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { IDisposable } from "@lumino/disposable";
import type { ISignal } from "@lumino/signaling";
import { Panel, Widget } from "@lumino/widgets";
import type { Keeper, Saved } from "./views";

const SAVED_MIME = "application/vnd.clsviz+json";
const WIDGET_MIME = "application/vnd.jupyter.widget-view+json";
const RANK = -20; // before the widget renderer's -10: it would only say that the model is not found

/** The parts of JupyterLab's notebook that are used here. */
interface Bundle {
  readonly data: { readonly [mime: string]: unknown };
  setData(options: { data: Record<string, unknown> }): void;
}
interface Renderer extends Widget {
  renderModel(model: Bundle): Promise<void>;
}
interface RenderMime {
  readonly mimeTypes: readonly string[];
  createRenderer(mime: string): Renderer;
  addFactory(factory: { safe: boolean; mimeTypes: string[]; createRenderer(): Renderer }, rank: number): void;
}
interface Kernel {
  hasComm?(id: string): boolean;
  requestCommInfo(content: {
    target_name: string;
  }): Promise<{ content: { comms?: Record<string, unknown> } }>;
}
interface SessionContext {
  readonly session: { kernel: Kernel | null } | null;
  readonly connectionStatusChanged: ISignal<unknown, string>;
}
interface NotebookPanel extends Widget {
  content: { rendermime: RenderMime };
  sessionContext: SessionContext;
}
interface Context {
  saveState: ISignal<unknown, string>;
  save(): Promise<void>;
  isDisposed: boolean;
}

/** All views in one chunk of the extension, loaded with the first output that needs it. */
const loadViews = () => import("./views.js");

/** Takes over the outputs of views in every notebook that is opened from now on. */
export function showSavedViews(app: JupyterFrontEnd): void {
  app.docRegistry.addWidgetExtension("Notebook", {
    createNew: (panel, context) =>
      new SavedViews(panel as unknown as NotebookPanel, context as unknown as Context),
  });
}

/** The views of one notebook. */
class SavedViews implements IDisposable {
  private readonly outputs = new Set<ViewOutput>();
  private again = false; // this save only brings what the last one had no time to encode
  isDisposed = false;

  constructor(
    private readonly panel: NotebookPanel,
    private readonly context: Context,
  ) {
    const { rendermime } = panel.content;
    rendermime.addFactory(
      // safe: what a notebook brings is data, checked before it is shown, and never code
      { safe: true, mimeTypes: [SAVED_MIME], createRenderer: () => this.output(rendermime) },
      RANK,
    );
    context.saveState.connect(this.onSave, this);
    panel.disposed.connect(this.dispose, this);
  }

  dispose(): void {
    this.isDisposed = true;
    this.context.saveState.disconnect(this.onSave, this);
  }

  private output(rendermime: RenderMime): ViewOutput {
    const output = new ViewOutput(rendermime, this.panel.sessionContext);
    this.outputs.add(output);
    output.disposed.connect(() => this.outputs.delete(output));
    return output;
  }

  /**
   * The notebook is turned into text right after "started", so then goes in what is there at once. Numbers
   * that must be encoded first follow in a second save.
   */
  private onSave(_sender: unknown, state: string): void {
    if (state === "started") {
      for (const output of this.outputs) output.write();
    } else if (state === "completed" && !this.again) {
      const stale = [...this.outputs].filter((output) => output.stale);
      if (stale.length) void this.saveAgain(stale);
    }
  }

  private async saveAgain(outputs: ViewOutput[]): Promise<void> {
    this.again = true;
    try {
      await Promise.all(outputs.map((output) => output.encode()));
      if (!this.context.isDisposed) await this.context.save();
    } catch (error) {
      console.warn("clsviz: the views could not be kept in the notebook", error);
    } finally {
      this.again = false;
    }
  }
}

/** One output of a view: the live widget, or what was saved of it. */
class ViewOutput extends Panel implements Renderer {
  /** Whether the data in the notebook are not those on screen. */
  stale = false;
  private model: Bundle | null = null;
  private widgetId: string | null = null; // of the widget on screen
  private live = false;
  private keeper: Keeper | null = null;
  private stop: () => void = () => {};

  constructor(
    private readonly rendermime: RenderMime,
    private readonly context: SessionContext,
  ) {
    super();
    this.addClass("clsviz-output");
    context.connectionStatusChanged.connect(this.onConnection, this);
  }

  async renderModel(model: Bundle): Promise<void> {
    const id = modelId(model);
    const before = this.model;
    this.model = model;
    if (before && id === this.widgetId) return; // our own writing has changed the output, nothing else
    this.widgetId = id;
    if (this.isLive()) return this.showLive();
    await this.showSaved();
    await this.onConnection();
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.stop();
    this.context.connectionStatusChanged.disconnect(this.onConnection, this);
    super.dispose();
  }

  /** Puts what is on screen into the output. */
  write(): void {
    try {
      const kept = this.keeper?.entries();
      if (!kept || !this.model) return;
      this.stale = kept.stale;
      const data = { ...this.model.data, ...kept.data };
      if (JSON.stringify(data) !== JSON.stringify(this.model.data)) this.model.setData({ data });
    } catch (error) {
      console.warn("clsviz: a view could not be kept in the notebook", error); // the notebook itself must be
    }
  }

  async encode(): Promise<void> {
    await this.keeper?.refresh();
  }

  private isLive(): boolean {
    return this.widgetId !== null && this.context.session?.kernel?.hasComm?.(this.widgetId) === true;
  }

  /** A kernel answers: perhaps it is the one that the view lives in, as after a reload of the page. */
  private async onConnection(): Promise<void> {
    const kernel = this.context.session?.kernel;
    if (this.live || !this.widgetId || !kernel) return;
    const reply = await kernel.requestCommInfo({ target_name: "jupyter.widget" }).catch(() => null);
    const known = reply?.content.comms && this.widgetId in reply.content.comms;
    if (known && !this.live && !this.isDisposed) await this.showLive();
  }

  private async showLive(): Promise<void> {
    if (!this.model || !this.rendermime.mimeTypes.includes(WIDGET_MIME)) return this.showSaved();
    this.live = true;
    this.clear();
    const widget = this.rendermime.createRenderer(WIDGET_MIME);
    this.addWidget(widget);
    await widget.renderModel(this.model);
    const { Keeper } = await loadViews();
    const saved = this.saved();
    if (saved) this.keeper = new Keeper(this.node, saved.view, saved.name);
  }

  private async showSaved(): Promise<void> {
    this.live = false;
    this.clear();
    const saved = this.saved();
    const body = new Widget();
    this.addWidget(body);
    if (typeof saved?.data !== "string") {
      body.node.append(...this.picture(saved));
      return;
    }
    const { show, Keeper } = await loadViews();
    if (body.isDisposed) return;
    const stop = await show(body.node, saved);
    if (body.isDisposed) return stop();
    this.stop = stop;
    this.keeper = new Keeper(body.node, saved.view, saved.name, saved);
  }

  /** The static picture, where nothing else was kept. */
  private picture(saved: Saved | null): Node[] {
    const { "image/png": png, "text/plain": text } = this.model!.data;
    const note = document.createElement("p");
    const left = Array.isArray(saved?.left_out) ? ` It leaves out ${saved.left_out.join("; ")}.` : "";
    note.textContent = `A picture of a view whose kernel is gone; run its cell to bring it back to life.${left}`;
    if (typeof png !== "string") return [note];
    const image = document.createElement("img");
    image.src = `data:image/png;base64,${png}`;
    image.alt = String(text ?? "");
    return [image, note];
  }

  private saved(): Saved | null {
    const saved = this.model?.data[SAVED_MIME];
    return typeof saved === "object" && saved !== null ? (saved as Saved) : null;
  }

  private clear(): void {
    this.stop();
    this.stop = () => {};
    this.keeper = null;
    for (const widget of [...this.widgets]) widget.dispose();
  }
}

function modelId(model: Bundle): string | null {
  const view = model.data[WIDGET_MIME] as { model_id?: unknown } | undefined;
  return typeof view?.model_id === "string" ? view.model_id : null;
}
