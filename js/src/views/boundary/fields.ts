/** The field of the scene: from the network in the browser, from a linear rule, or from the kernel. */

import { CELL_SIDE, type Cells, networkCells } from "../../core/cells";
import { distanceField, distances as distancesOf, shaded } from "../../core/distancefield";
import { referenceOf, referenceWork } from "../../core/features";
import {
  type Field,
  field,
  type Grid,
  linearField,
  logOdds,
  networkField,
  restrictToPair,
  thinnable,
  thinned,
} from "../../core/field";
import { type Colour, type ScoreField, scoreField } from "../../core/fieldscore";
import { parameterCount } from "../../core/forward";
import { readsFeatures, scoreWork } from "../../core/ood";
import type { Session } from "../../core/session";
import { isoPath, paintField, piecesPath } from "../../draw/field";
import { type Box, paintShades } from "../../draw/heatmap";
import { FineFields } from "./fine";
import type { Scene, View } from "./scene";

export const FINEST = 256; // points along a side at rest
const KERNEL_RESOLUTION = 48;
const PATIENCE = 150; // ms that the plane must rest before the kernel is asked

/** While something moves: multiplications a field may take, and points along a side. */
const MOVING = { budget: 5e6, most: 64, least: 12 };
const LINES = 90; // points along a side that the lines are drawn from, at most
const LEAST_DISTANCES = 8; // points along a side: between them shades are smooth, as lines are not
const LARGE = 40e6; // multiplications for what distances are measured from, above which they wait for rest
/** Multiplications that the distances from the training samples may take at rest, in the worker. */
const RESTING = 1.5e9;
const ROOM = 24e6; // bytes of logits kept: the epochs passed, at the coarseness they were shown in

export interface ShownField {
  field: Field;
  image: HTMLCanvasElement;
  /** From an earlier network or another size of the view; the right one is on its way. */
  stale: boolean;
  /** What the shades stand for; null: hue is the class and strength the confidence. */
  score: ScoreField | null;
  /** The kernel's words where there is no such score; else "". */
  why: string;
  cells: Cells | null;
  /** Where hidden units turn on; null without cells. */
  cellLines(box: Box): Path2D | null;
  /** Where two classes are equally likely. */
  line(box: Box): Path2D;
  /** Where one has 90 %. */
  sureLine(box: Box): Path2D;
}

interface Found {
  whole: Field; // of all classes where a network is shown
  stale: boolean;
  cells: Cells | null;
  distances: ScoreField | null; // of features, where they are asked for
  why: string; // there are none
}

/** What is asked of `Fields`. */
export interface Wish {
  scene: Scene;
  view: View;
  temperature: number;
  still: boolean; // nothing moves: take time
  resolution: number | null; // points along a side at rest; null: as seems best
  colour: Colour;
  cells: boolean;
  hues: readonly string[];
  ground: string;
}

export class Fields {
  private readonly kept = new Map<string, Field>(); // the last used last
  private readonly image = document.createElement("canvas");
  private readonly cellsOf = new WeakMap<Field, Cells>();
  private readonly distancesOf = new WeakMap<Field, ScoreField>();
  private readonly cuts = new WeakMap<Field, { pair: string; field: Field }>();
  private score: { of: readonly unknown[]; score: ScoreField } | null = null;
  private painted: readonly unknown[] = [];
  private lines: { field: Field; coarse: Field; border: Path2D; box: Box } | null = null;
  private asked = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The kernel's last answer: only the newest plane. */
  private answer: { key: string; plane: string; colour: string; found: Omit<Found, "stale"> } | null = null;
  private readonly fine: FineFields;

  /** `arrived`: a finer field of what was shown is here. */
  constructor(
    private readonly session: Session,
    arrived: () => void,
  ) {
    this.fine = new FineFields((key, found, cells, distances) => {
      this.keep(key, found);
      if (cells) this.cellsOf.set(found, cells);
      if (distances) this.distancesOf.set(found, distances);
      arrived();
    });
  }

