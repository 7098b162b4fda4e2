/** The line MAE - GCE - cross-entropy - focal, and fans of networks along a parameter of the loss. */

import type { Fan, Varied } from "../../core/fan";
import { type LossSpec, onTheLine } from "../../core/score";
import type { Session } from "../../core/session";
import type { SpecJson } from "./catalogue";

export const LINE_STOPS = [
  { value: -1, label: "MAE" },
  { value: -0.5, label: "GCE ½" },
  { value: 0, label: "cross-entropy" },
  { value: 0.5, label: "focal 2.5" },
  { value: 1, label: "focal 5" },
];

/** Losses whose parameter the line runs through. */
const OF_LINE = new Set(["mae", "gce", "cross_entropy", "focal"]);

/** Where a loss stands on the line, or null. */
export const lineOf = (spec: LossSpec): number | null =>
  OF_LINE.has(spec.name) ? (onTheLine(spec)?.u ?? null) : null;

/** The catalogue's loss at a place of the line. */
export function specAt(u: number): SpecJson {
  if (u < 0) return { name: "gce", params: { q: Number((-u).toFixed(3)) } };
  return u === 0
    ? { name: "cross_entropy", params: {} }
    : { name: "focal", params: { gamma: Number((5 * u).toFixed(3)) } };
}

/** A fan over a parameter of the loss. */
export interface LossFan {
  fan: Fan;
  varied: Varied;
  param: string;
  /** Place on the line of a value, where the fan runs along it. */
  u(value: number): number | null;
}

export function lossFan(session: Session): LossFan | null {
  const fan = session.fan;
  const varied = fan?.vary.find((v) => v.path.startsWith("loss."));
  if (!fan || !varied) return null;
  const param = varied.path.slice("loss.".length);
  return { fan, varied, param, u: (value) => lineOf({ name: fan.loss, params: { [param]: value } }) };
}

/** The trained value nearest to where the slider is, both placed by `place`. */
export const nearest = (values: readonly number[], place: (v: number) => number, at: number): number =>
  values.reduce((best, v) => (Math.abs(place(v) - at) < Math.abs(place(best) - at) ? v : best), values[0]!);
