/** What the boundary view shows: which plane, which classifier, which samples, at which scale. */

import { takeRows } from "../../core/arrays";
import {
  type AttackPlane,
  type AttackQuestion,
  attackKey,
  attackOn,
  attackTold,
} from "../../core/attackplane";
import {
  callsB,
  type PairData,
  pairData,
  pairOf,
  type Rule,
  referenceRows,
  shareRight,
  type Trained,
} from "../../core/boundary";
import type { Limits } from "../../core/field";
import { markedSample } from "../../core/marked";
import { ruleOf, trainedOf } from "../../core/overlay";
import { explainedBy, ldaPlane, type Plane, pcaPlane, planeFromPoints, planeProject } from "../../core/plane";
import type { Dataset, Session, Told } from "../../core/session";
import { type Shown, shown } from "../../core/shown";
import { argmax } from "../../core/softmax";
import type { Store } from "../../core/store";
import { whenChanged } from "../../draw/canvas";
import type { Box } from "../../draw/heatmap";
import { Asker } from "../asker";

export type PlaneKind = "tilt" | "data" | "pca" | "lda" | "points" | "attack";

export interface Scene {
  data: Dataset;
  at: Shown;
  pair: PairData;
  trained: Trained;
  rule: Rule; // the trained, tilted or regularised classifier of the pair
  kind: PlaneKind;
  plane: Plane;
  planeKey: string; // changes with the plane, given the network
  explained: number | null; // share of the variance the plane keeps
  /** Only the two classes of the pair: field and samples. */
  restricted: boolean;
  /** The plane holds centroid direction and normal, so that their angle is drawn true. */
  turning: boolean;
  rows: Int32Array; // samples drawn
  coords: Float64Array; // (rows, 2) in the plane
  right: Uint8Array; // (rows,) called by their label
  shareRight: number; // of the pair's validation samples, by the rule (as trained: the network); NaN without any
  marked: number | null;
  attackable: boolean; // the plane along an attack is on offer
  /** On the marked sample, in the plane along it; null in other planes, and where there is none. */
  attack: AttackPlane | null;
  /** Why there is none, or that it is of an earlier network; else "". */
  attackWhy: string;
  frame: Frame;
}

/** Middle and half widths of the part of the plane that must be seen. */
interface Frame {
  cx: number;
  cy: number;
  rx: number;
  ry: number;
}

export const defaultPlane = (data: Dataset): PlaneKind => (data.d === 2 ? "data" : "tilt");

interface Offered {
  value: PlaneKind;
  label: string;
  title: string;
}

const PLANES: Record<PlaneKind, Omit<Offered, "value">> = {
  data: { label: "data", title: "The two features themselves" },
  tilt: {
    label: "tilt",
    title: "Holds the line between two class means and the boundary's normal: their angle is drawn true",
  },
  pca: { label: "PCA", title: "The two directions in which the samples vary most" },
  lda: {
    label: "LDA",
    title:
      "The two directions in which class means lie farthest apart, compared with the spread within classes",
  },
  points: { label: "3 points", title: "Through three samples: the first three selected" },
  attack: {
    label: "attack",
    title:
      "From the marked sample the shortest way found over the boundary (DeepFool), and towards the nearest sample of the class it reaches",
  },
};

/** Planes on offer for these data; an attack needs somebody who can run the network. */
export function planesFor(data: Dataset, attackable: boolean): Offered[] {
  const kinds: PlaneKind[] = data.d === 2 ? ["data", "tilt"] : ["tilt", "pca", "lda", "points"];
  return [...kinds, ...(attackable ? (["attack"] as const) : [])].map((value) => ({
    value,
    ...PLANES[value],
  }));
}

/** The plane that two-dimensional data are. */
const FLAT: Plane = { origin: new Float64Array(2), u: Float64Array.of(1, 0), v: Float64Array.of(0, 1) };

const FLAT_THERE = "no attack: the network is flat at the marked sample";

