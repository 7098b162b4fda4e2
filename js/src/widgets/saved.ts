/**
 * All views in one module, for JupyterLab's extension: it shows what a notebook has saved, and writes what
 * is saved. build.mjs makes lib/labextension/views.js of it, which the extension loads when it meets a view.
 */

import { encode, fingerprint, keptState, type Saved, summary, VERSION } from "../core/saved";
import css from "../draw/clsviz.css";
import { h } from "../draw/dom";
import { pictureOf } from "../draw/picture";
import boundary from "./boundary";
import confusion from "./confusion";
import explanation from "./explanation";
import { ASK_SHOWN, type Shown } from "./host";
import inspector from "./inspector";
import lab from "./lab";
import landscape from "./landscape";
import loss from "./loss";
import multiplicity from "./multiplicity";
import ood from "./ood";
import prototypes from "./prototypes";
import reliability from "./reliability";
import robustness from "./robustness";
import temperatures from "./temperatures";
import tilt from "./tilt";

const VIEWS: Record<string, typeof lab> = {
  lab,
  reliability,
  boundary,
  landscape,
  loss,
  prototypes,
  confusion,
  inspector,
  multiplicity,
  ood,
  temperatures,
  robustness,
  explanation,
  tilt,
};
const STYLE_ID = "clsviz-saved-style";

/** Shows a saved view in `el`; returns the function that ends it. Never throws: it says what is wrong. */
export async function show(el: HTMLElement, saved: unknown): Promise<() => void> {
  addStyle();
  el.classList.add("clsviz");
  const { version, view, data, state, left_out } = saved as Saved;
  const own = Object.hasOwn(VIEWS, view) ? VIEWS[view] : undefined;
  if (version !== VERSION || !own || typeof data !== "string") {
    const why =
      version !== VERSION
        ? `it has version ${String(version)}, this clsviz reads version ${VERSION}`
        : `it is none of ${Object.keys(VIEWS).join(", ")}, or has no data`;
    el.append(
      h(
        "div",
        { class: "clsviz-banner clsviz-warn", role: "alert" },
        `A saved view cannot be shown: ${why}.`,
      ),
    );
    return () => el.replaceChildren();
  }
  const body = h("div", {});
  const left = Array.isArray(left_out) ? left_out.map(String) : [];
  const note =
    left.length > 0
      ? `Saved view, without a kernel. Left out: ${left.join("; ")}.`
      : "Saved view, without a kernel: everything that was on screen is in it.";
  el.append(body);
  try {
    const stop = await own.show(body, data, typeof state === "object" && state ? state : {});
    el.append(h("p", { class: "clsviz-saved", role: "note" }, note));
    return () => {
      stop();
      el.replaceChildren();
    };
  } catch {
    return () => el.replaceChildren(); // `show` has put the reason on the page
  }
}

/** What a notebook keeps of the live view inside `root`; null where there is none yet. */
export class Keeper {
  private at = ""; // fingerprint of `encoded`
  private encoded: Pick<Saved, "data" | "left_out"> = {};
  private untouched: string | null = null; // state of a saved view that nobody has moved

  constructor(
    private readonly root: HTMLElement,
    private readonly view: string,
    private readonly name: string,
    saved?: Saved, // what is shown, where nothing is live
  ) {
    const shown = saved && this.shown()?.shown;
    if (!shown) return;
    this.encoded = { data: saved.data, left_out: saved.left_out };
    this.at = fingerprint(shown.session);
    this.untouched = JSON.stringify(keptState(shown.state));
  }

  /** The bundle's entries that can be had at once; `stale` asks for `refresh` and another save. */
  entries(): { data: Record<string, unknown>; stale: boolean } | null {
    const found = this.shown();
    if (!found) return null;
    const { el, shown } = found;
    const state = keptState(shown.state);
    if (JSON.stringify(state) === this.untouched) return null; // opening a notebook does not change it
    const stale = fingerprint(shown.session) !== this.at;
    const data: Record<string, unknown> = { "text/plain": summary(shown.session, this.name, shown.state) };
    const png = pictureOf(el);
    if (png) data["image/png"] = png;
    if (!stale) {
      data["application/vnd.clsviz+json"] = {
        version: VERSION,
        view: this.view,
        name: this.name,
        state,
        ...this.encoded,
      };
    }
    return { data, stale };
  }

  /** Encodes the session as it stands. */
  async refresh(): Promise<void> {
    const shown = this.shown()?.shown;
    if (!shown) return;
    const at = fingerprint(shown.session);
    this.encoded = await encode(shown.session, this.view, { catalogue: shown.state.catalogue });
    this.at = at;
  }

  private shown(): { el: HTMLElement; shown: Shown } | null {
    const el = this.root.querySelector<HTMLElement>(".clsviz");
    let shown: Shown | null = null;
    el?.dispatchEvent(
      new CustomEvent(ASK_SHOWN, {
        detail: (answer: Shown) => {
          shown = answer;
        },
      }),
    );
    return el && shown && (shown as Shown).session.dataset ? { el, shown } : null;
  }
}

/** The style of the views, as anywidget would add it with the first live one. */
function addStyle(): void {
  if (document.getElementById(STYLE_ID)) return;
  document.head.append(h("style", { id: STYLE_ID }, css));
}
