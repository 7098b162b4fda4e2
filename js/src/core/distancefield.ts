/** How far the features of a plane's points are from those of the training samples. No DOM. */

import { evenly, takeRows } from "./arrays";
import { type Grid, gridPoints } from "./field";
import { type ScoreField, shades } from "./fieldscore";
import { forward, type Network, restrictToPlane } from "./forward";
import { body, type Detector, featureScorer, type Reference } from "./ood";

/** Which score, what it compares with, and what the farthest of the training samples has. */
export interface Distances {
  detector: Detector;
  reference: Reference;
  floor: number;
}

const MOST_FARTHEST = 100; // training samples whose own scores are looked at; as widgets/ood_job.py

let last: Distances | null = null;

/** The score of a detector against a reference; the last one is remembered. */
export function distances(detector: Detector, reference: Reference): Distances {
  if (last?.detector === detector && last.reference === reference) return last;
  const { values, labels, width } = reference;
  const own = takeRows(values, width, evenly(Int32Array.from(labels.keys()), MOST_FARTHEST));
  last = { detector, reference, floor: Math.min(...featureScorer(detector, reference)(own)) };
  return last;
}

/** Scores of a grid of so many points along a side; what is farther than any training sample has one shade. */
export const shaded = (
  values: ArrayLike<number>,
  { floor }: Pick<Distances, "floor">,
  side: number,
): ScoreField => shades(values, side, side, Number.POSITIVE_INFINITY, floor);

/** Scores (ny * nx,) of a network's features on a grid. */
export function distanceField(
  network: Network,
  theta: Float32Array,
  { detector, reference }: Pick<Distances, "detector" | "reference">,
  grid: Grid,
): Float64Array {
  const score = featureScorer(detector, reference);
  const before = body(network, theta);
  const flat = before && restrictToPlane(before.network, before.theta, grid.plane);
  const points = gridPoints(grid);
  const scores = new Float64Array(points.length / 2);
  for (let from = 0; from < scores.length; from += grid.nx) {
    const row = points.subarray(2 * from, 2 * (from + grid.nx));
    scores.set(score(flat ? forward(flat.network, flat.theta, row, grid.nx) : lifted(row, grid)), from);
  }
  return scores;
}

/** The points of input space with the plane coordinates (n, 2). */
function lifted(coords: Float32Array, { plane: { origin, u, v } }: Grid): Float32Array {
  const d = origin.length;
  return Float32Array.from(
    { length: (coords.length / 2) * d },
    (_, at) =>
      origin[at % d]! +
      coords[2 * Math.floor(at / d)]! * u[at % d]! +
      coords[2 * Math.floor(at / d) + 1]! * v[at % d]!,
  );
}