  /** The field to draw; null while the kernel computes the first one. */
  get(wish: Wish): ShownField | null {
    const found = this.find(wish);
    if (!found) return null;
    const { whole, stale, cells, distances, why } = found;
    const { temperature, hues, ground, scene, colour } = wish;
    const f = scene.restricted ? this.cut(whole, scene.pair.a, scene.pair.b) : whole;
    const ofLogits = colour !== "confidence" && !readsFeatures(colour);
    const score = ofLogits ? this.scoreOf(whole, colour, temperature) : distances;
    const look = [f, temperature, ground, score, ...hues];
    if (look.some((value, i) => value !== this.painted[i])) {
      if (score) paintShades(this.image, score, score.nx, score.ny);
      else paintField(this.image, f, temperature, hues, ground);
      this.painted = look;
    }
    return {
      field: f,
      image: this.image,
      stale,
      score,
      why,
      cells,
      cellLines: (box) => cells && piecesPath(cells.borders, { nx: cells.side, ny: cells.side }, box),
      line: (box) => this.linesOf(f, box).border,
      sureLine: (box) => sureLine(this.linesOf(f, box).coarse, temperature, box),
    };
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.fine.dispose();
  }

  /** What the lines are made of; the border itself does not depend on the temperature. */
  private linesOf(f: Field, box: Box) {
    const old = this.lines;
    if (old?.field === f && old.box.w === box.w && old.box.h === box.h) return old;
    const coarse = old?.field === f ? old.coarse : thinned(f, LINES);
    const border = new Path2D();
    for (const k of lineClasses(coarse)) border.addPath(isoPath(coarse.margins.get(k)!, coarse, 0, box));
    this.lines = { field: f, coarse, border, box };
    return this.lines;
  }

  /** Only the two classes of the pair; the field itself where it has no others. */
  private cut(whole: Field, a: number, b: number): Field {
    if (whole.k === 2) return whole;
    const pair = `${a},${b}`;
    const known = this.cuts.get(whole);
    if (known?.pair === pair) return known.field;
    const fresh = restrictToPair(whole, a, b);
    this.cuts.set(whole, { pair, field: fresh });
    return fresh;
  }

  private scoreOf(whole: Field, colour: Parameters<typeof scoreField>[1], temperature: number): ScoreField {
    const of = [whole, colour, temperature];
    if (!this.score || of.some((value, i) => value !== this.score!.of[i]))
      this.score = { of, score: scoreField(whole, colour, temperature) };
    return this.score.score;
  }

  private find(wish: Wish): Found | null {
    const { scene, view, still, resolution } = wish;
    const { at, rule, pair, plane, data } = scene;
    const { xlim, ylim } = view;
    const trained = rule.kind === "trained";
    const detector = readsFeatures(wish.colour) ? wish.colour : null;
    if (trained && !(at.network && at.theta)) return this.fromKernel(scene, view, resolution, detector ?? "");
    const of = trained ? [at.key, detector] : [rule.kind, rule.turned, rule.b, pair.a, pair.b];
    const key = [this.session.run?.id, ...of, scene.planeKey, xlim, ylim].join();
    const fineKey = `${key} ${resolution ?? FINEST}`;
    const finest = thinnable(resolution ?? FINEST);
    const grid = (n: number): Grid => ({ plane, xlim, ylim, nx: n, ny: n });
    const asked = detector && trained;
    const later = asked && !still && referenceWork(data, at.network!) > LARGE;
    const compare = asked && !later ? distancesOf(detector, referenceOf(data, at)) : null;
    const perScore = compare ? scoreWork(compare.detector, compare.reference) : 0;
    const withMore = (whole: Field, most = CELL_SIDE): Found => {
      const found = { whole, stale: false, cells: null, distances: null, why: "" };
      if (!trained) return found;
      const { network, theta } = at;
      const once = <T>(memory: WeakMap<Field, T>, make: (() => T) | null): T | null => {
        const known = memory.get(whole) ?? make?.() ?? null;
        if (known) memory.set(whole, known);
        return known;
      };
      const cells = () => networkCells(network!, theta!, grid(Math.min(whole.nx, most)));
      const distances = () => {
        const n = Math.min(whole.nx, sideOf(perScore, LEAST_DISTANCES));
        return shaded(distanceField(network!, theta!, compare!, grid(n)), compare!, n);
      };
      const score = asked ? once(this.distancesOf, compare && distances) : null;
      return {
        ...found,
        cells: wish.cells ? once(this.cellsOf, cells) : null,
        distances: score,
        why: asked && !score ? "it comes when nothing moves, as the network is large" : "",
      };
    };
    const ready = this.kept.get(fineKey) ?? (still ? undefined : this.kept.get(key));
    if (ready) return withMore(this.keep(this.kept.get(fineKey) ? fineKey : key, ready)); // the last used stay
    if (!trained) return withMore(this.keep(fineKey, linearField(rule, rule.gain, grid(finest))));
    const [network, theta] = [at.network!, at.theta!];
    if (still) {
      const cells = wish.cells ? grid(CELL_SIDE) : null;
      const n = Math.min(finest, Math.floor(Math.sqrt(RESTING / perScore)));
      const distances = compare && { ...compare, grid: grid(n) };
      this.fine.ask({ key: fineKey, job: { network, theta, grid: grid(finest), cells, distances } });
    }
    const side = sideOf(parameterCount({ ...network, sizes: [2, ...network.sizes.slice(1)] }));
    const coarse = this.kept.get(key) ?? networkField(network, theta, grid(Math.min(finest, side)));
    return withMore(this.keep(key, coarse), side);
  }