const KEPT = 20; // planes and frames remembered

/** Reads store and session; null while there is nothing to show, and where the data have one class only. */
export class Scenes {
  private last: Scene | null = null;
  private readonly whenChanged = whenChanged();
  private ofPair: { at: Shown; pair: PairData; rows: Int32Array } | null = null;
  private coords: { data: Dataset; plane: Plane; rows: Int32Array; coords: Float64Array } | null = null;
  private readonly planes = new Map<string, { data: Dataset; plane: Plane; explained: number | null }>();
  private readonly frames = new Map<string, { data: Dataset; frame: Frame }>();
  private readonly asker: Asker;
  private told: { of: Told; attack: AttackPlane | null } | null = null;

  constructor(
    private readonly session: Session,
    private readonly store: Store,
  ) {
    const answered = (key: string) =>
      key === attackKey((session.attack?.message.question ?? {}) as AttackQuestion);
    this.asker = new Asker(session, answered);
  }

  /** The same object until something in it changes: temperature and selection do not. */
  build(): Scene | null {
    const { session, store } = this;
    const data = session.dataset;
    const at = shown(session, store);
    const chosen = data && at ? pairOf(session, store.get<number[] | null>("pair")) : null;
    if (!data || !at || !chosen) return null;
    const pair = pairData(data, ...chosen);
    const marked = markedSample(session, store);
    const settings = ["normal_at", "regularisation", "tilt", "plane", "points"].map((key) => store.get(key));
    const kernel = [session.attack, session.alive, session.error];
    this.whenChanged([data, at, pair, marked, ...settings, ...kernel], () => {
      this.last = this.make(data, at, pair, marked);
    });
    return this.last;
  }

  private make(data: Dataset, at: Shown, pair: PairData, marked: number | null): Scene {
    const { session, store } = this;
    const trained = trainedOf(session, store, at, pair);
    const rule = ruleOf(store, data, pair, trained);
    const runs = at.network !== null && at.theta !== null;
    const attackable = runs || session.alive || session.attack !== null;
    const offered = planesFor(data, attackable).map((p) => p.value);
    const wanted = store.get<PlaneKind | null>("plane");
    const kind = wanted && offered.includes(wanted) ? wanted : defaultPlane(data);
    const restricted = kind === "tilt" || rule.kind !== "trained";
    const { attack, attackKey, attackWhy } = this.attack(data, at, kind === "attack" ? marked : null);
    const { plane, planeKey, explained } = this.plane(
      data,
      kind,
      pair,
      rule,
      attack && { attack, key: attackKey },
    );
    const { a, b } = pair;
    if (this.ofPair?.at !== at || this.ofPair.pair !== pair)
      this.ofPair = { at, pair, rows: at.rows.filter((i) => data.y[i] === a || data.y[i] === b) };
    const ofPair = this.ofPair.rows;
    const calls = callsB(data, at, ofPair, pair, rule);
    const rows = restricted ? ofPair : at.rows;
    const right = new Uint8Array(rows.length);
    for (let r = 0; r < rows.length; r++) {
      const label = data.y[rows[r]!]!;
      right[r] = Number(
        restricted ? Boolean(calls[r]) === (label === b) : argmax(at.logits, r * data.k, data.k) === label,
      );
    }
    return {
      data,
      at,
      pair,
      trained,
      rule,
      kind,
      plane,
      planeKey,
      restricted,
      rows,
      right,
      shareRight: shareRight(data, ofPair, calls, b),
      marked,
      attackable,
      attack,
      attackWhy,
      explained,
      frame: this.frame(data, kind, plane, planeKey, pair, attack),
      turning: kind === "tilt" || kind === "data",
      coords: this.coordsOf(data, plane, rows),
    };
  }

