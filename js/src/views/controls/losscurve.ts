/** The little picture: a loss over the probability of the true class. */

import { line, makeCanvas, ring, text } from "../../draw/canvas";
import { colours } from "../../draw/theme";

type Curve = (p: number) => number;

const TALLEST = 3.2; // loss at the top, nats
const LOWEST = -0.25; // where a curve below 0 is cut off
const LEAST_P = 0.02;
const POINTS = 60;

export interface LossCurve {
  el: HTMLCanvasElement;
  /**
   * Draws a curve over thinner ones to compare with; `values`: what both are made of. `words` stand above,
   * `marked` is p of the marked sample.
   */
  paint(o: {
    curve: Curve | null;
    others: readonly Curve[];
    values: readonly unknown[];
    words: string;
    marked: number | null;
  }): void;
}

export function makeLossCurve(): LossCurve {
  const canvas = makeCanvas("The loss as a function of the probability of the true class");
  return {
    el: canvas.el,
    paint({ curve, others, values, words, marked }) {
      const { g, w, h: height } = canvas.begin();
      const c = colours(canvas.el);
      const [top, floor] = [18, height - 15];
      const x = (p: number) => 2 + p * (w - 4);
      const y = (v: number) => floor - (Math.max(LOWEST, Math.min(TALLEST, v)) / TALLEST) * (floor - top);
      canvas.layer("curves", [c, words, ...values], (to) => {
        text(to, words, 0, 11, { colour: c.fg2 });
        const ground = [
          [0, floor + 0.5],
          [w, floor + 0.5],
        ] as const;
        line(to, ground, c.line);
        text(to, "0", 2, height - 2, { colour: c.fg2 });
        text(to, "p", w / 2, height - 2, { colour: c.fg2, align: "center" });
        text(to, "1", w - 2, height - 2, { colour: c.fg2, align: "right" });
        if (!curve) return;
        const points = (f: Curve) =>
          Array.from({ length: POINTS + 1 }, (_, i) => {
            const p = Math.min(1 - 1e-9, Math.max(LEAST_P, i / POINTS));
            return [x(p), y(f(p))] as const;
          });
        for (const other of others) line(to, points(other), c.bar, 1);
        line(to, points(curve), c.fg, 2);
      });
      if (curve && marked !== null) {
        const p = Math.min(1 - 1e-9, Math.max(marked, 1e-9));
        ring(g, x(p), y(curve(p)), c, 4);
      }
    },
  };
}
