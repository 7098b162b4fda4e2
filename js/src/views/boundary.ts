/** Decision boundary: where it runs in a plane of the inputs, and how far it leans from the centroid direction. */

import { callsB, presentClasses, shareRight } from "../core/boundary";
import { whyNoCells } from "../core/cells";
import { type Certificate, certificate } from "../core/certificates";
import { COLOURS, type ScoreField } from "../core/fieldscore";
import { selectedMask } from "../core/samples";
import { type Selection, selectionWords } from "../core/selection";
import { logitsOf, type Pinned, pinnedShown, type Shown } from "../core/shown";
import type { How } from "../core/store";
import { boundaryDistance } from "../core/tilt";
import { typeOf } from "../core/tiltcurve";
import { makeCanvas, operable, whenChanged } from "../draw/canvas";
import { b, h, SET_KEYS } from "../draw/dom";
import { afterDrawing } from "../draw/frame";
import { shortNumber } from "../draw/heatmap";
import { button, selectKnob } from "../draw/knobs";
import { commonNotice, hoveredWord, makePanel, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { sizeOf } from "../draw/size";
import { colours } from "../draw/theme";
import { Fields, type ShownField } from "./boundary/fields";
import { drawMirror, mirrorWords } from "./boundary/mirror";
import { type Certified, circleOf, drawBoundary, fieldHues, offPlane, plotBox } from "./boundary/picture";
import { PinnedBorder } from "./boundary/pinned";
import { attachPointing, type Drawn } from "./boundary/pointing";
import { planesFor, type Scene, Scenes, viewOf } from "./boundary/scene";
import { type Reasons, showMenu } from "./boundary/showmenu";
import { DRAG_SNAP, storedTilt, tiltKnobs } from "./boundary/tiltknobs";
import type { Mount } from "./mount";
import { TYPES } from "./tilt/words";

const KEYS = [
  "temperature",
  "step",
  "member",
  "pinned",
  "selection",
  "marked",
  "hover",
  "pair",
  "tilt",
  "plane",
  "points",
  "regularisation",
  "normal_at",
  "use_tilted",
  "resolution",
  "colour",
  "cells",
  "certified",
];
const CORNER = 14; // px: padding and border of a button
const LOWER = 76; // px under the picture
/** How each radius is known, in words. */
const PROOFS: Record<Certificate["by"], string> = {
  linear: "exact for a linear network",
  rbf: "by the steepest slope of the bumps",
  lipschitz: "Lipschitz bound: product of the layers' spectral norms",
};
const TABLE_ANGLES = [0, 15, 30, 45, 60, 75, 85];

export const mountBoundary: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "boundary", title: "Decision boundary", table: () => table() });
  const planeSelect = selectKnob({
    name: "Plane",
    options: [],
    value: "",
    labelled: false,
    change: (value) => store.set("plane", value),
  });
  const pairSelect = selectKnob({
    name: "Pair",
    options: [],
    value: "",
    labelled: false,
    change: (value) => store.set("pair", value.split(",").map(Number)),
  });
  planeSelect.select.style.width = "74px"; // title and controls share a row
  pairSelect.select.style.maxWidth = "116px";
  const menu = showMenu(store);
  panel.controls.append(planeSelect.el, pairSelect.el, menu.el);

  const canvas = operable(
    makeCanvas(""),
    `Samples and decision boundary: arrow keys walk from sample to sample, Enter selects the marked one; Shift with arrows stretches a box from it, Enter then selects what is inside; ${SET_KEYS}; Escape clears; drag to lasso, drag the handle of the normal to tilt`,
  );
  const corner = "position: absolute; top: 0; right: 2px; height: 18px; padding: 0 6px";
  const useThree = button(
    "Use selected three",
    () => {
      const selection = store.get<Int32Array | null>("selection");
      if (selection && selection.length >= 3) store.set("points", [...selection.subarray(0, 3)]);
    },
    { class: "clsviz-small", style: corner, title: "Put the plane through the first three selected samples" },
  );
  const atMarked = button(
    "at marked",
    () => {
      store.set("normal_at", store.get("normal_at") === "marked" ? null : "marked");
    },
    {
      class: "clsviz-small",
      style: corner,
      "aria-label": "at marked: normal at the marked sample",
      title: "Take the network's slope at the marked sample instead of between the centroids",
    },
  );
  const box = button(
    "box",
    () => {
      pointing.box = !pointing.box;
      box.setAttribute("aria-pressed", String(pointing.box));
    },
    {
      class: "clsviz-small",
      style: "position: absolute; bottom: 0; right: 2px; height: 18px; padding: 0 6px",
      "aria-label": "Select with a box",
      "aria-pressed": "false",
      title:
        "A drag over the samples draws a box in place of a lasso. Shift adds, Ctrl takes out, both keep the common ones.",
    },
  );
  const plot = h(
    "div",
    { class: "clsviz-plot", style: `height: calc(var(--clsviz-plot) - ${LOWER + 4}px)` },
    canvas.el,
    useThree,
    atMarked,
    box,
  );
  const mirror = makeCanvas("What the boundary leans along");
  const knobs = tiltKnobs(store);
  const lower = h(
    "div",
    { style: `display: flex; gap: 8px; height: ${LOWER}px` },
    h("div", { style: "width: 116px; flex: none; height: 68px" }, mirror.el),
    knobs.el,
  );
  panel.body.append(plot, lower);

  const scenes = new Scenes(session, store);
  const fields = new Fields(session, () => frame.ask());
  const pinnedBorder = new PinnedBorder();
  let drawn: Drawn | null = null;

  // Parts that do not change with every move of a slider
  const [whenScene, whenMirror, whenTold] = [whenChanged(), whenChanged(), whenChanged()];
  const whenScale = whenChanged();
  let shownScale: ReturnType<typeof scaleOf> | null = null;
  const draw = (still: boolean) => {
    const notice = commonNotice(session);
    panel.notice(notice);
    drawn = null;
    const data = session.dataset;
    if (notice || !data) return panel.status("No boundary yet.");
    if (data.d < 2)
      return refuse(
        "No plane to draw in",
        "The boundary is drawn in a plane of the inputs: it needs data with at least two features.",
      );
    const scene = scenes.build();
    if (!scene)
      return refuse(
        "No boundary",
        `A boundary needs 2 classes in the data but sees only ${presentClasses(data).length}.`,
      );
    panel.setHovered(scene.at.hovered);
    const selection = store.get<Int32Array | null>("selection");
    const why = whyNot(scene);
    const chosen = menu.chosen(why);
    const asked = ["use_tilted", "colour", "cells", "certified"].map((key) => store.get(key));
    whenScene([scene, selection, ...asked], () => afterDrawing(() => showControls(scene, why)));

    const { g, w, h: height } = canvas.begin();
    const c = colours(canvas.el);
    const view = viewOf(scene.frame, plotBox(w, height));
    const temperature = store.get<number | null>("temperature") ?? 1;
    const field = fields.get({
      scene,
      view,
      temperature,
      still,
      resolution: store.get<number | null>("resolution"),
      colour: chosen.colour,
      cells: chosen.cells,
      hues: fieldHues(scene, c.dark),
      ground: c.bg,
    });
    const seen = seenOf(scene);
    const proof = chosen.certified ? certifiedOf(scene) : null;
    const scale = field?.score ? scaleOf(field.score) : null;
    whenScale([scale?.low, scale?.high, scale?.beyond], () => {
      shownScale = scale;
    });
    const pinned = pinnedShown(session, store.get<Pinned | null>("pinned"));
    const handle = drawBoundary(canvas, g, c, {
      scene,
      view,
      shown: field,
      pinned: pinned && pinnedBorder.path(pinned, scene, view),
      selected: seen > 0 ? selectedMask(selection, data.n) : null, // none is here: the words say so
      lasso: pointing.lasso,
      focus: pointing.onHandle,
      certified: proof,
      scale: shownScale,
      corner: Math.max(sizeOf(useThree).w, sizeOf(atMarked).w) + CORNER, // hidden ones are 0 wide
    });
    drawn = { scene, view, handle };
    whenMirror([scene, c, sizeOf(mirror.el)], () => {
      const small = mirror.begin();
      drawMirror(small.g, c, scene, small.w, small.h);
      mirror.el.setAttribute("aria-label", mirrorWords(scene));
    });
    const told = [field === null, field?.stale, field?.cells, session.alive, ...asked, shownScale, proof];
    whenTold([scene, selection, pinned === null, ...told], () => panel.status(...words(scene, field, proof)));
  };

  const refuse = (title: string, text: string) => {
    panel.notice({ tone: "warn", title, text });
    panel.status(title, ".");
  };

  const whyNot = ({ at, rule, trained, marked }: Scene): Reasons => {
    const straight =
      rule.kind !== "trained" ? "The rule on screen is straight: it is not the network." : null;
    return {
      colour: straight,
      cells: straight ?? whyNoCells(at.network),
      certified:
        marked === null
          ? "Mark a sample first."
          : straight || trained.exact
            ? null
            : "The kernel runs this model: the browser proves nothing of it.",
    };
  };

  /** The radius in which the marked sample provably keeps its class; null without a marked sample. */
  const certifiedOf = (scene: Scene): Certified | null => {
    const { at, marked, rule, data } = scene;
    if (marked === null) return null;
    if (proofs?.scene === scene) return proofs.found;
    const off = offPlane(scene, marked);
    const x = data.X.subarray(marked * data.d, (marked + 1) * data.d);
    const known = rule.kind === "trained" ? certificateOf(at) : null;
    const found = known
      ? { radius: known.radius(logitsOf(session, at, [marked])), off, by: PROOFS[known.by] }
      : { radius: Math.abs(boundaryDistance(x, rule)), off, by: "exact for this straight rule" };
    proofs = { scene, found };
    return found;
  };
  let proofs: { scene: Scene; found: Certified } | null = null;

  const showControls = (scene: Scene, why: Reasons) => {
    const { data, kind, pair, at, attackable } = scene;
    if (offered?.data !== data || offered.attackable !== attackable) {
      offered = { data, attackable };
      const planes = planesFor(data, attackable);
      planeSelect.setOptions(planes);
      planeSelect.select.disabled = planes.length < 2;
    }
    planeSelect.select.title = planesFor(data, attackable).find((p) => p.value === kind)?.title ?? "";
    menu.show(why);
    knobs.show(scene);
    planeSelect.show(kind);
    pairSelect.show(`${pair.a},${pair.b}`);
    useThree.hidden = kind !== "points";
    useThree.disabled = (store.get<Int32Array | null>("selection")?.length ?? 0) < 3;
    atMarked.hidden =
      !(kind === "tilt" && data.d > 2) || !scene.trained.exact || at.network?.kind === "linear";
    atMarked.setAttribute("aria-pressed", String(store.get("normal_at") === "marked"));
  };

  let offered: Pick<Scene, "data" | "attackable"> | null = null;

  const words = (scene: Scene, field: ShownField | null, proof: Certified | null): (Node | string)[] => {
    const { rule, at, explained, trained } = scene;
    const share = scene.shareRight;
    const type = typeOf(scene.data, scene.pair, trained, rule);
    const parts: (Node | string)[] = [
      ...hoveredWord(at),
      b(`angle ${rule.angle.toFixed(1)}°`),
      " off the centroid direction, adversarial strength ",
      b(Number.isFinite(rule.strength) ? rule.strength.toFixed(2) : "∞"),
      explained === null ? " (1 is best)" : "",
      `, type ${type}: ${TYPES[type]}`,
      Number.isNaN(share) ? "" : `, ${(100 * share).toFixed(1)}\u00a0% right`,
    ];
    // a tilted boundary is straight: the network's own may bend, and be right more often
    if (rule.kind === "tilted" && at.network?.kind !== "linear") parts.push(" (straight)");
    if (explained !== null) parts.push(`; plane explains ${Math.round(100 * explained)} %`);
    if (!trained.exact) {
      // two phrases of one length: the line must not grow when the slider leaves "as trained"
      const from =
        rule.kind === "trained"
          ? `field computed by the kernel${kernelWord(field)}`
          : "drawn without the kernel";
      parts.push(`; least-squares direction, ${from}`);
    }
    if (scene.kind === "attack") parts.push(...attackWords(scene));
    if (field?.cells) {
      const { count, side } = field.cells;
      parts.push("; ", b(`${count} cells`), ` at least (${side} × ${side} points)`);
    }
    const { title, says } = COLOURS[menu.chosen(whyNot(scene)).colour];
    if (field?.why) parts.push(`; no ${title}: ${field.why}`);
    if (shownScale) {
      const { low, high, beyond } = shownScale;
      const where = beyond === "all" ? "everywhere" : "darkest";
      const off = beyond ? `; ${where}: farther off than training samples are` : "";
      parts.push(`; shades: ${title}, ${low} to ${high}, ${says}${off}`);
    }
    if (proof) parts.push(...proofWords(proof));
    if (store.get("pinned")) parts.push("; dashed: the pinned network");
    const selection = store.get<Selection>("selection");
    if (selection) {
      const [count, where] = selectionWords(selection, seenOf(scene), scene.data);
      parts.push("; ", b(count), where);
    }
    return [...parts, "."];
  };
  const attackWords = ({ attack, attackWhy, marked, data }: Scene): (Node | string)[] => {
    if (marked === null) return ["; mark a sample to attack it"];
    if (!attack) return [`; ${attackWhy}; the plane is that of three samples`];
    const steps = attack.path.length - 1;
    const [from, to] = attack.called.map((k) => data.classNames[k]!);
    const way =
      attack.by === "straight"
        ? "1 step towards the nearest sample called otherwise (this model has no slopes), distance "
        : `${steps} ${steps === 1 ? "step" : "steps"} of DeepFool, distance `;
    return [
      "; ",
      ...(attack.success ? [b(`attack ${from} → ${to}`), ` in ${way}`] : [`still ${from} after ${way}`]),
      b(numeral(attack.distance)),
      attackWhy && ` (${attackWhy})`,
    ];
  };
  const proofWords = (proof: Certified): (Node | string)[] => {
    const { radius, off, by } = proof;
    const parts = ["; ", b(`certified radius ${numeral(radius)}`), ` (${by})`];
    if (off === 0) return parts;
    const away = `the sample lies ${numeral(off)} off this plane`;
    if (circleOf(proof) > 0)
      return [...parts, `, ${away}: the circle is what the plane cuts out of the ball`];
    return [...parts, `, ${away}: no circle`];
  };
  /** How many of the selected samples are drawn. */
  const seenOf = ({ data, rows }: Scene): number => {
    const mask = selectedMask(store.get<Selection>("selection"), data.n);
    return mask ? rows.reduce((n, i) => n + mask[i]!, 0) : 0;
  };
  const kernelWord = (field: ShownField | null) =>
    field && !field.stale ? "" : session.alive ? " (on its way)" : " (gone: no newer field)";

  /** Share of the pair's validation samples that another rule calls by their label. */
  const rightOf = ({ data, at, pair }: Scene, rule: Scene["rule"]): number => {
    const rows = at.rows.filter((i) => data.y[i] === pair.a || data.y[i] === pair.b);
    return shareRight(data, rows, callsB(data, at, rows, pair, rule), pair.b);
  };

  const table = (): TableData => {
    const columns = [
      "classifier",
      "angle (°)",
      "adversarial strength",
      "adversarial distance",
      "share right",
    ];
    if (!drawn) return { columns, rows: [] };
    const { scene } = drawn;
    const row = (name: string, rule: Scene["rule"]) => [
      name,
      Number(rule.angle.toFixed(2)),
      rule.strength,
      rule.distance,
      rightOf(scene, rule),
    ];
    return {
      columns,
      rows: [
        row("as trained", scene.trained.rule),
        ...(scene.rule.kind === "l2" ? [row("L2-regularised", scene.rule)] : []),
        ...TABLE_ANGLES.map((degrees) => row(`tilted to ${degrees}°`, scene.trained.tilted(degrees))),
      ],
    };
  };

  const pointing = attachPointing(canvas.el, {
    drawn: () => drawn,
    turn(degrees, how: How) {
      const trained = drawn?.scene.trained;
      if (!trained) return;
      store.set("regularisation", null, how);
      store.set("tilt", storedTilt(degrees, trained.degrees, DRAG_SNAP), how);
    },
    select: (samples, how) => store.set("selection", samples, how),
    selection: () => store.get("selection"),
    mark: (sample) => store.set("marked", sample),
    redraw: () => frame.ask(),
  });

  const offer = () => {
    const data = session.dataset;
    if (!data) return;
    const present = presentClasses(data);
    const pairs = present.flatMap((p, i) => present.slice(i + 1).map((q): [number, number] => [p, q]));
    pairSelect.setOptions(
      pairs.map(([p, q]) => ({
        value: `${p},${q}`,
        label: `${data.classNames[p]} or ${data.classNames[q]}`,
      })),
    );
  };
  offer();
  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [canvas.el, mirror.el, useThree, atMarked],
    keys: KEYS,
    events: ["data", "snapshots", "run", "alive", "field"],
    finer: true, // a quick field while something moves
    also: [
      session.on(["data"], offer),
      session.on(["error"], () => scenes.forget()),
      () => fields.dispose(),
      menu.stop,
    ],
  });
  return frame.close;
};

/** The ends of the shades' scale in words. */
const scaleOf = ({ low, high, beyond }: ScoreField) => ({
  low: `${beyond === "some" ? "≤ " : ""}${numeral(low)}`,
  high: numeral(high),
  beyond,
});

const numeral = (v: number): string => (Number.isFinite(v) ? shortNumber(v).replace("-", "−") : "∞");

const certificates = new WeakMap<Float32Array, Certificate>();

/** What can be proved of the network shown, which the browser runs. */
function certificateOf({ network, theta }: Shown): Certificate {
  const found = certificates.get(theta!) ?? certificate(network!, theta!);
  certificates.set(theta!, found);
  return found;
}
