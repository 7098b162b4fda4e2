/** Loss landscape: a plane of weight space, scored by any loss at any temperature, all in the browser. */

import { isAt, lossScale, type Surface, surfaceAt, valueAt } from "../core/landscape";
import { isSpec, ofSurprisal, type Score, specKey } from "../core/score";
import type { Landscape } from "../core/session";
import { type Hover, present } from "../core/shown";
import { makeCanvas, whenChanged } from "../draw/canvas";
import { b, h, OWN_KEYS } from "../draw/dom";
import type { Grid } from "../draw/heatmap";
import { segments } from "../draw/knobs";
import { commonNotice, hoveredWord, makePanel, type Notice, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { makePainter, type Style } from "./landscape/painter";
import type { Point, Scene } from "./landscape/picture";
import { makeToolbar, type Plane } from "./landscape/toolbar";
import { walkOver } from "./landscape/walk";
import { absence, centreName, epochName, hereOf, onPlane, planeWords, running } from "./landscape/words";
import type { Mount } from "./mount";
import { scoreWords } from "./scorewords";

const HELP =
  "Loss landscape. Arrow keys walk over it and the other views follow, Shift takes larger steps, " +
  "Enter stays at a point until Escape, Escape returns; in 3-D, Alt and arrow keys turn it.";

/** The surface at one score and temperature. */
interface Reading extends Surface {
  land: Landscape;
  tables: number; // that had arrived
  surprisals: unknown;
  score: Score;
  /** What was asked for; another loss than `score` while its table is on its way. */
  asked: Score;
  temperature: number;
  grid: Grid;
}

export const mountLandscape: Mount = (el, { session, store }) => {
  let asked: { plane: Plane; instead: string | null } | null = null; // not answered yet; id of what was there then
  let reading: Reading | null = null;
  let version = 0; // of what is read
  let scene: Scene | null = null; // as drawn last
  let hoverOf = ""; // plane the hovered point belongs to
  let noticeKey = "";
  const askedFor = { table: "", surprisals: "" }; // what the kernel was last asked to score with
  let here: Point = { a: 0, b: 0 };
  const [whenMoved, whenTooled] = [whenChanged(), whenChanged()];

  const chosenPlane = () => store.get<Plane | null>("plane") ?? "path";
  const chosenStyle = () => store.get<Style | null>("kind") ?? "map";
  const hovered = () => store.get<Hover | null>("hover");
  const snapshot = () => present(session, store)?.snapshot ?? null;
  /** Networks of the fan lie off the run's plane: the mark is where they are nearest to it. */
  const ofFan = () => (present(session, store)?.member ?? null) !== null;

  const panel = makePanel(el, { view: "landscape", title: "Loss landscape", table });
  const toolbar = makeToolbar({
    plane: chosenPlane(),
    choose(plane) {
      store.set("plane", plane);
      if (asked?.plane !== plane) askKernel(); // chosen again: the kernel may have had no path then
    },
    compute: askKernel,
    cancel: cancelTask,
    back: () => walk.release(),
  });
  const styles = [
    { value: "map", label: "map" },
    { value: "3d", label: "3-D" },
  ];
  const style = segments("Landscape as", styles, chosenStyle(), (value) => store.set("kind", value));
  const canvas = makeCanvas(HELP);
  canvas.el.tabIndex = 0;
  for (const [name, value] of Object.entries(OWN_KEYS)) canvas.el.setAttribute(name, value);
  panel.controls.append(style.el);
  panel.body.append(toolbar.el, h("div", { class: "clsviz-plot" }, canvas.el));
  // Three lines of words at most: the same room at every temperature and score.
  panel.root.querySelector<HTMLElement>("[role=status]")!.style.minHeight = "calc(4.2em + 6px)";

  const painter = makePainter(canvas);
  const frame = redraw(draw, {
    session,
    store,
    panel,
    boxes: [canvas.el],
    keys: ["score", "temperature", "hover", "step", "member", "kind"],
    events: ["data", "run", "snapshots", "landscape", "alive", "error"],
    finer: true, // only a loss that rests is asked of the kernel
    also: [
      store.on(["plane"], followPlane),
      store.on(["resolution"], askKernel),
      session.on(["error"], refused),
      () => walk.end(),
    ],
  });
  const walk = walkOver({
    canvas,
    realm: el.closest<HTMLElement>(".clsviz") ?? panel.root,
    painter,
    style: chosenStyle,
    scene: () => scene,
    hover: hovered,
    setHover,
    turned: frame.ask,
    changed: frame.ask,
  });

  function askKernel(): void {
    if (!session.alive) return;
    asked = { plane: chosenPlane(), instead: session.landscape?.id ?? null };
    const resolution = store.get<number | null>("resolution");
    session.send({ kind: "landscape", plane: asked.plane, step: snapshot()?.step ?? null, resolution });
    frame.ask();
  }
  /** The plane was chosen, here or elsewhere: ask, unless that is what is shown or asked for. */
  function followPlane(): void {
    const now = asked?.plane ?? session.landscape?.plane;
    if (now !== undefined && chosenPlane() !== now) askKernel();
    frame.ask();
  }
  function refused(): void {
    if (session.error?.where === "landscape") asked = null;
  }
  /** Asks for what the browser lacks to score with this loss: once each, the table when nothing moves. */
  function askForScore(land: Landscape, still: boolean): void {
    const score = store.get<Score>("score");
    if (!isSpec(score) || !session.alive || land.progress < 1) return;
    const temperature = store.get<number | null>("temperature") ?? 1;
    const own = surfaceAt(land, score, temperature);
    if (own && !own.instead && !own.errors && !own.mixed) return;
    const wanted = `${land.id} ${specKey(score)}`;
    if (still && askedFor.table !== wanted) {
      askedFor.table = wanted;
      session.send({ kind: "score", key: specKey(score), name: score.name, params: score.params });
    }
    const at = `${land.id} ${temperature}`;
    const known = land.surprisals && isAt(land.surprisals, temperature);
    if (ofSurprisal(score) && !known && askedFor.surprisals !== at) {
      askedFor.surprisals = at;
      session.send({ kind: "surprisals", temperature });
    }
  }
  function cancelTask(): void {
    if (session.landscape?.scoring) {
      session.send({ kind: "cancel", task: "landscape_loss" });
      session.landscape.scoring = null;
      return frame.ask();
    }
    session.send({ kind: "cancel", task: "landscape" });
    asked = null;
    if (session.landscape && session.landscape.progress < 1) session.landscape.stopped = true;
    frame.ask();
  }
  function setHover(point: Point | null): void {
    const old = hovered();
    if (old === point || (old && point && old.a === point.a && old.b === point.b)) return;
    store.set("hover", point && { a: point.a, b: point.b }, "live");
  }

  function read(land: Landscape): Reading | null {
    const score = store.get<Score>("score");
    const temperature = store.get<number | null>("temperature") ?? 1;
    const [tables, surprisals, r] = [land.tables.size, land.surprisals, reading];
    const same = r && r.land === land && r.tables === tables && r.surprisals === surprisals;
    if (same && r.asked === score && r.temperature === temperature) return r;
    const found = surfaceAt(land, score, temperature);
    if (!found) return null;
    const late = found.instead && isSpec(score);
    // the former picture stays until that of the new loss is here
    if (late && session.alive && r?.land === land && isSpec(r.score))
      return { ...r, tables, surprisals, asked: score };
    const grid = { xs: land.xs, ys: land.ys, values: found.values, scale: lossScale(found.values) };
    return {
      ...found,
      land,
      tables,
      surprisals,
      score: late ? null : score,
      asked: score,
      temperature,
      grid,
    };
  }

  function draw(still: boolean): void {
    const land = session.landscape;
    if (land) askForScore(land, still);
    if (asked && land && land.id !== asked.instead) asked = null;
    style.show(chosenStyle());
    const awaited = asked !== null && asked.plane !== land?.plane;
    const notice =
      commonNotice(session) ??
      (land && !awaited ? null : absence(session, chosenPlane(), asked !== null, askKernel, cancelTask));
    showNotice(notice);
    const task = [land?.progress, land?.stopped, land?.scoring, session.alive, session.network, asked];
    whenTooled([notice, land, snapshot(), chosenPlane(), ...task], () => showToolbar(notice ? null : land));
    const next = notice === null && land ? read(land) : null;
    if (next !== reading) version++;
    reading = next;
    if (!reading || !land) {
      scene = null;
      canvas.begin(); // words over an old map would seem to be about it
      panel.setHovered(false);
      if (hovered() !== null) walk.release();
      panel.status(notice ? `${notice.title}.` : "");
      return;
    }
    const plane = `${session.run?.id}:${land.plane}:${land.step}`; // not the id: the coarse maps share their plane
    if (hoverOf !== plane && hoverOf !== "" && hovered() !== null) walk.release(); // a point of another plane
    hoverOf = plane;
    const hover = hovered();
    if (!hover) walk.lost();
    whenMoved([land, snapshot()], () => {
      here = hereOf(land, snapshot());
    });
    const spot = hover ?? here;
    scene = {
      land,
      grid: reading.grid,
      path: land.plane === "path" ? land.path : [],
      here,
      hereLabel: ofFan()
        ? "nearest point"
        : onPlane(land, snapshot())
          ? "you are here"
          : centreName(session, land),
      hover,
      loss: at(reading.grid.values, spot),
      colours: colours(panel.root),
    };
    painter.paint(scene, chosenStyle(), version);
    panel.setHovered(hover !== null && session.network !== null);
    showStatus(reading, spot, hover !== null);
  }

  /** Value of a (ys, xs) array at a point of the plane. */
  function at(values: ArrayLike<number> | null, spot: Point): number {
    const land = session.landscape!;
    return values ? valueAt(land.xs, land.ys, values, spot.a, spot.b) : Number.NaN;
  }

  function showNotice(notice: Notice | null): void {
    const key = notice ? `${notice.tone}|${notice.title}|${notice.text}` : "";
    if (key !== noticeKey) panel.notice(notice); // not each frame: its buttons would change under the pointer
    noticeKey = key;
  }

  function showToolbar(land: Landscape | null): void {
    const plane = asked?.plane ?? session.landscape?.plane ?? chosenPlane(); // random where there is no path
    const state = { plane, alive: session.alive, progress: null, words: "", compute: null, back: false };
    if (!land) return toolbar.show(state);
    const shown = snapshot();
    const off = shown !== null && (shown.step > land.step || !onPlane(land, shown));
    if (hovered() !== null && walk.kept()) {
      toolbar.show({ ...state, words: "The views stay here.", back: true });
    } else if (land.scoring) {
      toolbar.show({ ...state, progress: land.scoring.progress });
    } else if (land.progress < 1 && !land.stopped) {
      toolbar.show({ ...state, progress: land.progress });
    } else if (land.progress < 1) {
      const words = session.alive
        ? `coarse map: stopped at ${Math.round(100 * land.progress)} %`
        : "coarse map";
      toolbar.show({ ...state, words, compute: session.alive ? "Compute" : null });
    } else if (ofFan()) {
      toolbar.show({ ...state, words: "On the run's plane." });
    } else if (off) {
      const words = `computed at ${centreName(session, land)}`;
      toolbar.show({ ...state, words, compute: session.alive ? "Compute here" : null });
    } else {
      const words = session.network
        ? hovered() === null
          ? "Point at it: the other views follow."
          : "Enter: stay at this point."
        : "Point at it to read the loss.";
      toolbar.show({ ...state, words });
    }
  }

  function showStatus(r: Reading, spot: Point, isHover: boolean): void {
    const { land } = r;
    const [loss, accuracy] = [at(r.grid.values, spot), at(land.accuracy, spot)];
    const shown = snapshot();
    const near = shown?.step === land.step && !ofFan() ? " here" : " at the nearest point of the plane";
    const where = isHover ? "" : onPlane(land, shown) ? near : ` at ${centreName(session, land)}`;
    const accurate = Number.isFinite(accuracy) ? `, accuracy ${(100 * accuracy).toFixed(1)} %` : "";
    const score = r.instead || r.score === null ? running(land.loss) : scoreWords(store, r.score);
    const error = at(r.errors, spot);
    const how =
      r.asked !== r.score && isSpec(r.asked)
        ? session.alive
          ? ` (${scoreWords(store, r.asked)} is being computed)`
          : ` (this page has no table of ${scoreWords(store, r.asked)})`
        : r.instead
          ? " (the score asked for is not computed yet)"
          : r.mixed
            ? " (interpolated)"
            : r.errors
              ? ` (to ±${error.toPrecision(1)})`
              : "";
    panel.status(
      ...hoveredWord({ hovered: isHover }),
      b(
        Number.isFinite(loss)
          ? `loss ${loss < 1e6 ? loss.toFixed(3) : loss.toExponential(2)}`
          : "loss not known",
      ),
      `${where}${accurate}; ${score}${how} at T\u00a0=\u00a0${Number(r.temperature.toPrecision(3))}. `,
      `${planeWords(land)} ${land.samples} samples.`,
    );
  }

  function table(): TableData {
    const columns = ["point", "direction 1", "direction 2", "loss", "accuracy"];
    if (!scene) return { columns, rows: [] };
    const { land, grid, path, here, hereLabel, hover } = scene;
    const row = (name: string, a: number, y: number) => [
      name,
      a,
      y,
      at(grid.values, { a, b: y }),
      at(land.accuracy, { a, b: y }),
    ];
    return {
      columns,
      rows: [
        ...(hover ? [row("hovered", hover.a, hover.b)] : []),
        row(hereLabel, here.a, here.b),
        ...path.map((p) => row(epochName(p.epoch), p.x, p.y)),
        ...grid.xs.map((x) => row("line through the marker", x, (hover ?? here).b)),
      ],
    };
  }

  return frame.close;
};
