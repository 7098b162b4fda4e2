/** The temperature slider with what it does: the softmax of one sample, the mean claim against the hits. */

import { markedSample } from "../../core/marked";
import { RULE_KEYS, shownTilted } from "../../core/overlay";
import type { Reliability } from "../../core/reliability";
import type { Session } from "../../core/session";
import { logitsOf, type Shown, topPairs } from "../../core/shown";
import { argmax, softmaxRow } from "../../core/softmax";
import type { Store } from "../../core/store";
import { fitTemperature } from "../../core/temperature";
import { makeCanvas, text, whenChanged } from "../../draw/canvas";
import { b, h, say } from "../../draw/dom";
import { button, rangeKnob } from "../../draw/knobs";
import { redraw } from "../../draw/redraw";
import { colours } from "../../draw/theme";
import type { ViewContext } from "../mount";
import { catalogueOf } from "./catalogue";

const STOPS = [
  { value: 0.1, label: "0.1 sure" },
  { value: 0.3, label: "0.3" },
  { value: 1, label: "1 as trained" },
  { value: 3, label: "3" },
  { value: 10, label: "10 unsure" },
];

/** NLL-optimal temperature of what is shown; remembered for the network it was fitted to. */
const fits = new WeakMap<Shown, number>();

export function bestTemperature(at: Shown, k: number): number {
  let best = fits.get(at);
  if (best === undefined) {
    best = fitTemperature(at.logits, at.labels, k).temperature;
    fits.set(at, best);
  }
  return best;
}

