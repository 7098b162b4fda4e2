/** Ambiguity and discrepancy against epsilon, and below how many of the networks the set has. */

import type { Growth } from "../../core/multiplicity";
import { line, text } from "../../draw/canvas";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, roundUp, scaleOf } from "../loss/axes";

export const EPSILON = { low: 0.001, high: 3 }; // nats; what the slider and the axis span
const LEAST_TOP = 0.05; // share at which the axis ends where all are smaller
const LINE = 13; // px between two labels

export interface CurvesLayout {
  shares: Axes; // x: log10 of epsilon
  ratio: Axes;
}

const X = [Math.log10(EPSILON.low), Math.log10(EPSILON.high)] as const;
const TICKS = [0.001, 0.01, 0.1, 1].map((e) => [Math.log10(e), String(e)] as const);
const place = (epsilon: number) => Math.log10(Math.min(EPSILON.high, Math.max(EPSILON.low, epsilon)));

export const percent = (share: number): string => {
  const value = 100 * share;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)}\u00a0%`;
};

export function layoutCurves(g: CanvasRenderingContext2D, w: number, h: number, grown: Growth): CurvesLayout {
  const s = scaleOf(g);
  text(g, "", 0, 0, {});
  const left = 42 * s;
  const right = g.measureText("answer 88.8 %").width + 18;
  const wide = Math.max(20, w - left - right);
  const bottom = 34 * s;
  const room = h - 36 * s - bottom - 26 * s;
  const [high, low] = [0.68 * room, 0.32 * room].map((v) => Math.max(1, v)) as [number, number];
  const top = roundUp(Math.max(LEAST_TOP, last(grown.moved.ambiguity), last(grown.answers.ambiguity)));
  const upper = { x: left, y: 36 * s, w: wide, h: high };
  return {
    shares: { box: upper, xlim: X, ylim: [0, Math.min(1, top)] },
    ratio: { box: { ...upper, y: upper.y + high + 26 * s, h: low }, xlim: X, ylim: [0, 1] },
  };
}

const last = (values: Float64Array) => values[values.length - 1]!;

/** Epsilon under a place of the canvas, to four digits. */
export function epsilonAt({ shares: { box } }: CurvesLayout, px: number): number {
  const at = X[0] + Math.min(1, Math.max(0, (px - box.x) / box.w)) * (X[1] - X[0]);
  return Number((10 ** at).toPrecision(4));
}

export function drawCurves(
  g: CanvasRenderingContext2D,
  c: Colours,
  { shares, ratio }: CurvesLayout,
  grown: Growth,
  epsilon: number,
  count: number,
): void {
  const { box } = shares;
  drawFrame(g, c, shares, {
    title: "share of the samples",
    yFormat: (v) => `${Math.round(1000 * v) / 10} %`,
  });
  drawFrame(g, c, ratio, {
    title: "share of the networks (Rashomon ratio)",
    x: "epsilon (nats worse than the best)",
    xTicks: TICKS,
    yFormat: (v) => `${Math.round(100 * v)} %`,
    yCount: 2,
  });
  const s = scaleOf(g);
  const y0 = 12 * s;
  const entry = (x: number, dash: number[], words: string) => {
    line(g, [[x, y0 - 4], [x + 18, y0 - 4]], c.fg2, 1.8, dash); // biome-ignore format: two ends
    text(g, words, x + 23, y0, { colour: c.fg2 });
    return x + 23 + g.measureText(words).width + 12;
  };
  entry(entry(box.x, [], "ambiguity"), DASH, "discrepancy");

  const curve = (values: ArrayLike<number>, axes: Axes, colour: string, dash: number[]) => {
    const points: [number, number][] = [];
    grown.epsilon.forEach((e, j) => {
      if (e > EPSILON.high) return;
      const x = atX(axes, place(e));
      if (points.length) points.push([x, points[points.length - 1]![1]]);
      points.push([x, atY(axes, values[j]!)]);
    });
    points.push([axes.box.x + axes.box.w, points[points.length - 1]![1]]);
    line(g, points, colour, 1.8, dash);
    return points[points.length - 1]![1];
  };
  const ends = [
    { of: grown.moved.ambiguity, colour: c.fg, dash: [], word: "moves" },
    { of: grown.moved.discrepancy, colour: c.fg, dash: DASH, word: "moves" },
    { of: grown.answers.ambiguity, colour: c.gap, dash: [], word: "answer" },
    { of: grown.answers.discrepancy, colour: c.gap, dash: DASH, word: "answer" },
  ].map((line) => ({ ...line, y: curve(line.of, shares, line.colour, line.dash) }));
  curve(
    Float64Array.from(grown.epsilon, (_, j) => (j + 1) / grown.epsilon.length),
    ratio,
    c.fg,
    [],
  );

  const edge = box.x + box.w;
  const places = spread(ends.map((e) => e.y), box.y, box.y + box.h, LINE * s); // biome-ignore format: one thought
  ends.forEach(({ of, colour, word, y }, i) => {
    line(g, [[edge, y], [edge + 8, places[i]!]], colour, 0.8); // biome-ignore format: two ends
    const words = `${word} ${percent(of[count - 1]!)}`;
    text(g, words, edge + 11, places[i]!, { baseline: "middle", colour });
  });
  const share = count / grown.epsilon.length;
  text(g, percent(share), edge + 11, ratio.box.y + ratio.box.h / 2, { baseline: "middle", colour: c.fg });

  const x = atX(shares, place(epsilon));
  for (const { y, h } of [box, ratio.box])
    line(g, [[x, y], [x, y + h]], c.accent, 1.5, [3, 3]); // biome-ignore format: two ends
  g.beginPath();
  g.arc(x, box.y, 4, 0, 2 * Math.PI);
  g.fillStyle = c.accent;
  g.fill();
}

const DASH = [5, 3];

/** The places, moved apart to at least `gap`, inside low..high as far as there is room. */
export function spread(wanted: readonly number[], low: number, high: number, gap: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  const out = [...wanted];
  let floor = low;
  for (const i of order) {
    out[i] = Math.max(out[i]!, floor);
    floor = out[i]! + gap;
  }
  let roof = high;
  for (const i of order.reverse()) {
    out[i] = Math.min(out[i]!, roof);
    roof = out[i]! - gap;
  }
  return out;
}
