/** Draws error rate against coverage: the curve with its band, the best order, chance, and the threshold. */

import { wilson } from "../../core/reliability";
import type { RiskCoverage } from "../../core/riskcoverage";
import { line } from "../../draw/canvas";
import { fontOf } from "../../draw/size";
import type { Colours } from "../../draw/theme";
import { type Axes, atX, atY, drawFrame, roundUp, scaleOf } from "../loss/axes";
import { BEFORE_DASH, drawLegend, type LegendItem, openDot, segment } from "./marks";
import { drawReadout } from "./picture";
import type { Cursor, Scene } from "./pointing";

type G = CanvasRenderingContext2D;

export interface RiskPicture {
  now: RiskCoverage; // with a calibrator, of what it says
  before: RiskCoverage | null;
  pinned: RiskCoverage | null;
  threshold: number; // 0: none
  cursor: Cursor | null;
}

const POINTS = 400; // of a curve, at most: more than there are pixels
const BAND = 0.3; // strength of the band
const HEADROOM = 1.6; // of the axis over the error rate of all answers: the first few may err more often

/** How many of the most confident reach a threshold. */
export const keptCount = ({ value }: RiskCoverage, threshold: number): number => {
  let k = 0;
  while (k < value.length && value[k]! >= threshold) k++;
  return k;
};

export function riskScene(p: RiskPicture, axes: Axes, pick: Scene["pick"]): Scene {
  const n = p.now.risk.length;
  const stops = [...new Set(Array.from({ length: 100 }, (_, i) => Math.ceil(((i + 1) * n) / 100) - 1))];
  const { box } = axes;
  return {
    places: n,
    stops,
    words: (k) => riskWords(p.now, k),
    at(x, y, beyond) {
      const inside = x >= box.x - 3 && x <= box.x + box.w + 3 && y >= box.y && y <= box.y + box.h + 3;
      if (!inside && !beyond) return null;
      return Math.min(n - 1, Math.max(0, Math.round(((x - box.x) / box.w) * n) - 1));
    },
    samples: null,
    pick,
  };
}

/** What is left at k + 1 answers, in words. */
export function riskWords({ risk, value }: RiskCoverage, k: number): string {
  const n = risk.length;
  const percent = (v: number) => `${(100 * v).toFixed(1)} %`;
  const [low, high] = wilson(risk[k]!, k + 1);
  return `answers ${percent((k + 1) / n)}: wrong ${percent(risk[k]!)} (${percent(low)}–${percent(high)}), from ${value[k]!.toFixed(3)} on`;
}

export function drawRisk(g: G, c: Colours, w: number, h: number, p: RiskPicture): Axes {
  const s = scaleOf(g);
  const n = p.now.risk.length;
  const errors = [p.now, p.before, p.pinned].map((r) => (r ? r.risk[n - 1]! : 0));
  const most = Math.max(...errors);
  const at: Axes = {
    box: { x: 44 * s, y: 26 * s, w: w - 62 * s, h: h - 62 * s },
    xlim: [0, 1],
    ylim: [0, Math.min(1, roundUp(Math.max(0.02, HEADROOM * most)))],
  };
  drawFrame(g, c, at, {
    title: "",
    x: "coverage (share answered, surest first)",
    xTicks: [0, 0.25, 0.5, 0.75, 1].map((v) => [v, `${100 * v} %`] as const),
    yFormat: (v) => `${Number((100 * v).toFixed(1))} %`,
  });
  g.save();
  g.beginPath();
  g.rect(at.box.x, at.box.y, at.box.w, at.box.h);
  g.clip();
  band(g, c, at, p.now);
  const [oracle, chance] = [c.fg2, c.fg2];
  line(g, points(at, p.now.best), oracle, 1.25, [1.5, 3]);
  const error = atY(at, p.now.risk[n - 1]!);
  segment(g, [at.box.x, error], [at.box.x + at.box.w, error], chance, 1, [6, 4]);
  if (p.pinned) line(g, points(at, p.pinned.risk), c.fg, 1.5, [5, 3]);
  if (p.before) line(g, points(at, p.before.risk), c.fg, 1.5, BEFORE_DASH);
  line(g, points(at, p.now.risk), c.fg, 2.25);
  g.restore();
  if (p.threshold > 0) {
    const k = keptCount(p.now, p.threshold);
    const x = atX(at, k / n);
    segment(g, [x, at.box.y], [x, at.box.y + at.box.h], c.accent, 2);
    if (k > 0) openDot(g, c, x, Math.max(at.box.y, atY(at, p.now.risk[k - 1]!)), 3.5);
  }
  if (p.cursor && p.cursor.place < n) {
    const x = atX(at, (p.cursor.place + 1) / n);
    segment(
      g,
      [x, at.box.y],
      [x, at.box.y + at.box.h],
      p.cursor.keys ? c.accent : c.fg2,
      p.cursor.keys ? 2 : 1,
    );
    openDot(g, c, x, Math.max(at.box.y, atY(at, p.now.risk[p.cursor.place]!)), 3);
  }
  const size = fontOf(g.canvas).size - 1;
  if (p.cursor && p.cursor.place < n) drawReadout(g, c, size, w, riskWords(p.now, p.cursor.place));
  else drawLegend(g, c, size, 4, w, legend(g, c, p));
  return at;
}

function legend(g: G, c: Colours, p: RiskPicture): LegendItem[] {
  const stroke =
    (colour: string, width: number, dash: number[] = []) =>
    (x: number, y: number) =>
      segment(g, [x, y], [x + 14, y], colour, width, dash);
  return [
    [
      p.before ? "after, 90 % band" : "error rate, 90 % band",
      (x, y) => {
        g.globalAlpha = BAND;
        g.fillStyle = c.bar;
        g.fillRect(x, y - 5, 14, 10);
        g.globalAlpha = 1;
        stroke(c.fg, 2.25)(x, y);
      },
    ],
    ...(p.before ? ([["before", stroke(c.fg, 1.5, BEFORE_DASH)]] as LegendItem[]) : []),
    ...(p.pinned ? ([["pinned", stroke(c.fg, 1.5, [5, 3])]] as LegendItem[]) : []),
    ["best order", stroke(c.fg2, 1.25, [1.5, 3])],
    ["at random", stroke(c.fg2, 1, [6, 4])],
  ];
}

const places = (n: number) =>
  Array.from({ length: Math.min(n, POINTS) }, (_, i) => Math.ceil(((i + 1) * n) / Math.min(n, POINTS)) - 1);

const points = (at: Axes, risk: Float64Array): [number, number][] =>
  places(risk.length).map((k) => [atX(at, (k + 1) / risk.length), atY(at, risk[k]!)]);

/** Wilson's 90 % interval at each coverage. */
function band(g: G, c: Colours, at: Axes, { risk }: RiskCoverage): void {
  const ends = places(risk.length).map((k) => ({
    x: atX(at, (k + 1) / risk.length),
    ends: wilson(risk[k]!, k + 1),
  }));
  g.beginPath();
  for (const {
    x,
    ends: [low],
  } of ends)
    g.lineTo(x, atY(at, low));
  for (const {
    x,
    ends: [, high],
  } of ends.reverse())
    g.lineTo(x, atY(at, high));
  g.closePath();
  g.globalAlpha = BAND;
  g.fillStyle = c.bar;
  g.fill();
  g.globalAlpha = 1;
}