export function mountTemperature(
  el: HTMLElement,
  { session, store, large: useLarge }: ViewContext,
): () => void {
  const param = catalogueOf(store).temperature;
  const range = param.range!;
  const canvas = makeCanvas("Softmax of the marked sample at this temperature");
  const value = h("output", { class: "clsviz-value" });
  const sentence = h("p", { class: "clsviz-say" });
  const knob = rangeKnob({
    name: "Temperature",
    low: range.low,
    high: range.high,
    log: true,
    value: 1,
    default: Number(param.default),
    snap: [1],
    stops: STOPS,
    labelled: false,
    format: (t) => `T = ${t.toFixed(2)}`,
    live: (t) => store.set("temperature", t, "live"),
    final: (t) => store.set("temperature", t),
  });
  const fit = button(
    "Fit T to the data",
    () => {
      const at = shownTilted(session, store);
      const best = at ? bestTemperature(at, session.dataset!.k) : large?.engine()?.best;
      if (best) store.set("temperature", Number(best.toPrecision(6)));
    },
    { title: "Jump to the temperature with the lowest NLL on the validation samples" },
  );
  el.append(
    h(
      "section",
      { class: "clsviz-hero", "data-control": "temperature" },
      h("div", { class: "clsviz-picture" }, canvas.el),
      h(
        "div",
        {},
        h(
          "div",
          { class: "clsviz-hero-head" },
          h("span", { class: "clsviz-hero-name" }, "Temperature"),
          value,
          fit,
        ),
        knob.el,
        sentence,
      ),
    ),
  );

  const [whenSaid, whenMarked] = [whenChanged(), whenChanged()];
  let best: number | null = null;
  const draw = (still: boolean) => {
    const T = store.get<number | null>("temperature") ?? 1;
    knob.show(T);
    say(value, `T = ${T.toFixed(2)}`);
    const at = shownTilted(session, store);
    const data = session.dataset;
    const engine = large?.engine() ?? null;
    knob.setDisabled(!(at || engine));
    const { g, w, h: height } = canvas.begin();
    // to fit costs as much as a frame: the mark stays where it was until nothing moves
    if (at && data && (still || best === null || fits.has(at))) best = bestTemperature(at, data.k);
    else if (!at) best = engine?.best ?? null;
    fit.disabled = best === null;
    if (!(at || engine) || !data)
      return whenSaid([], () =>
        say(
          sentence,
          `The slider wakes up with the ${session.predictions ? "last prediction" : "first snapshot"}.`,
        ),
      );
    whenMarked([best], () =>
      knob.setMark(best === null ? null : { value: best, label: `best ${best.toFixed(2)}` }),
    );
    const top = at ? topPairs(at, data.k, T) : null;
    const all = top ? null : drawConfidence(g, w, height, engine!.topGuess(T));
    const claim = percent(top ? mean(top.value) : all!.meanConfidence);
    const hits = percent(top ? mean(top.hit) : all!.meanAccuracy);
    whenSaid([claim, hits], () =>
      say(
        sentence,
        "The network says ",
        b(claim),
        " on average and is right in ",
        b(hits),
        ". Temperature changes what it says, never its guess.",
      ),
    );
    if (at) drawSoftmax(g, w, height, session, store, at, T);
  };
  const drawSoftmax = (
    g: CanvasRenderingContext2D,
    w: number,
    height: number,
    s: Session,
    st: Store,
    at: Shown,
    T: number,
  ) => {
    const data = s.dataset!;
    const c = colours(canvas.el);
    const i = markedSample(s, st);
    if (i === null) return;
    const z = logitsOf(s, at, [i]);
    const p = softmaxRow(z, 0, data.k, T);
    text(g, `sample ${i}: p of class`, 0, 11, { colour: c.fg2 });
    const [top, floor] = [20, height - 15];
    const step = w / data.k;
    const short = (name: string) => (name.length > 7 ? `${name.slice(0, 6)}…` : name);
    const size = data.k > 6 ? 11 : 10;
    // then only the class of the sample is named
    const crowded = data.k > 12 || data.classNames.some((name) => g.measureText(short(name)).width > step);
    for (let k = 0; k < data.k; k++) {
      const bar = p[k]! * (floor - top);
      const own = k === data.y[i];
      g.fillStyle = own ? c.fg : k === argmax(z) ? c.gap : c.bar;
      g.fillRect(k * step + step * 0.14, floor - bar, step * 0.72, bar);
      if (own || !crowded) {
        const name = short(data.classNames[k]!);
        const half = crowded ? g.measureText(name).width / 2 + 2 : 0; // bold is wider
        const x = Math.min(w - half, Math.max(half, (k + 0.5) * step));
        const colour = own ? c.fg : c.fg2;
        text(g, name, x, height - 2, { align: "center", colour, bold: own, size });
      }
    }
    g.fillStyle = c.line;
    g.fillRect(0, floor, w, 1);
  };
  /** Of large predictions: how many are how sure. */
  const drawConfidence = (g: CanvasRenderingContext2D, w: number, height: number, r: Reliability) => {
    const c = colours(canvas.el);
    text(g, "samples by confidence", 0, 11, { colour: c.fg2 });
    const [top, floor] = [20, height - 4];
    const most = Math.max(...r.counts);
    g.fillStyle = c.bar;
    r.counts.forEach((count, i) => {
      const x = w * r.edges[i]!;
      const bar = (count / most) * (floor - top);
      g.fillRect(x, floor - bar, Math.max(1, w * r.edges[i + 1]! - x - 1), bar);
    });
    g.fillStyle = c.line;
    g.fillRect(0, floor, w, 1);
    return r;
  };
  const large = useLarge?.(session, () => frame.ask()) ?? null;
  const frame = redraw(draw, {
    session,
    store,
    boxes: [canvas.el],
    keys: ["temperature", "step", "member", "hover", "marked", ...RULE_KEYS],
    events: ["data", "snapshots"],
    finer: true,
    also: [() => large?.end()],
  });
  return frame.close;
}

const percent = (v: number) => `${Math.round(100 * v)}\u00a0%`;

function mean(values: Float64Array | Uint8Array): number {
  let sum = 0;
  for (const v of values) sum += v;
  return sum / values.length;
}
