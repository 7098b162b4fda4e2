/** Loss and pull over p of the label or the margin, with a second loss laid over, and the samples on it. */

import type { LossProfile, ProfileAxis } from "../../core/lossprofile";
import { profileEnds } from "../../core/lossprofile";
import { line, ring, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, groupColours, roundUp, scaleOf } from "./axes";
import { explain, fitted } from "./lettering";

export interface CurvePicture {
  axis: ProfileAxis;
  own: LossProfile | null;
  against: LossProfile | null; // null also where it is the same loss
  ownName: string;
  againstName: string;
  /** Why there is no curve, in words; "" where there is one. */
  why: string;
  /** Of each sample; values are NaN where the loss has no terms. */
  x: Float64Array;
  value: ArrayLike<number>;
  groups: Uint8Array;
  selected: Uint8Array | null; // of each sample
  marked: { x: number; value: number } | null;
  /** Sample under the pointer or the keys, and words on it. */
  cursor: { at: number; words: string } | null;
  /** Part of the x axis that is being brushed. */
  brush: readonly [number, number] | null;
}

/** Places of the samples as drawn, for the pointer. */
export interface CurveLayout {
  loss: Axes;
  y: Float64Array;
}

const WORDS: Record<ProfileAxis, string> = {
  p: "p of the label",
  margin: "margin to the best rival, in logits (curve: all rivals alike)",
};
const LEFT = 40;
const FAINT = 0.3;

export function drawCurve(
  g: CanvasRenderingContext2D,
  c: Colours,
  w: number,
  h: number,
  p: CurvePicture,
): CurveLayout {
  const s = scaleOf(g);
  const [heads, below, between, left] = [40 * s, 34 * s, 22 * s, LEFT * s]; // heads: names of the two losses
  const room = Math.max(40, h - heads - below - between);
  const xlim = profileEnds(p.axis);
  const xlims = p.axis === "p" ? ([0, 1] as const) : xlim;
  const loss: Axes = {
    box: { x: left, y: heads, w: w - left - 8, h: room * 0.62 },
    xlim: xlims,
    ylim: lossLimits(p),
  };
  const pull: Axes = {
    box: { x: left, y: heads + room * 0.62 + between, w: loss.box.w, h: room * 0.38 },
    xlim: xlims,
    ylim: pullLimits(p),
  };
  drawFrame(g, c, loss, { title: "" });
  drawFrame(g, c, pull, { title: "pull on the label's logit, −∂loss/∂z", x: WORDS[p.axis], yCount: 3 });
  drawNames(g, c, p, w);
  if (p.brush) {
    const [from, to] = p.brush.map((v) => atX(loss, v)) as [number, number];
    g.globalAlpha = 0.12;
    g.fillStyle = c.fg;
    g.fillRect(from, loss.box.y, to - from, pull.box.y + pull.box.h - loss.box.y);
    g.globalAlpha = 1;
  }
  const y = Float64Array.from(p.x, (_, i) => clampY(loss, p.value[i]!));
  drawSamples(g, c, loss, p, y);
  for (const [profile, colour, width, dash] of [
    [p.against, c.fg2, 1.5, [5, 4]],
    [p.own, c.accent, 1.5, []],
  ] as const) {
    if (!profile) continue;
    const x = p.axis === "p" ? profile.p : profile.margin;
    inside(g, loss, () => drawLine(g, loss, x, profile.value, colour, width, dash));
    const up = profile.gradient.map((v) => -v);
    inside(g, pull, () => drawLine(g, pull, x, up, colour, width, dash));
  }
  if (p.why) explain(g, c, p.why, loss.box);
  if (p.marked && !Number.isNaN(p.marked.value))
    ring(g, atX(loss, clampTo(p.marked.x, loss.xlim)), clampY(loss, p.marked.value), c, 5);
  if (p.cursor) {
    const [x, up] = [atX(loss, clampTo(p.x[p.cursor.at]!, loss.xlim)), y[p.cursor.at]!];
    g.beginPath();
    g.arc(x, up, 6, 0, 2 * Math.PI);
    g.strokeStyle = c.accent;
    g.lineWidth = 2;
    g.stroke();
  }
  return { loss, y };
}

/** Titles with the stroke of their curve; while a sample is pointed at, its words. */
function drawNames(g: CanvasRenderingContext2D, c: Colours, p: CurvePicture, w: number): void {
  if (p.cursor) return text(g, fitted(p.cursor.words, w, g), 0, 12 * scaleOf(g), { colour: c.fg });
  let y = 12 * scaleOf(g);
  for (const [name, colour, dash] of [
    [p.ownName, c.accent, []],
    [p.againstName, c.fg2, [5, 4]],
  ] as [string, string, number[]][]) {
    if (!name) continue;
    line(
      g,
      [
        [0, y - 4],
        [24, y - 4],
      ],
      colour,
      2,
      dash,
    );
    text(g, fitted(name, w - 34, g), 30, y, { colour: c.fg });
    y += 15 * scaleOf(g);
  }
}

