/** The numbers behind the gallery; kept until data, kind or prototypes change. */

import { forward } from "../../core/forward";
import {
  classMeans,
  classMedoids,
  type Decided,
  decide,
  decodedPrototypes,
  type GalleryKind,
  median,
  nearestRows,
  type Prototypes,
  ruleAccuracy,
  twoMeans,
} from "../../core/gallery";
import type { Dataset, Session } from "../../core/session";
import { logitsOf, type Shown } from "../../core/shown";

const NEAREST = 24; // training samples kept per prototype, more than any strip shows

export interface Gallery {
  kind: GalleryKind;
  P: Prototypes;
  vectors: Float32Array; // as the network takes them
  names: string[]; // "8b"
  base: Int32Array; // samples the prototypes are made from
  rows: Int32Array; // samples they decide: the validation part
  decided: Decided;
  members: Int32Array[]; // by prototype: the samples it decides
  purity: number[]; // share of these that are of its class; NaN where it decides none
  rule: number; // accuracy of the nearest-prototype rule
  scale: number; // of similarity: median squared distance to the nearest prototype
  nearest(p: number): { row: number; distance: number }[];
}

const cache = new WeakMap<Dataset, Map<string, { of: unknown; gallery: Gallery }>>();

export function galleryOf(session: Session, kind: GalleryKind): Gallery | null {
  const data = session.dataset;
  if (!data || data.d === 0 || data.X.length === 0) return null;
  const of = kind === "decoded" ? session.prototypes : data;
  if (!of) return null;
  const kept = cache.get(data) ?? new Map<string, { of: unknown; gallery: Gallery }>();
  cache.set(data, kept);
  const found = kept.get(kind);
  if (found?.of === of) return found.gallery;
  const gallery = build(session, data, kind);
  kept.set(kind, { of, gallery });
  return gallery;
}

function build(session: Session, data: Dataset, kind: GalleryKind): Gallery {
  const { X, y, d, k } = data;
  const base = data.train.length ? data.train : data.validation; // a watched loop has no training part
  const rows = data.validation.length ? data.validation : data.train;
  const P =
    kind === "decoded"
      ? decodedPrototypes(session.prototypes!.images, d, session.prototypes!.weights, k)
      : (kind === "mean" ? classMeans : kind === "medoid" ? classMedoids : twoMeans)(X, d, base, y, k);
  const decided = decide(P, X, rows);
  const members: number[][] = Array.from({ length: P.m }, () => []);
  decided.nearest.forEach((p, i) => {
    members[p]!.push(rows[i]!);
  });
  const near = new Map<number, { row: number; distance: number }[]>();
  return {
    kind,
    P,
    base,
    rows,
    decided,
    vectors: Float32Array.from(P.vectors),
    names: P.letters.map(
      (letter, p) => `${data.classNames[P.classes[p]!] ?? P.classes[p]}${letter && letterGap(data)}${letter}`,
    ),
    members: members.map((m) => Int32Array.from(m)),
    purity: members.map((m, p) => m.filter((row) => y[row] === P.classes[p]).length / m.length),
    rule: ruleAccuracy(P, decided, rows, y),
    scale: median(decided.squared),
    nearest(p) {
      if (!near.has(p)) near.set(p, nearestRows(P, p, X, base, NEAREST));
      return near.get(p)!;
    },
  };
}

/** "8b", but "setosa b". */
const letterGap = (data: Dataset): string => (data.classNames.every((name) => name.length <= 2) ? "" : " ");

/** Logits the network gives the prototypes, (m, k); null where only the kernel could compute them. */
export function prototypeLogits(session: Session, at: Shown, gallery: Gallery): Float32Array | null {
  if (at.theta && at.network) {
    const logits = forward(at.network, at.theta, gallery.vectors, gallery.P.m);
    at.tilted?.(logits, gallery.vectors);
    return logits;
  }
  return gallery.P.source ? logitsOf(session, at, gallery.P.source) : null;
}

/** Share of the samples that prototype `p` decides which are selected; 0 where it decides none. */
export function membersSelected(gallery: Gallery, p: number, selected: Uint8Array): number {
  const members = gallery.members[p]!;
  return members.length ? members.reduce((n, row) => n + selected[row]!, 0) / members.length : 0;
}
