/** The mean of class a and its mirror image beyond the boundary: while they look alike, the tilt is bad. */

import { pairLogit } from "../../core/boundary";
import { dot, norm, without } from "../../core/linalg";
import type { Dataset } from "../../core/session";
import { mirrorImage } from "../../core/tilt";
import { image, line, text } from "../../draw/canvas";
import { type Colours, rgb } from "../../draw/theme";
import { shorten } from "./picture";
import type { Scene } from "./scene";

type G = CanvasRenderingContext2D;

const IMAGE = 46; // px
const FEATURES = 5;

/** What the picture says, in words. */
export function mirrorWords(scene: Scene): string {
  const { data, pair } = scene;
  if (!data.imageShape)
    return `Features the boundary leans along most: ${leanings(scene)
      .map((f) => f.name)
      .join(", ")}`;
  return `Mean ${data.classNames[pair.a]} and its mirror image beyond the boundary, called ${called(scene)}`;
}

function called({ data, pair, rule, at, trained }: Scene): string {
  const { a, b, centroids } = pair;
  const mirrored = mirrorImage(centroids.a, rule);
  // of a nonlinear network the boundary is only the tangent: its own word on the mirror image counts
  const own = rule.kind === "trained" && trained.exact && at.network!.kind !== "linear";
  const isB = own ? pairLogit(at, mirrored, a, b) > 0 : dot(rule.w, mirrored) + rule.b > 0;
  return data.classNames[isB ? b : a]!;
}

const ranges = new WeakMap<Dataset, [number, number]>();

/** Lowest and highest entry of all inputs: black and white of an image. */
function rangeOf(data: Dataset): [number, number] {
  const found = ranges.get(data);
  if (found) return found;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of data.X) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  ranges.set(data, [low, high]);
  return [low, high];
}

export function drawMirror(g: G, c: Colours, scene: Scene, w: number, h: number): void {
  if (scene.data.imageShape) drawImages(g, c, scene, w, h);
  else drawLeanings(g, c, scene, w);
}

function drawImages(g: G, c: Colours, scene: Scene, w: number, h: number): void {
  const { data, pair, rule } = scene;
  const [low, high] = rangeOf(data);
  const [ink, ground] = [rgb(c.fg), rgb(c.bg)];
  const pictures = [pair.centroids.a, mirrorImage(pair.centroids.a, rule)];
  pictures.forEach((X, i) => {
    const x = i ? w - IMAGE - 1 : 1;
    image(g, X, 0, data.imageShape!, x, 1, IMAGE, ink, ground, low, high);
    g.strokeStyle = c.line;
    g.lineWidth = 1;
    g.strokeRect(x - 0.5, 0.5, IMAGE + 1, IMAGE + 1);
  });
  text(g, "→", w / 2, IMAGE / 2, { align: "center", baseline: "middle", size: 15, colour: c.fg });
  text(g, `mean ${shorten(data.classNames[pair.a]!, 6)}`, 0, h - 8, { colour: c.fg2 });
  text(g, `called ${shorten(called(scene), 6)}`, w, h - 8, { align: "right", colour: c.fg2 });
}

interface Leaning {
  name: string;
  weight: number; // share of the normal's part across the centroids, with sign
}

/** Features with the largest entries in the normal's part across the centroid direction. */
function leanings({ data, rule, pair }: Scene): Leaning[] {
  const across = without(rule.w, pair.centroids.z);
  const size = norm(across) || 1;
  return Array.from(across, (v, i) => ({ name: data.featureNames[i] ?? `feature ${i}`, weight: v / size }))
    .sort((p, q) => Math.abs(q.weight) - Math.abs(p.weight))
    .slice(0, FEATURES);
}

function drawLeanings(g: G, c: Colours, scene: Scene, w: number): void {
  text(g, "leans along", 0, 9, { colour: c.fg2 });
  const [middle, half] = [w - 24, 22];
  leanings(scene).forEach(({ name, weight }, i) => {
    const y = 20 + 11 * i;
    text(g, shorten(name, 13), 0, y, { size: 10, colour: c.fg });
    g.fillStyle = c.bar;
    g.fillRect(middle, y - 7, half * weight, 7);
  });
  line(
    g,
    [
      [middle, 12],
      [middle, 12 + 11 * Math.min(FEATURES, scene.data.d)],
    ],
    c.fg2,
  );
}