/** From the least value to that of a sample with p = 0.02 (or margin -4); the rest is cut off at the top. */
function lossLimits(p: CurvePicture): [number, number] {
  const at = (profile: LossProfile) => {
    const x = p.axis === "p" ? profile.p : profile.margin;
    const from = p.axis === "p" ? 0.02 : -4;
    return profile.value[x.findIndex((v) => v >= from)]!;
  };
  const own = p.own ? at(p.own) : finiteMost(p.value);
  const other = p.against ? at(p.against) : own;
  const top = roundUp(Math.max(0.1, other, Math.min(own, 3 * Math.max(other, 0.1))));
  let least = 0;
  for (const profile of [p.own, p.against]) for (const v of profile?.value ?? []) if (v < least) least = v;
  for (let i = 0; i < p.value.length; i++) if (p.value[i]! < least) least = p.value[i]!;
  return [least < 0 ? Math.max(-roundUp(-least), -10 * top) : 0, top];
}

function finiteMost(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++)
    if (values[i]! > most && Number.isFinite(values[i])) most = values[i]!;
  return most;
}

function pullLimits(p: CurvePicture): [number, number] {
  let [least, most] = [0, 0];
  for (const profile of [p.own, p.against]) {
    for (const v of profile?.gradient ?? []) {
      if (!Number.isFinite(v)) continue;
      least = Math.min(least, -v);
      most = Math.max(most, -v);
    }
  }
  const top = roundUp(Math.min(most, 20));
  return [least < -1e-3 * top ? Math.max(-roundUp(-least), -top) : 0, top];
}

const clampTo = (v: number, [low, high]: readonly [number, number]) => Math.min(high, Math.max(low, v));
const clampY = (at: Axes, v: number) => atY(at, clampTo(v, at.ylim));

function inside(g: CanvasRenderingContext2D, { box }: Axes, draw: () => void): void {
  g.save();
  g.beginPath();
  g.rect(box.x, box.y - 1, box.w, box.h + 2);
  g.clip();
  draw();
  g.restore();
}

function drawLine(
  g: CanvasRenderingContext2D,
  at: Axes,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  colour: string,
  width: number,
  dash: readonly number[],
): void {
  const points: [number, number][] = [];
  const far = 4 * (at.ylim[1] - at.ylim[0]); // beyond the frame a canvas needs no more of it
  for (let i = 0; i < x.length; i++)
    if (!Number.isNaN(y[i]!))
      points.push([atX(at, x[i]!), atY(at, clampTo(y[i]!, [at.ylim[0] - far, at.ylim[1] + far]))]);
  line(g, points, colour, width, [...dash]);
}

/** One path for each group and strength: thousands of samples cost two fills each. */
function drawSamples(
  g: CanvasRenderingContext2D,
  c: Colours,
  at: Axes,
  p: CurvePicture,
  y: Float64Array,
): void {
  const colours = groupColours(c);
  for (let group = 0; group < 3; group++) {
    for (const chosen of p.selected ? [0, 1] : [1]) {
      g.beginPath();
      for (let i = 0; i < p.x.length; i++) {
        if (p.groups[i] !== group || (p.selected && p.selected[i] !== chosen) || Number.isNaN(y[i]!))
          continue;
        groupMark(g, group, atX(at, clampTo(p.x[i]!, at.xlim)), y[i]!);
      }
      g.globalAlpha = chosen ? 0.85 : FAINT;
      g.fillStyle = colours[group]!;
      g.fill();
    }
  }
  g.globalAlpha = 1;
}

/** Adds a sample to the path; each group has a shape besides its colour. */
export function groupMark(g: CanvasRenderingContext2D, group: number, x: number, y: number): void {
  if (group === 0) {
    g.moveTo(x + 2, y);
    g.arc(x, y, 2, 0, 2 * Math.PI);
  } else if (group === 1) {
    g.moveTo(x, y - 3.4);
    g.lineTo(x + 3, y + 2.4);
    g.lineTo(x - 3, y + 2.4);
    g.closePath();
  } else {
    g.moveTo(x, y - 3.8);
    g.lineTo(x + 3, y);
    g.lineTo(x, y + 3.8);
    g.lineTo(x - 3, y);
    g.closePath();
  }
}

/** Number of the sample nearest to a place, within reach; null for none. */
export function sampleAt(
  at: CurveLayout,
  x: Float64Array,
  px: number,
  py: number,
  reach = 12,
): number | null {
  let [best, least] = [null as number | null, reach ** 2];
  for (let i = 0; i < x.length; i++) {
    if (Number.isNaN(at.y[i]!)) continue;
    const far = (atX(at.loss, clampTo(x[i]!, at.loss.xlim)) - px) ** 2 + (at.y[i]! - py) ** 2;
    if (far <= least) [best, least] = [i, far];
  }
  return best;
}
