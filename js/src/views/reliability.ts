/** Reliability: what the network says against how often it is right, before and after a calibrator. */

import { markedSample } from "../core/marked";
import { MEASURES } from "../core/measures";
import { RULE_KEYS, shownTilted } from "../core/overlay";
import { selectedMask } from "../core/samples";
import { selectionWords } from "../core/selection";
import { logitsOf, type Pinned, pinnedShown } from "../core/shown";
import { argmax, softmaxRow } from "../core/softmax";
import { makeCanvas, operable } from "../draw/canvas";
import { b, h } from "../draw/dom";
import { commonNotice, makePanel, shownWord } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import type { Mount } from "./mount";
import { Calibration, calibrators, GONE, TOO_MANY } from "./reliability/calibrating";
import { makeControls } from "./reliability/controls";
import { type Column, makeMeasuring } from "./reliability/measuring";
import { Numbers } from "./reliability/numbers";
import { OnScreen } from "./reliability/onscreen";
import { LABELS, PAINT, type Painted } from "./reliability/pictures";
import { pointOn } from "./reliability/pointing";
import {
  calibratorOf,
  cutoffOf,
  measuresOf,
  OWN_STATE,
  pictureOf,
  settingsOf,
  temperatureOf,
} from "./reliability/state";
import { keptWords, pathWords, sampleWords, type Words } from "./reliability/words";

/** The square of confidence and accuracy is not stretched over a wide page. */
const SQUARISH = "width: 100%; max-width: calc(1.7 * var(--clsviz-plot)); margin: 0 auto";
const ONLY_IN_PYTHON =
  "Measures of single samples: of so many predictions only Python has them, in .result.measures.";
const ROWS = 52; // px that the rows of controls take from the plot