  private keep(key: string, found: Field): Field {
    this.kept.delete(key);
    this.kept.set(key, found);
    let room = ROOM;
    for (const [old, { logits }] of [...this.kept].reverse()) {
      room -= logits.byteLength;
      if (room < 0 && old !== key) this.kept.delete(old);
    }
    return found;
  }

  private fromKernel(scene: Scene, view: View, resolution: number | null, detector: string): Found | null {
    const { session } = this;
    const { plane, at, data } = scene;
    const side = resolution ?? KERNEL_RESOLUTION;
    const place = [session.run?.id, scene.planeKey, side].join(" ");
    const limits = [...view.xlim, ...view.ylim].map((v) => v.toPrecision(5)).join(" ");
    const key = `boundary ${place} ${at.key} ${limits} ${detector}`;
    const said = session.fields.get(key);
    if (said && this.answer?.key !== key)
      this.answer = {
        key,
        plane: `${place} ${limits}`,
        colour: detector,
        found: {
          whole: field(said.logits, data.k, side, side),
          cells: null,
          distances: said.scores.length > 0 ? shaded(said.scores, said, side) : null,
          why: said.why,
        },
      };
    const fresh = this.answer?.key === key;
    if (!fresh && this.asked !== key && session.alive) {
      this.asked = key;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        session.send({
          kind: "field",
          key,
          step: at.snapshot.step,
          member: at.member,
          resolution: side,
          detector,
          origin: [...plane.origin],
          u: [...plane.u],
          v: [...plane.v],
          xlim: [...view.xlim],
          ylim: [...view.ylim],
        });
      }, PATIENCE);
    }
    if (this.answer?.plane !== `${place} ${limits}`) return null;
    const { found, colour } = this.answer;
    return { ...found, ...(colour === detector ? {} : { distances: null, why: "" }), stale: !fresh };
  }
}

/** Classes whose borders are drawn: of two classes they are the same line. */
const lineClasses = (f: Field): number[] => [...f.margins.keys()].slice(0, f.k === 2 ? 1 : f.k);

function sureLine(coarse: Field, temperature: number, box: Box): Path2D {
  const odds = logOdds(coarse, temperature);
  const path = new Path2D();
  for (const k of lineClasses(coarse))
    for (const level of coarse.k === 2 ? [Math.log(9), -Math.log(9)] : [Math.log(9)])
      path.addPath(isoPath(odds.get(k)!, coarse, level, box));
  return path;
}

/** Points along a side that can be computed in one frame, at so many multiplications a point. */
function sideOf(work: number, least = MOVING.least): number {
  const { budget, most } = MOVING;
  return Math.max(least, Math.min(most, Math.floor(Math.sqrt(budget / work))));
}