  /** The attack on a sample: found here, or by the kernel; the last one on it while another is on its way. */
  private attack(data: Dataset, at: Shown, sample: number | null) {
    const none = { attack: null, attackKey: "", attackWhy: "" };
    if (sample === null) return none;
    if (at.network && at.theta) {
      const attack = attackOn(data, at, sample);
      return { attack, attackKey: `attack ${at.key} ${sample}`, attackWhy: attack ? "" : FLAT_THERE };
    }
    const question = { sample, step: at.snapshot.step, member: at.member };
    const there = this.asker.want(attackKey(question), () => ({ kind: "attack", ...question }));
    const told = this.session.attack;
    const asked = told?.message.question as AttackQuestion | undefined;
    if (told && asked?.sample === sample && there !== "never") {
      if (this.told?.of !== told) this.told = { of: told, attack: attackTold(told, data) };
      const attackWhy =
        there === "coming"
          ? "of the network before; the kernel looks for this one's"
          : String(told.message.error);
      return { attack: this.told.attack, attackKey: `attack ${attackKey(asked)}`, attackWhy };
    }
    const why =
      there === "coming" ? "the kernel looks for an attack" : "no attack: the kernel does not answer";
    return { ...none, attackWhy: why };
  }

  /** The kernel could not answer. */
  forget(): void {
    this.asker.forget();
  }

  /** Where samples stand in a plane that stays while the rule turns: the same array says so. */
  private coordsOf(data: Dataset, plane: Plane, rows: Int32Array): Float64Array {
    const old = this.coords;
    if (old?.rows === rows && old.plane === plane && old.data === data) return old.coords;
    this.coords = { data, plane, rows, coords: planeProject(plane, data.X, rows) };
    return this.coords.coords;
  }

