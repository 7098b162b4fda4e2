/** Prototype gallery: what stands for each class, what the network makes of it, which samples it decides. */

import { decide, type GalleryKind } from "../core/gallery";
import { markedSample } from "../core/marked";
import { RULE_KEYS, shownTilted } from "../core/overlay";
import { selectedMask } from "../core/samples";
import { click, type Selection, type SetOp, selectionWords } from "../core/selection";
import type { Dataset } from "../core/session";
import { logitsOf, type Shown } from "../core/shown";
import { argmax } from "../core/softmax";
import { makeCanvas, whenChanged } from "../draw/canvas";
import { b, h, say } from "../draw/dom";
import { selectKnob } from "../draw/knobs";
import { commonNotice, makePanel, type Notice, shownWord, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { sizeOf } from "../draw/size";
import { type Colours, colours } from "../draw/theme";
import type { Mount } from "./mount";
import {
  confidenceOf,
  drawChosenProbs,
  drawMarked,
  drawWeights,
  nameClasses,
  shorten,
} from "./prototypes/detail";
import { type Gallery, galleryOf, prototypeLogits } from "./prototypes/numbers";
import { makeStrip } from "./prototypes/strip";
import { probsOf } from "./prototypes/tile";
import { makeTiles } from "./prototypes/tiles";

const KINDS: { value: GalleryKind; label: string }[] = [
  { value: "mean", label: "class means" },
  { value: "medoid", label: "class medoids" },
  { value: "two_means", label: "two means" },
];
const DECODED = { value: "decoded", label: "decoded" } as const;
const ROOM_FOR_SIDE = 656; // px inside the view's frame from which the marked sample stands beside the tiles
const SIDE = 168; // px

const NO_INPUTS: Notice = {
  tone: "plain",
  title: "No inputs to picture",
  text: "The gallery needs the samples themselves (X), and only predictions were given.",
};

/** What is on screen. */
interface Scene {
  gallery: Gallery;
  data: Dataset;
  at: Shown;
  logits: Float32Array | null; // (m, k) of the prototypes
  temperature: number;
  chosen: number;
}

export const mountPrototypes: Mount = (el, { session, store }) => {
  let scene: Scene | null = null;
  let logits: Float32Array | null = null; // of the prototypes
  // Parts that do not change with every move of a slider
  const [whenNetwork, whenStrip, whenLegend] = [whenChanged(), whenChanged(), whenChanged()];
  const [whenAbout, whenSide, whenStatus] = [whenChanged(), whenChanged(), whenChanged()];

  const panel = makePanel(el, { view: "prototypes", title: "Prototype gallery", table });
  const kindKnob = selectKnob({
    name: "Prototypes",
    labelled: false,
    value: "two_means",
    options: KINDS,
    change(value) {
      store.set("chosen", null);
      store.set("kind", value);
    },
  });
  let offersDecoded = false;
  panel.controls.append(kindKnob.el);

  const tiles = makeTiles(select, (p) => store.set("chosen", p));
  const strip = makeStrip((sample) => store.set("marked", sample));
  const legend = h("p", { style: "margin:0;color:var(--clsviz-fg2);line-height:16px;min-height:16px" });
  const about = h("div", {
    style: "width:104px;flex:none;overflow:hidden;white-space:nowrap;line-height:15px",
  });
  const bars = makeCanvas("The network's view of the chosen prototype");
  const side = makeCanvas("The marked sample and its similarity to each prototype");
  const sideStyle = `width:${SIDE + 13}px;flex:none;padding-left:12px;border-left:1px solid var(--clsviz-grid)`;
  const sideBox = h("div", { style: sideStyle }, side.el);
  const bottom = h(
    "div",
    { style: "display:flex;gap:12px;height:66px;align-items:flex-start" },
    about,
    h("div", { style: "width:110px;height:62px;flex:none" }, bars.el),
    strip.el,
  );
  const main = h(
    "div",
    { style: "flex:1;min-width:0;display:flex;flex-direction:column;gap:8px" },
    tiles.el,
    legend,
    bottom,
  );
  panel.body.append(h("div", { style: "display:flex;gap:12px;flex:1;min-height:200px" }, main, sideBox));

  function kind(): GalleryKind {
    const decoded = session.prototypes !== null;
    const wanted = store.get<GalleryKind | null>("kind") ?? (decoded ? "decoded" : "two_means");
    return wanted === "decoded" && !decoded ? "two_means" : wanted;
  }

  /** The chosen prototype; until one is chosen that nearest to the marked sample. */
  function chosenOf(gallery: Gallery, nearest: number): number {
    const chosen = store.get<number | null>("chosen");
    return chosen !== null && chosen >= 0 && chosen < gallery.P.m ? chosen : nearest;
  }

  /** Chooses a prototype and selects the samples it decides; once more: clears the selection. */
  function select(p: number, op: SetOp): void {
    if (!scene) return;
    store.set("chosen", p);
    store.set("selection", click(store.get<Selection>("selection"), scene.gallery.members[p]!, op));
  }

  function draw(): void {
    if (offersDecoded !== (session.prototypes !== null)) {
      offersDecoded = session.prototypes !== null;
      kindKnob.setOptions(offersDecoded ? [...KINDS, DECODED] : KINDS);
    }
    kindKnob.show(kind());
    sideBox.hidden = sizeOf(panel.root).w < ROOM_FOR_SIDE;
    const common = commonNotice(session);
    const data = session.dataset;
    const at = common ? null : shownTilted(session, store);
    const gallery = at && galleryOf(session, kind());
    const notice = common ?? (gallery ? null : NO_INPUTS);
    panel.notice(notice);
    if (!gallery || !at || !data) {
      scene = null;
      panel.setHovered(false);
      panel.status(notice ? `${notice.title}.` : "");
      return;
    }
    const c = colours(panel.root);
    const temperature = store.get<number | null>("temperature") ?? 1;
    const marked = markedSample(session, store);
    const nearest = marked === null ? null : decide(gallery.P, data.X, [marked]).nearest[0]!;
    const chosen = chosenOf(gallery, nearest ?? 0);
    whenNetwork([at, gallery], () => {
      logits = prototypeLogits(session, at, gallery);
    });
    const selected = selectedMask(store.get("selection"), data.n);
    const seen = selected ? gallery.rows.reduce((n, i) => n + selected[i]!, 0) : 0;
    scene = { gallery, data, at, logits, temperature, chosen };
    const decided = seen > 0 ? selected : null; // where no tile decides any, none is greyed: the words say so
    const look = { colours: c, logits, temperature, chosen, nearest, selected: decided };
    const thumbs = tiles.show({ gallery, data, ...look });
    whenStrip([gallery, chosen, data, thumbs, selected, at, sizeOf(strip.el)], () => {
      strip.show({
        gallery,
        chosen,
        data,
        thumbs,
        selected,
        logitsOf: (rows) => logitsOf(session, at, rows),
      });
    });
    const now = scene;
    whenLegend([gallery, logits === null, data], () => showLegend(now));
    whenAbout([gallery, chosen, logits === null, data], () => showAbout(now));
    showChosen(scene, c);
    if (!sideBox.hidden && marked !== null) {
      const sample = { sample: marked, logits: logitsOf(session, at, [marked]), temperature, chosen };
      const sure = confidenceOf(sample).toFixed(2);
      whenSide([gallery, marked, at, chosen, thumbs, c, sure, sizeOf(side.el)], () => {
        const { g, w, h: height } = side.begin();
        drawMarked(g, gallery, data, thumbs, sample, w, height, c);
      });
    }
    panel.setHovered(at.hovered);
    whenStatus([gallery, at, chosen, selected], () => showStatus(now, seen));
  }

  function showLegend({ gallery, data, logits }: Scene): void {
    if (!logits) {
      const what = gallery.kind === "decoded" ? "decoded pictures" : "means";
      legend.textContent = `This network runs in the kernel: no probabilities for ${what}; choose medoids.`;
      return;
    }
    const key = (colour: string, words: string) => {
      const square = `display:inline-block;width:9px;height:9px;margin-right:4px;background:var(--clsviz-${colour})`;
      return h("span", { style: "white-space:nowrap;margin-left:10px" }, h("span", { style: square }), words);
    };
    const names = data.classNames;
    const range = data.k <= 3 ? names.join(", ") : `${names[0]} to ${names[data.k - 1]}`;
    say(legend, `bars: p for ${shorten(range, 40)}`, key("fg", "own class"), key("gap", "another"));
  }

  /** Name and number of samples of the chosen prototype. */
  function showAbout({ gallery, logits, chosen }: Scene): void {
    const decoded = gallery.kind === "decoded" ? session.prototypes : null;
    const name = gallery.names[chosen]!;
    const lines = [
      "nearest to",
      b(name.length <= 2 ? `prototype ${name}` : shorten(name, 14)),
      `decides ${gallery.members[chosen]!.length}`,
      decoded ? "class weights →" : logits ? "p of class →" : "",
    ];
    say(about, ...lines.map((words) => h("div", {}, words)));
  }

  /** Class weights or probabilities of the chosen prototype. */
  function showChosen({ gallery, data, logits, chosen, temperature }: Scene, c: Colours): void {
    const decoded = gallery.kind === "decoded" ? session.prototypes : null;
    const own = gallery.P.classes[chosen]!;
    const { g, w, h: height } = bars.begin();
    if (decoded) {
      drawWeights(g, decoded.weights.subarray(chosen * data.k, (chosen + 1) * data.k), own, w, height, c);
    } else if (logits) {
      drawChosenProbs(g, probsOf(logits, chosen, data.k, temperature), own, w, height, c);
    }
    if (decoded || logits) nameClasses(g, data.classNames, own, w, height, c);
  }

  function showStatus({ gallery, data, at, chosen }: Scene, seen: number): void {
    const selection = store.get<Selection>("selection");
    const [selected, where] = selection ? selectionWords(selection, seen, data) : ["", ""];
    const count = gallery.members[chosen]!.length;
    const right = at.labels.filter((label, i) => argmax(at.logits, i * data.k, data.k) === label).length;
    const percent = (v: number) => `${(100 * v).toFixed(1)} %`;
    panel.status(
      ...shownWord(at),
      "Prototype ",
      b(gallery.names[chosen]!),
      " is nearest to ",
      b(String(count)),
      count === 1 ? " sample" : " samples",
      count ? `, ${(100 * gallery.purity[chosen]!).toFixed(0)} % of them of its class. ` : ". ",
      "Called by the nearest prototype ",
      b(percent(gallery.rule)),
      " are right, by the network ",
      b(percent(right / at.labels.length)),
      ".",
      ...(selection ? [" ", b(selected.replace(/^n/, "N")), `${where}.`] : []),
    );
  }

  function table(): TableData {
    if (!scene) return { columns: ["prototype"], rows: [] };
    const { gallery, data, logits, temperature } = scene;
    const features = data.imageShape || data.d > 40 ? [] : data.featureNames;
    const columns = [
      "prototype",
      "decides",
      "share of its class",
      "network",
      "p",
      "nearest sample",
      "distance",
    ];
    return {
      columns: [...columns, ...features],
      rows: gallery.names.map((name, p) => {
        const probs = logits && probsOf(logits, p, data.k, temperature);
        const guess = probs ? argmax(probs) : -1;
        const near = gallery.nearest(p)[0];
        return [
          name,
          gallery.members[p]!.length,
          gallery.purity[p]!,
          data.classNames[guess] ?? "–",
          probs?.[guess] ?? Number.NaN,
          near?.row ?? "–",
          near?.distance ?? Number.NaN,
          ...features.map((_, j) => gallery.P.vectors[p * data.d + j]!),
        ];
      }),
    };
  }

  return redraw(draw, {
    session,
    store,
    panel,
    boxes: [panel.root, tiles.el, strip.el, bars.el, side.el],
    keys: ["temperature", "step", "member", "hover", "selection", "marked", "kind", "chosen", ...RULE_KEYS],
    events: ["data", "run", "snapshots", "landscape", "prototypes", "alive"],
  }).close;
};
