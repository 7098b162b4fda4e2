/** The loss: as a curve or over the simplex, with the samples of the network shown; whose gradient it is. */

import { type LossProfile, lossProfile, lossSimplex, type ProfileAxis } from "../core/lossprofile";
import { GROUPS, groupShares, inBrowser, type LossSpec, type LossTerms, lossTerms } from "../core/lossterms";
import { markedSample } from "../core/marked";
import { RULE_KEYS, shownTilted } from "../core/overlay";
import { selectedMask } from "../core/samples";
import { type Selection, selectionWords } from "../core/selection";
import { logitsOf, type Shown, shownAt } from "../core/shown";
import { softmaxRow } from "../core/softmax";
import { makeCanvas, operable } from "../draw/canvas";
import { h, SET_KEYS } from "../draw/dom";
import { commonNotice, makePanel, shownWord, type TableData, tooManyNotice } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { fontOf } from "../draw/size";
import { colours } from "../draw/theme";
import type { Catalogue } from "./controls/catalogue";
import { LossAsker } from "./loss/ask";
import { againstLoss, lossTitle, sameLoss, shownLoss } from "./loss/chosen";
import { axisOf, makeControls, partOf, showsOf } from "./loss/controls";
import { drawCurve } from "./loss/curve";
import { binned, binWords, countsOf, drawHistogram, inBins } from "./loss/histogram";
import { drawMemory, memorised } from "./loss/memory";
import { type Actions, barsLabel, type OnScreen, pointBars, pointCurve } from "./loss/pointing";
import {
  hasParts,
  itemOf,
  MOST_SAMPLES,
  type Places,
  placesOf,
  type Samples,
  samplesOf,
  termsOf,
} from "./loss/samples";
import { drawShares, sharesHeight } from "./loss/shares";
import { drawSimplex } from "./loss/simplex";
import { sentence } from "./loss/words";
import type { Mount } from "./mount";

/** What is on screen, for the pointer, the keys and the table. */
interface Drawn extends OnScreen {
  at: Shown;
  terms: LossTerms | null;
}

