/** The tilt of a pair's boundary: what turning it costs by the theory and on samples, and where L2 puts it. */

import { presentClasses } from "../core/boundary";
import { dot } from "../core/linalg";
import type { How } from "../core/store";
import {
  classesOf,
  epochPoints,
  LAMBDAS,
  type Measured,
  type Moment,
  measured,
  pathPoints,
  sampleCurve,
  theoryCurve,
  theoryError,
  typeOf,
  WIDEST,
} from "../core/tiltcurve";
import { makeCanvas, operable, whenChanged } from "../draw/canvas";
import { h } from "../draw/dom";
import { dragOn } from "../draw/drag";
import { selectKnob } from "../draw/knobs";
import { commonNotice, hoveredWord, makePanel, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { drawMirror, mirrorWords } from "./boundary/mirror";
import { type Scene, Scenes } from "./boundary/scene";
import { DRAG_SNAP, storedTilt } from "./boundary/tiltknobs";
import { quietKnob } from "./controls/quietknob";
import type { Axes } from "./loss/axes";
import type { Mount } from "./mount";
import { drawErrors, drawStrength } from "./tilt/picture";
import { makePlayer } from "./tilt/player";
import { degreesWords, type Now, percent, plain, sentence, TYPES } from "./tilt/words";

const COMPUTING = 12; // ms that a frame may spend on points it has not measured yet
const FIRST_LAMBDA = 0.01;
const KEYS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

interface Drawn {
  scene: Scene;
  now: Now;
  path: (Measured | null)[];
  epochs: Moment[];
  axes: Axes;
}

export const mountTilt: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "tilt", title: "Tilt", table: () => table() });
  const pairs = selectKnob({
    name: "Pair",
    options: [],
    value: "",
    change: (value) => store.set("pair", value.split(",").map(Number)),
  });
  pairs.select.style.maxWidth = "150px";
  panel.controls.append(pairs.el);

  const main = operable(makeCanvas(""), "Tilt of the boundary", {
    role: "slider",
    "aria-valuemin": String(-WIDEST),
    "aria-valuemax": String(WIDEST),
    "aria-valuenow": "0",
  });
  const side = makeCanvas("Adversarial strength and distance over the angle");
  const mirrors = [makeCanvas(""), makeCanvas("")] as const;
  const lambda = quietKnob({
    name: "Regularisation",
    low: LAMBDAS[0]!,
    high: LAMBDAS[LAMBDAS.length - 1]!,
    log: true,
    value: FIRST_LAMBDA,
    default: FIRST_LAMBDA,
    stops: [
      { value: 1e-4, label: "weak" },
      { value: 0.1, label: "0.1" },
      { value: 1e3, label: "strong" },
    ],
    format: (v) => String(Number(v.toPrecision(2))),
    live: (v) => regularise(v, "live"),
    final: (v) => regularise(v, "final"),
  });
  const regularise = (v: number, how: How) => store.set("regularisation", v, how);
  const player = makePlayer(regularise);
  panel.body.classList.add("clsviz-ood-body");
  panel.body.append(
    h("div", { class: "clsviz-plot clsviz-ood" }, h("div", {}, main.el), h("div", {}, side.el)),
    h(
      "div",
      { class: "clsviz-tilt" },
      ...mirrors.map(({ el }) => h("div", { style: "width: 124px; flex: none; height: 68px" }, el)),
      h("div", { class: "clsviz-ood-knobs" }, lambda.el),
      player.el,
    ),
  );

  const scenes = new Scenes(session, store);
  const whenMirror = whenChanged();
  let drawn: Drawn | null = null;
  let menu = "";
  let shownLambda = FIRST_LAMBDA;
  let curves: { scene: Scene; trained: Scene["trained"]; sample: Measured[] } | null = null;

  const refuse = (title: string, text: string) => {
    panel.notice({ tone: "warn", title, text });
    panel.status(`${title}.`);
  };

  const draw = () => {
    const notice = commonNotice(session);
    panel.notice(notice);
    drawn = null;
    player.show(store.get<number | null>("regularisation"));
    const data = session.dataset;
    if (notice || !data) return panel.status("No boundary yet.");
    if (session.predictions || data.d < 2)
      return refuse(
        "Nothing to turn",
        "A boundary is turned in the space of the inputs: it needs at least two features.",
      );
    const scene = scenes.build();
    if (!scene)
      return refuse(
        "No boundary",
        `A boundary needs 2 classes in the data but sees only ${presentClasses(data).length}.`,
      );
    offer(scene);
    panel.setHovered(scene.at.hovered);
    const { at, pair, trained, rule } = scene;
    const curve = theoryCurve(data, pair, trained);
    if (curves?.trained !== trained || curves.scene.at !== at)
      curves = { scene, trained, sample: sampleCurve(data, at, pair, trained) };
    const until = performance.now() + COMPUTING;
    const path = pathPoints(data, at, pair, until);
    const epochs = trained.exact ? epochPoints(session, store, pair, until) : [];
    if (path.includes(null) || epochs.includes(null)) frame.ask();
    const lam = store.get<number | null>("regularisation");
    if (lam !== null) shownLambda = lam;
    lambda.show(shownLambda, lam === null ? "off" : undefined);
    const now: Now = {
      degrees: rule.turned,
      how: rule.kind === "trained" ? "as trained" : rule.kind === "l2" ? "regularised" : "turned",
      lambda: lam,
      measured: measured(data, at, pair, rule),
      theory: theoryError(rule.w, classesOf(data, pair)),
      type: typeOf(data, pair, trained, rule),
      bends: rule.kind === "trained" && trained.exact && at.network?.kind !== "linear",
    };
    const known = epochs.filter((m) => m !== null);
    const picture = {
      curve,
      sample: curves.sample,
      path: path.filter((m) => m !== null),
      epochs: known,
      now,
      half: pair.centroids.distance / 2,
    };
    const c = colours(main.el);
    const left = main.begin();
    const axes = drawErrors(left.g, c, left.w, left.h, picture);
    const right = side.begin();
    drawStrength(right.g, c, right.w, right.h, picture);
    drawn = { scene, now, path, epochs: known, axes };
    main.el.setAttribute("aria-valuenow", String(Math.round(now.degrees)));
    main.el.setAttribute(
      "aria-valuetext",
      `${degreesWords(now.degrees)}, error ${percent(now.measured.error)}`,
    );
    whenMirror([scene, c, mirrors[0].el.clientWidth], () => {
      for (const [i, shown] of [scene, swapped(scene)].entries()) {
        const small = mirrors[i]!.begin();
        drawMirror(small.g, c, shown, small.w, small.h);
        const far =
          2 *
          Math.abs(
            (dot(shown.rule.w, shown.pair.centroids.a) + shown.rule.b) / Math.sqrt(dot(rule.w, rule.w)),
          );
        const words = `${mirrorWords(shown)}; ${plain(far)} away`;
        mirrors[i]!.el.setAttribute("aria-label", words);
        mirrors[i]!.el.title = words;
      }
      mirrors[1].el.parentElement!.hidden = !data.imageShape; // both lean along the same features
    });
    const rows = at.rows.filter((i) => data.y[i] === pair.a || data.y[i] === pair.b);
    panel.status(
      ...hoveredWord(at),
      ...sentence(now, curve, Boolean(data.tilt), rows.length),
      ...(path.includes(null)
        ? [` ${path.filter(Boolean).length} of ${path.length} levels of L2 are computed.`]
        : []),
      ...(trained.exact
        ? []
        : [" The browser cannot run this model: its least-squares direction is turned."]),
    );
  };

  const offer = ({ data, pair }: Scene) => {
    const present = presentClasses(data);
    const options = present.flatMap((p, i) =>
      present
        .slice(i + 1)
        .map((q) => ({ value: `${p},${q}`, label: `${data.classNames[p]} or ${data.classNames[q]}` })),
    );
    if (menu !== JSON.stringify(options)) {
      menu = JSON.stringify(options);
      pairs.setOptions(options);
    }
    pairs.show(`${pair.a},${pair.b}`);
  };

  const turn = (degrees: number, how: How, reach: number) => {
    if (!drawn) return;
    store.set("regularisation", null, how);
    store.set("tilt", storedTilt(degrees, drawn.scene.trained.degrees, reach), how);
  };
  dragOn(main.el, {
    holds: () => drawn !== null,
    follow(e, how) {
      if (!drawn) return;
      const { box } = drawn.axes;
      turn(((e.offsetX - box.x) / box.w) * 2 * WIDEST - WIDEST, how, DRAG_SNAP);
    },
    cursor: "ew-resize",
  });
  main.el.addEventListener("keydown", (e) => {
    const by = KEYS[e.key];
    if (by === undefined || !drawn) return;
    e.preventDefault();
    turn(drawn.now.degrees + (e.shiftKey ? 5 : 1) * by, "final", 0.5);
  });

  const table = (): TableData => {
    const columns = ["rule", "angle (°)", "error", "theory", "strength", "distance", "type"];
    if (!drawn) return { columns, rows: [] };
    const { scene, now, path, epochs } = drawn;
    const row = (name: string, m: Measured, theory: number | string, type: string) => [
      name,
      Number(m.degrees.toFixed(2)),
      m.error,
      theory,
      m.strength,
      m.distance,
      type,
    ];
    const { degrees, theory, types } = theoryCurve(scene.data, scene.pair, scene.trained);
    return {
      columns,
      rows: [
        row("shown", { ...now.measured, degrees: now.degrees }, now.theory, TYPES[now.type]),
        ...[-60, -30, 0, 15, 30, 45, 60, 75, 85].map((v) => {
          const i = degrees.indexOf(v);
          return row(
            `turned to ${v}°`,
            { ...curves!.sample[i]!, degrees: v },
            theory[i]!,
            TYPES[types[i] as 0 | 1 | 2],
          );
        }),
        ...path.flatMap((m, i) => (m ? [row(`L2 ${Number(LAMBDAS[i]!.toPrecision(3))}`, m, "", "")] : [])),
        ...epochs.map((m) => row(`epoch ${Number(m.epoch.toFixed(2))}`, m, "", "")),
      ],
    };
  };

  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [main.el, side.el, mirrors[0].el],
    keys: ["step", "member", "hover", "marked", "pair", "tilt", "regularisation", "normal_at"],
    events: ["data", "snapshots", "run", "fan", "alive"],
    also: [player.stop],
  });
  return frame.close;
};

/** The same scene seen from the other class: its mean and that one's mirror image. */
function swapped(scene: Scene): Scene {
  const { pair, rule } = scene;
  const centroids = { ...pair.centroids, a: pair.centroids.b, b: pair.centroids.a };
  return {
    ...scene,
    pair: { ...pair, a: pair.b, b: pair.a, centroids },
    rule: { ...rule, w: rule.w.map((v) => -v), b: -rule.b },
  };
}
