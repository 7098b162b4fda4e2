/** The tiles, one column per class: buttons that are built once and redrawn each frame. */

import { tileBeside } from "../../core/gallery";
import { type SetOp, setOp } from "../../core/selection";
import type { Dataset } from "../../core/session";
import { type Canvas, makeCanvas, whenChanged } from "../../draw/canvas";
import { h, OWN_KEYS } from "../../draw/dom";
import { sizeOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";
import { type Thumbnails, thumbnails } from "../../draw/thumbnail";
import { type Gallery, membersSelected } from "./numbers";
import { BARS, barPixels, drawTile, probsOf } from "./tile";

const GAP = 6; // px between tiles
const LEAST = { image: 32, scatter: 60, profile: 64 }; // px, narrowest tile
const COLUMN = "display:flex;flex-direction:column;gap:2px";
const NAME =
  "font-size:11px;line-height:13px;text-align:center;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;" +
  "color:var(--clsviz-fg2)";
const TILE = "height:auto;padding:0;border:0;border-radius:2px;display:block;background:none";

export interface TilesState {
  gallery: Gallery;
  data: Dataset;
  colours: Colours;
  logits: Float32Array | null; // (m, k) of the prototypes
  temperature: number;
  chosen: number;
  nearest: number | null; // prototype nearest to the marked sample
  selected: Uint8Array | null; // 0/1 by sample; null when nothing is selected
}

export interface Tiles {
  el: HTMLElement;
  /** Draws all tiles; returns how samples are pictured here. */
  show(state: TilesState): Thumbnails;
}

export function makeTiles(select: (p: number, op: SetOp) => void, choose: (p: number) => void): Tiles {
  const el = h("div", {
    role: "group",
    "aria-label":
      "Prototypes by class. Arrow keys walk, Enter selects the samples a prototype decides (with Shift adds them, with Ctrl takes them out, with both keeps the common ones).",
    style: `display:flex;flex-wrap:wrap;gap:6px ${GAP}px;max-height:404px;overflow:auto;padding:2px`,
  });
  let built: { gallery: Gallery; key: string; thumbs: Thumbnails; width: number; height: number } | null =
    null;
  let tiles: {
    button: HTMLButtonElement;
    canvas: Canvas;
    picture: HTMLCanvasElement;
    whenLook: ReturnType<typeof whenChanged>;
  }[] = [];

  function build({ gallery, data, colours: c }: TilesState): NonNullable<typeof built> {
    const inner = sizeOf(el).w - 2;
    const key = [inner, c.fg, c.bg].join("|");
    if (built?.gallery === gallery && built.key === key) return built;
    const focus = tiles.findIndex((t) => t.button === document.activeElement);
    const thumbs = thumbnails(data, gallery.base, c);
    const width = tileWidth(inner, new Set(gallery.P.classes).size, data, thumbs.widest);
    built = { gallery, key, thumbs, width, height: Math.round(width * thumbs.aspect) };
    const columns = new Map<number, HTMLElement>();
    tiles = Array.from({ length: gallery.P.m }, (_, p) => {
      const own = gallery.P.classes[p]!;
      const tile = makeTile(gallery, p, built!);
      const name = data.classNames[own] ?? String(own);
      const column =
        columns.get(own) ??
        h("div", { style: `width:${width + 4}px;${COLUMN}` }, h("div", { title: name, style: NAME }, name));
      columns.set(own, column);
      column.append(tile.button);
      return tile;
    });
    el.replaceChildren(...[...columns].sort(([a], [z]) => a - z).map(([, column]) => column));
    if (focus >= 0) tiles[Math.min(focus, tiles.length - 1)]?.button.focus();
    return built;
  }

  function makeTile(gallery: Gallery, p: number, { thumbs, width, height }: NonNullable<typeof built>) {
    const { P, members, names } = gallery;
    const canvas = makeCanvas("", { w: width + 4, h: height + BARS + 8 });
    canvas.el.setAttribute("aria-hidden", "true"); // the button has the words
    const title =
      `${names[p]}: decides ${members[p]!.length} samples\n${thumbs.words(P.vectors, p * P.d)}`.trim();
    const walk = (e: KeyboardEvent) => {
      const to = tileBeside(P, p, e.key);
      if (to === null) return;
      e.preventDefault();
      choose(to);
      tiles[to]!.button.focus();
    };
    const button = h(
      "button",
      {
        type: "button",
        ...OWN_KEYS,
        style: TILE,
        title,
        onclick: (e: MouseEvent) => select(p, setOp(e)),
        onkeydown: walk,
      },
      canvas.el,
    );
    button.setAttribute("aria-label", `Prototype ${names[p]}, decides ${members[p]!.length} samples`);
    const picture = document.createElement("canvas");
    const scale = devicePixelRatio || 1;
    picture.width = Math.round(width * scale);
    picture.height = Math.round(height * scale);
    const g = picture.getContext("2d")!;
    g.scale(scale, scale);
    thumbs.draw(g, P.vectors, p * P.d, P.classes[p]!, 0, 0, width);
    return { button, canvas, picture, whenLook: whenChanged() };
  }

  return {
    el,
    show(s) {
      const { width, height, thumbs } = build(s);
      tiles.forEach(({ button, canvas, picture, whenLook }, p) => {
        const look = {
          width,
          picture: height,
          own: s.gallery.P.classes[p]!,
          share: s.selected && membersSelected(s.gallery, p, s.selected),
          chosen: p === s.chosen,
          nearest: p === s.nearest,
          probs: s.logits && probsOf(s.logits, p, s.data.k, s.temperature),
        };
        const bars = look.probs ? barPixels(look.probs) : [];
        whenLook([s.colours, look.share, look.chosen, look.nearest, ...bars], () => {
          drawTile(canvas.begin().g, picture, look, s.colours);
          button.tabIndex = look.chosen ? 0 : -1;
          button.setAttribute("aria-pressed", String(look.chosen));
        });
      });
      return thumbs;
    },
  };
}

/** As wide as the classes can be in lines of equal length. */
function tileWidth(room: number, classes: number, data: Dataset, widest: number): number {
  const least = LEAST[data.imageShape ? "image" : data.d === 2 ? "scatter" : "profile"];
  const most = Math.max(1, Math.min(classes, Math.floor((room + GAP) / (least + 4 + GAP))));
  const columns = Math.ceil(classes / Math.ceil(classes / most));
  return Math.min(widest, Math.floor((room + GAP) / columns - GAP - 4));
}