export const mountLossView: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "loss", title: "Loss", table: () => table() });
  const catalogue = () => store.get<Catalogue | null>("catalogue");
  const controls = makeControls(panel.controls, store);

  const main = operable(
    makeCanvas(""),
    `Samples on the loss: left and right go through them, Enter selects and marks one (${SET_KEYS}), Escape clears`,
  );
  const counts = operable(makeCanvas(""), barsLabel("samples' losses"));
  const rest = makeCanvas("Shares of the gradient, and flipped labels memorised over time");
  panel.body.classList.add("clsviz-loss-body");
  panel.body.append(
    h(
      "div",
      { class: "clsviz-plot clsviz-loss" },
      h("div", {}, main.el),
      h("div", {}, counts.el),
      h("div", {}, rest.el),
    ),
  );

  const asker = new LossAsker(session);
  let drawn: Drawn | null = null;

  const draw = () => {
    const notice = commonNotice(session) ?? tooManyNotice(session);
    panel.notice(notice);
    const at = notice ? null : shownTilted(session, store);
    const data = session.dataset;
    panel.setHovered(at?.hovered ?? false);
    if (!at || !data) {
      drawn = null;
      return panel.status("No loss to show yet.");
    }
    const [axis, part, kind] = [axisOf(store, data.k), partOf(store), showsOf(store)];
    const temperature = store.get<number | null>("temperature") ?? 1;
    const spec = shownLoss(session, store);
    const over = againstLoss(store);
    const other = sameLoss(spec, over) ? null : over;
    controls.show(data, over, labelNow());

    const samples = samplesOf(session, at, part);
    const there = at.hovered
      ? ("never" as const)
      : asker.about({
          losses: [spec, ...(other ? [other] : [])],
          step: at.snapshot.step,
          member: at.member,
          temperature,
          part,
          most: MOST_SAMPLES,
        });
    const [item, otherItem] = [itemOf(session.lossAnswer, spec), itemOf(session.lossAnswer, other)];
    const places = placesOf(samples, data.k, temperature);
    const terms = termsOf(spec, samples, data.k, temperature, item);
    const otherTerms = other && termsOf(other, samples, data.k, temperature, otherItem);
    const mask = selectedMask(store.get<Selection>("selection"), data.n);
    const selected = mask && Uint8Array.from(samples.rows, (i) => mask[i]!);
    const seen = selected?.some((v) => v > 0) ? selected : null;
    if (onCurve.cursor !== null && onCurve.cursor >= samples.rows.length) onCurve.cursor = null;
    const { cursor } = onCurve;
    const silent = silence(spec, item?.why, there);
    const c = colours(main.el);

    const marked = markedSample(session, store);
    const here = marked === null ? -1 : samples.rows.indexOf(marked);
    const values = terms?.value ?? new Float64Array(samples.rows.length).fill(Number.NaN);
    const canvas = main.begin();
    let curve: OnScreen["curve"] = null;
    let simplex: OnScreen["simplex"] = null;
    if (axis === "simplex") {
      const triple = tripleOf(at);
      const rows: number[] = [];
      samples.labels.forEach((y, i) => {
        if (y === triple[0]) rows.push(i);
      });
      const points = amongThree(samples, rows, triple, data.k, temperature);
      const layout = drawSimplex(canvas.g, c, canvas.w, canvas.h, {
        simplex: lossSimplex(spec) ?? item?.simplex ?? null,
        title: `${lossTitle(spec, catalogue())}; arrows: a step down`,
        why: silent,
        names: triple.map((k) => data.classNames[k]!) as [string, string, string],
        points,
        groups: Uint8Array.from(rows, (i) => samples.groups[i]!),
        selected: seen && Uint8Array.from(rows, (i) => seen[i]!),
        marked: rows.includes(here) ? rows.indexOf(here) : null,
      });
      simplex = { layout, points, rows };
    } else {
      const x = places[axis];
      const ring =
        here >= 0 ? { x: x[here]!, value: values[here]! } : markedAlone(at, marked, spec, temperature, axis);
      const layout = drawCurve(canvas.g, c, canvas.w, canvas.h, {
        axis,
        own: profileOf(spec, axis, item?.profiles?.[axis]),
        against: other && profileOf(other, axis, otherItem?.profiles?.[axis]),
        ownName: lossTitle(spec, catalogue()),
        againstName: other ? lossTitle(other, catalogue()) : "",
        why: silent,
        x,
        value: values,
        groups: samples.groups,
        selected: seen,
        marked: ring,
        cursor: cursor === null ? null : { at: cursor, words: sampleWords(samples, places, terms, cursor) },
        brush: onCurve.brush,
      });
      curve = { layout, x, axis };
    }

    const amounts = kind === "loss" ? terms?.value : terms?.weight;
    const bins = amounts && !allNaN(amounts) ? binned(amounts, samples.groups, kind) : null;
    const histogram = counts.begin();
    const axesOfCounts = drawHistogram(histogram.g, c, histogram.w, histogram.h, {
      shows: kind,
      bins,
      why: item?.whyNoTerms || silent || "no numbers of single samples",
      selected: bins && seen && countsOf(bins, samples.groups, seen),
      marked: bins && here >= 0 && bins.bin[here]! >= 0 ? bins.bin[here]! : null,
      cursor: onBars.bars,
    });

    const shares = terms && groupShares(terms.norm, samples.groups);
    const otherShares = otherTerms && groupShares(otherTerms.norm, samples.groups);
    const ofSamples = groupShares(new Float64Array(samples.rows.length).fill(1), samples.groups);
    const names = { own: lossTitle(spec, catalogue()), other: other ? lossTitle(other, catalogue()) : "" };
    const lower = rest.begin();
    const size = fontOf(rest.el).size - 1;
    const list = [
      { name: "samples", shares: ofSamples },
      { name: `gradient: ${names.own}`, shares },
      ...(other ? [{ name: `gradient: ${names.other}`, shares: otherShares }] : []),
    ];
    drawShares(lower.g, c, { x: 0, y: 0, w: lower.w }, list, size);
    const top = sharesHeight(3, size); // the curve below stays where it is without a second loss
    const moments = session.of(at.member);
    drawMemory(
      lower.g,
      c,
      { x: 0, y: top, w: lower.w, h: lower.h - top },
      {
        moments,
        epoch: at.snapshot.epoch,
        why: whyNoMemory(moments.some((s) => Number.isFinite(memorised(s)))),
      },
    );

    drawn = { at, samples, places, terms, bins, curve, simplex, histogram: axesOfCounts };
    panel.status(
      ...shownWord(at),
      ...sentence({
        name: names.own,
        againstName: names.other,
        part: hasParts(data) ? part : "",
        n: samples.rows.length,
        all: samples.all,
        temperature,
        mean: terms ? mean(terms.value) : Number.NaN,
        whyNone: there === "coming" ? "" : (item?.whyNoTerms ?? ""),
        groups: samples.groups,
        shares,
        againstShares: otherShares,
        samples: ofSamples,
      }),
      ...memoryWords(),
      ...kernelWords([spec, ...(other ? [other] : [])], there),
      ...chosenWords(seen),
    );
  };

  const labelNow = (): number => {
    const data = session.dataset!;
    const chosen = store.get<number | null>("label");
    if (chosen !== null && Number.isInteger(chosen) && chosen >= 0 && chosen < data.k) return chosen;
    const marked = markedSample(session, store);
    return marked === null ? 0 : data.y[marked]!;
  };

  /** The label and the two classes that the newest network finds likeliest for its samples. */
  const tripleOf = (at: Shown): [number, number, number] => {
    const data = session.dataset!;
    const y = labelNow();
    const newest = session.at(null);
    const usual = (newest && shownAt(session, newest)) ?? at;
    const { logits, labels } = samplesOf(session, usual, partOf(store));
    const sums = new Float64Array(data.k);
    labels.forEach((l, i) => {
      if (l === y)
        softmaxRow(logits, i * data.k, data.k, 1).forEach((p, j) => {
          sums[j]! += p;
        });
    });
    const rivals = Array.from({ length: data.k }, (_, j) => j).filter((j) => j !== y);
    rivals.sort((a, b) => sums[b]! - sums[a]! || a - b);
    return [y, ...rivals.slice(0, 2).sort((a, b) => a - b)] as [number, number, number];
  };

  /** The marked sample where it is not one of those drawn. */
  const markedAlone = (
    at: Shown,
    sample: number | null,
    spec: LossSpec,
    temperature: number,
    axis: ProfileAxis,
  ) => {
    if (sample === null) return null;
    const data = session.dataset!;
    const one: Samples = {
      rows: Int32Array.of(sample),
      all: 1,
      labels: Int32Array.of(data.y[sample]!),
      logits: logitsOf(session, at, [sample]),
      groups: new Uint8Array(1),
    };
    const value = lossTerms(spec, one.logits, one.labels, data.k, temperature)?.value[0];
    return value === undefined ? null : { x: placesOf(one, data.k, temperature)[axis][0]!, value };
  };

  const profileOf = (spec: LossSpec, axis: ProfileAxis, told: LossProfile | null | undefined) =>
    lossProfile(spec, axis, session.dataset!.k) ?? told ?? null;

  /** Why the picture has no curve. */
  const silence = (spec: LossSpec, why: string | undefined, there: "there" | "coming" | "never"): string => {
    if (inBrowser(spec)) return "";
    if (why !== undefined) return why;
    if (there === "coming") return "the kernel computes this loss";
    return session.alive ? "no numbers of this loss here" : "this loss needs the kernel, which is gone";
  };

  const kernelWords = (specs: LossSpec[], there: string): string[] => {
    const asked = specs.filter((spec) => !inBrowser(spec));
    if (asked.length === 0) return [];
    const names = asked.map((spec) => lossTitle(spec, catalogue())).join(" and ");
    if (there === "coming") return [`The kernel computes ${names}. `];
    const note = itemOf(session.lossAnswer, asked[0]!)?.note;
    return there === "there"
      ? [`Computed by the kernel: ${names}${note ? `; ${note}` : ""}. `]
      : [`${names}: only the kernel computes it. `];
  };

  const flippedHere = () => {
    const data = session.dataset!;
    return data.train.some((i) => data.y[i] !== data.yClean[i]);
  };
  const whyNoMemory = (told: boolean): string => {
    if (told) return "";
    if (!hasParts(session.dataset!)) return "only a training run has it";
    return flippedHere() ? "not recorded in this run" : "no flipped labels: set label noise";
  };
  const memoryWords = (): string[] => {
    const s = drawn!.at.snapshot;
    const share = (v: number | undefined) => `${Math.round(100 * (v ?? 0))} %`;
    if (drawn!.at.hovered || !Number.isFinite(memorised(s))) return [];
    return [
      `Of the flipped labels ${share(s.metrics.train_memorised)} are memorised, ${share(s.metrics.train_recovered)} recovered. `,
    ];
  };
  const chosenWords = (seen: Uint8Array | null): string[] => {
    const selection = store.get<Selection>("selection");
    if (!selection) return [];
    const count = seen?.reduce((sum, v) => sum + v, 0) ?? 0;
    if (count === 0) return [`None of the ${selection.length} selected are ${partOf(store)} samples.`];
    const [words] = selectionWords(selection, count, session.dataset!);
    return [`${words.replace(/^n/, "N")}.`];
  };

  const sampleWords = (s: Samples, places: Places, terms: LossTerms | null, i: number): string => {
    const names = session.dataset!.classNames;
    const number = (v: number | undefined) =>
      v === undefined || Number.isNaN(v) ? "–" : Number(v.toPrecision(3));
    return `sample ${s.rows[i]}, ${GROUPS[s.groups[i]!]}, label ${names[s.labels[i]!]}: p ${places.p[i]!.toFixed(3)}, loss ${number(terms?.value[i])}, weight ${number(terms?.weight[i])}`;
  };

  const table = (): TableData => {
    const columns = ["samples", "count", "mean loss", "mean weight", "share of gradient"];
    if (!drawn) return { columns, rows: [] };
    const { samples, terms } = drawn;
    const shares = terms ? groupShares(terms.norm, samples.groups) : [Number.NaN, Number.NaN, Number.NaN];
    return {
      columns,
      rows: GROUPS.map((name, group) => {
        const of = (values: Float64Array | undefined) =>
          mean(values?.filter((_, i) => samples.groups[i] === group) ?? []);
        const count = samples.groups.reduce((sum, v) => sum + (v === group ? 1 : 0), 0);
        return [name, count, of(terms?.value), of(terms?.weight), shares[group]!];
      }),
    };
  };

  const actions: Actions = {
    drawn: () => drawn,
    selection: () => store.get<Selection>("selection"),
    select: (samples, how) => store.set("selection", samples, how),
    mark: (sample) => store.set("marked", sample),
    sampleWords: (i) => (drawn ? sampleWords(drawn.samples, drawn.places, drawn.terms, i) : ""),
    barWords({ from, to }) {
      if (!drawn?.bins) return "";
      const n = inBins(drawn.bins, from, to).length;
      return `${showsOf(store)} ${binWords(drawn.bins, from, to)}: ${n} samples`;
    },
    redraw: () => frame.ask(),
  };
  const onCurve = pointCurve(main.el, actions);
  const onBars = pointBars(counts.el, actions);

  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [main.el, counts.el, rest.el],
    keys: [
      "temperature",
      "step",
      "member",
      "score",
      "selection",
      "marked",
      "hover",
      "axis",
      "against",
      "part",
      "label",
      "histogram",
      "catalogue",
      ...RULE_KEYS,
    ],
    events: ["data", "snapshots", "run", "fan", "alive", "loss"],
    also: [session.on(["error"], () => asker.forget())],
  });
  return frame.close;
};

const allNaN = (values: Float64Array): boolean => values.every(Number.isNaN);

/** Mean of what is finite; NaN of nothing. */
function mean(values: ArrayLike<number>): number {
  let [sum, n] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    sum += values[i]!;
    n++;
  }
  return n > 0 ? sum / n : Number.NaN;
}

/** Probabilities (rows, 3) among three classes. */
function amongThree(
  { logits }: Samples,
  rows: readonly number[],
  triple: readonly [number, number, number],
  k: number,
  temperature: number,
): Float64Array {
  const out = new Float64Array(3 * rows.length);
  const three = new Float64Array(3);
  rows.forEach((row, i) => {
    triple.forEach((j, t) => {
      three[t] = logits[row * k + j]!;
    });
    out.set(softmaxRow(three, 0, 3, temperature), 3 * i);
  });
  return out;
}