  private plane(
    data: Dataset,
    kind: PlaneKind,
    pair: PairData,
    rule: Rule,
    along: { attack: AttackPlane; key: string } | null,
  ) {
    const { X, d } = data;
    if (d === 2) return { plane: FLAT, planeKey: "data", explained: null };
    if (kind === "tilt") {
      const { centroids, a, b } = pair;
      const planeKey = `tilt ${a},${b} ${rule.kind} ${rule.turned} ${this.store.get("normal_at")}`;
      return { plane: { origin: centroids.midpoint, u: centroids.z, v: rule.n }, planeKey, explained: null };
    }
    const reference = referenceRows(data);
    // without an attack to draw, its plane is that of three samples
    const three = kind === "points" || kind === "attack" ? this.points(data, pair) : [];
    const planeKey = along?.key ?? `${kind} ${three}`;
    const found = this.planes.get(planeKey);
    if (found?.data === data) return { ...found, planeKey };
    if (along) {
      const { plane } = along.attack;
      const explained = explainedBy(plane, X, data.validation);
      return this.keepPlane(planeKey, { data, plane, explained });
    }
    const corners = three.map((i) => X.subarray(i * d, (i + 1) * d)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const training = () => [takeRows(X, d, reference), reference.length, d] as const;
    const plane =
      kind === "pca"
        ? pcaPlane(...training())
        : kind === "lda"
          ? ldaPlane(
              ...training(),
              Int32Array.from(reference, (i) => data.y[i]!),
            )
          : planeFromPoints(...corners);
    const explained = plane.explained
      ? plane.explained[0] + plane.explained[1]
      : explainedBy(plane, X, data.validation);
    return this.keepPlane(planeKey, { data, plane, explained });
  }

  private keepPlane(planeKey: string, found: { data: Dataset; plane: Plane; explained: number | null }) {
    if (this.planes.size > KEPT) this.planes.clear();
    this.planes.set(planeKey, found);
    return { plane: found.plane, planeKey, explained: found.explained };
  }

  /** Depends on data, pair and plane only, so that nothing moves with a slider. */
  private frame(
    data: Dataset,
    kind: PlaneKind,
    plane: Plane,
    planeKey: string,
    pair: PairData,
    attack: AttackPlane | null,
  ): Frame {
    const along = kind === "tilt" && data.d > 2;
    const key = along ? `tilt ${pair.a},${pair.b}` : planeKey;
    const found = this.frames.get(key);
    if (found?.data === data) return found.frame;
    const frame = along
      ? frameAlong(data, plane, pair)
      : attack && data.d > 2
        ? frameOf(attack)
        : frameRound(planeProject(plane, data.X, data.validation));
    if (this.frames.size > KEPT) this.frames.clear();
    this.frames.set(key, { data, frame });
    return frame;
  }

  /** The three chosen samples; by default the first of either class of the pair and the first of another
   *  class (or a second one of the first). */
  points(data: Dataset, { a, b }: Pick<PairData, "a" | "b">): number[] {
    const chosen = this.store.get<number[] | null>("points");
    if (chosen?.length === 3 && chosen.every((i) => Number.isInteger(i) && i >= 0 && i < data.n))
      return chosen;
    const { validation, y } = data;
    const first = validation.find((i) => y[i] === a) ?? 0;
    const second = validation.find((i) => y[i] === b) ?? 1;
    const third =
      validation.find((i) => y[i] !== a && y[i] !== b) ?? validation.find((i) => i !== first && i !== second);
    return [first, second, third ?? 2];
  }
}

/** Plane coordinates on the canvas. */
export interface View {
  box: Box;
  xlim: Limits;
  ylim: Limits;
  x(s: number): number;
  y(t: number): number;
  s(px: number): number;
  t(py: number): number;
}

const MARGIN = 1.1; // free space round the samples
const MOST_UNEQUAL = 8; // beyond this ratio of ranges equal units would leave only a stripe
const QUANTILE = 0.99; // share of the pair's samples inside the tilt plane's frame

/** Room for the pair along its centroid direction, whatever the plane's second direction. */
function frameAlong(data: Dataset, plane: Plane, pair: PairData): Frame {
  const along = planeProject(plane, data.X, pair.rows)
    .filter((_, i) => i % 2 === 0)
    .map(Math.abs)
    .sort();
  const reach = along[Math.floor(QUANTILE * (along.length - 1))]!;
  const rx = MARGIN * Math.max(reach, 0.6 * pair.centroids.distance);
  return { cx: 0, cy: 0, rx, ry: rx / 2 };
}

/** Free space round an attack, in lengths of its way: what lies beyond is other samples, mostly far off the plane. */
const ROUND = { x: 1.5, y: 0.85 };

function frameOf({ coords }: AttackPlane): Frame {
  const { cx, cy, rx, ry } = frameRound(Float64Array.from(coords.flat()));
  const reach = Math.max(rx, coords.length > 2 ? ry : 0) * 2;
  return { cx, cy, rx: ROUND.x * reach, ry: ROUND.y * reach };
}

function frameRound(coords: Float64Array): Frame {
  const range = (from: number): [number, number] => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = from; i < coords.length; i += 2) {
      low = Math.min(low, coords[i]!);
      high = Math.max(high, coords[i]!);
    }
    return [(low + high) / 2, (MARGIN * (high - low)) / 2 || 1];
  };
  const [cx, rx] = range(0);
  const [cy, ry] = range(1);
  return { cx, cy, rx, ry };
}

export function viewOf({ cx, cy, rx, ry }: Frame, box: Box): View {
  const equal = Math.max(rx / ry, ry / rx) < MOST_UNEQUAL;
  let [scaleX, scaleY] = [box.w / (2 * rx), box.h / (2 * ry)];
  if (equal) scaleX = scaleY = Math.min(scaleX, scaleY);
  const [midX, midY] = [box.x + box.w / 2, box.y + box.h / 2];
  const s = (px: number) => cx + (px - midX) / scaleX;
  const t = (py: number) => cy - (py - midY) / scaleY;
  return {
    box,
    s,
    t,
    x: (value) => midX + (value - cx) * scaleX,
    y: (value) => midY - (value - cy) * scaleY,
    xlim: [s(box.x), s(box.x + box.w)],
    ylim: [t(box.y + box.h), t(box.y)],
  };
}