export const mountReliability: Mount = (el, { session, store, large: useLarge }) => {
  const panel = makePanel(el, {
    view: "reliability",
    title: "Reliability diagram",
    table: () => painted?.table ?? { columns: ["from", "to", "samples"], rows: [] },
  });
  const measuring = makeMeasuring({
    choose: (names) => store.set("measures", names),
    toggled: () => frame.ask(),
  });
  const controls = makeControls(panel.controls, measuring.toggle, store, () => session.dataset);
  const canvas = operable(makeCanvas(""), "", { role: "slider", "aria-valuemin": "1" });
  const plot = h(
    "div",
    { class: "clsviz-plot", style: `height: calc(var(--clsviz-plot) - ${ROWS}px); ${SQUARISH}` },
    canvas.el,
  );
  panel.body.append(controls.row, plot, measuring.el);
  // room for the selection's words too: the status grows by no line while one drags
  panel.root.querySelector<HTMLElement>("[role=status]")!.style.minHeight = "calc(5.6em + 6px)";

  const numbers = new Numbers();
  const calibration = new Calibration(session, store);
  /** What pointer, keys and table act on: the picture as last drawn. */
  let painted: Painted | null = null;
  const pointing = pointOn(canvas.el, {
    scene: () => painted?.scene ?? null,
    store,
    redraw: () => frame.ask(),
  });
  let pictured = "";

  const draw = (still: boolean) => {
    const notice = commonNotice(session) ?? large?.notice() ?? null;
    panel.notice(notice);
    const engine = notice ? null : (large?.engine() ?? null);
    const at = notice || engine ? null : shownTilted(session, store);
    const data = session.dataset;
    panel.setHovered(at?.hovered ?? false);
    if (!(at || engine) || !data) {
      painted = null;
      return panel.status("Nothing to bin yet.");
    }
    const [settings, cutoff, temperature] = [
      settingsOf(session, store),
      cutoffOf(store),
      temperatureOf(store),
    ];
    const picture = pictureOf(store);
    controls.show(settings, picture, cutoff);
    controls.offer(
      calibrators(store).map(({ name, title }) => ({ name, title, offered: calibration.offered(name, at) })),
      calibratorOf(store),
      at ? GONE : TOO_MANY,
    );

    const budget = panel.root.dataset.passBudget; // tests choose the way by it
    if (engine && budget) engine.budget = Number(budget);
    const { target, nBins, scheme } = settings;
    const network = at
      ? numbers.network("shown", at, data.k, temperature, settings, cutoff)
      : { ...engine!.ask({ temperature, target, nBins, scheme, threshold: cutoff }), hit: null };
    panel.root.dataset.path = network.path;
    const pin = store.get<Pinned | null>("pinned");
    const pinnedAt = pinnedShown(session, pin);
    const pinnedTemperature = pin?.temperature ?? temperature;
    const now = new OnScreen({
      numbers,
      data,
      at,
      pinnedAt,
      temperature,
      pinnedTemperature,
      settings,
      cutoff,
      calibrating: calibration.of(at),
      network,
      pinned: pinnedAt && numbers.network("pinned", pinnedAt, data.k, pinnedTemperature, settings, cutoff),
    });

    if (picture !== pictured) pointing.cursor = null;
    pictured = picture;
    painted = PAINT[picture](now, {
      canvas,
      colours: colours(canvas.el),
      cursor: pointing.cursor,
      mask: selectedMask(store.get<Int32Array | null>("selection"), data.n),
      marked: markedProbability(now),
      threshold: (value, how) => store.set("threshold", value, how),
      open(k) {
        store.set("target_class", k);
        store.set("mode", "per_class");
        store.set("picture", "diagram");
      },
    });
    const places = painted.scene?.places ?? 1;
    if (pointing.cursor && pointing.cursor.place >= places) pointing.cursor = null;
    canvas.el.setAttribute("aria-label", LABELS[picture]);
    canvas.el.setAttribute("aria-valuemax", String(places));
    canvas.el.setAttribute("aria-valuenow", String((pointing.cursor?.place ?? 0) + 1));
    const here = pointing.cursor && painted.scene?.words(pointing.cursor.place);
    canvas.el.setAttribute("aria-valuetext", here ?? "no bar chosen");
    if (measuring.open)
      measuring.show(measuresOf(store), columns(now, still), settings, now.ofClass, at ? "" : ONLY_IN_PYTHON);

    const how = engine ? pathWords(network, engine.predictions, target) : "";
    panel.status(...words(now, painted.words), ...(how ? [" ", how] : []));
  };

  const markedProbability = (now: OnScreen): number | null => {
    const sample = markedSample(session, store);
    const { at, data, settings, temperature } = now.parts;
    if (sample === null || !at) return null;
    const after = now.samples?.after;
    if (after) {
      const i = at.rows.indexOf(sample);
      return i < 0 ? null : after.p[i * data.k + (settings.target ?? after.top[i]!)]!;
    }
    const z = logitsOf(session, at, [sample]);
    return softmaxRow(z, 0, data.k, temperature)[settings.target ?? argmax(z)]!;
  };

  const columns = (now: OnScreen, still: boolean): Column[] => {
    const { samples } = now;
    const { settings: s, network } = now.parts;
    if (!samples) {
      const scores: Record<string, number> = { nll: network.nll, brier: network.brier };
      const of = (name: string) => MEASURES[name]!.ofDiagram?.(network.result) ?? scores[name] ?? Number.NaN;
      return [{ name: "now", of }];
    }
    const column = (name: string, j: typeof samples.network | null): Column[] =>
      j ? [{ name, of: (measure) => numbers.measure(measure, j, s, still) }] : [];
    return [
      ...column(samples.after ? "before" : "now", samples.network),
      ...column("after", samples.after),
      ...column("pinned", samples.pinned),
    ];
  };

  const words = (now: OnScreen, picture: Words): Words => {
    const { at, data, cutoff, settings, calibrating } = now.parts;
    const { hit, kept } = now.shown;
    const parts: Words = [
      ...(at ? shownWord(at) : []),
      calibrating.why ? `${calibrating.title}: ${calibrating.why}. ` : "",
      ...picture,
      sampleWords((at ? at.rows : data.validation).length),
      cutoff > 0 ? `; above ${cutoff.toFixed(3)}: ${keptWords(kept, now.ofClass)}` : "",
    ];
    const selection = store.get<Int32Array | null>("selection");
    const mask = selectedMask(selection, data.n);
    if (!selection || !mask || !at || !hit) return [...parts, "."];
    let selected = 0;
    let hits = 0;
    at.rows.forEach((sample, i) => {
      if (mask[sample]) {
        selected++;
        hits += hit[i]!;
      }
    });
    const share =
      selected === 0
        ? ""
        : `, ${Math.round((100 * hits) / selected)}\u00a0% ${settings.target === null ? "right" : "of this class"}`;
    const [count, where] = selectionWords(selection, selected, data);
    return [...parts, "; ", b(count), `${where}${share}.`];
  };

  const large = useLarge?.(session, () => frame.ask()) ?? null;
  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [canvas.el],
    keys: [
      "temperature",
      "step",
      "member",
      "selection",
      "marked",
      "hover",
      "pinned",
      "catalogue",
      ...OWN_STATE,
      ...RULE_KEYS,
    ],
    events: ["data", "snapshots", "run", "fan", "alive", "calibrated"],
    finer: true, // measures that a moving slider does not wait for
    also: [session.on(["error"], () => calibration.forget()), () => large?.end(), controls.close],
  });
  return frame.close;
};
