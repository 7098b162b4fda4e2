/** The way of DeepFool on one sample, and the plane through it (clsviz.boundary.attack_plane). No DOM. */

import { asFloat64 } from "./arrays";
import { deepfool } from "./attacks";
import { type Runnable, referenceRows } from "./boundary";
import { InputGradient } from "./gradient";
import { type Plane, planeFromPoints, planeProject } from "./plane";
import type { Dataset, Told } from "./session";
import { argmax } from "./softmax";

export interface AttackPath {
  path: Float64Array[]; // the sample and the points of the attack
  distance: number; // Euclidean, from the first to the last
  called: readonly [number, number]; // classes of the first and of the last
  success: boolean; // whether the class changed
  by: "deepfool" | "straight"; // one step towards the nearest sample called otherwise: a model without slopes
}

export interface AttackPlane extends AttackPath {
  plane: Plane; // `coords` are those of the sample, of the end of the attack, and of the neighbour
  coords: [number, number][]; // of the path
  neighbour: number; // sample that the second axis points to
}

/** DeepFool's way from x; null where all slopes are zero. */
export function attackPath(net: InputGradient, x: ArrayLike<number>): AttackPath | null {
  const own = argmax(net.logits(x));
  const { distance, iterations, success } = deepfool(net, x);
  if (iterations === 0) return null;
  const path: Float64Array[] = [Float64Array.from(x)];
  // the attack is deterministic: stopped after i steps it is at its i-th point
  for (let i = 1; i <= iterations; i++) path.push(deepfool(net, x, { maxIter: i }).adversarial);
  return { path, distance, called: [own, argmax(net.logits(path[iterations]!))], success, by: "deepfool" };
}

/** The plane from x along an attack on it and towards the nearest sample of the class that it reaches; null where
 *  no sample spans a plane with it. `rows`: samples for the second axis. */
export function planeAlong(
  found: AttackPath,
  { X, y, d }: Pick<Dataset, "X" | "y" | "d">,
  rows: ArrayLike<number>,
): AttackPlane | null {
  const x = found.path[0]!;
  const end = found.path[found.path.length - 1]!;
  const apart = new Map(Array.from(rows, (row) => [row, squaredGap(X, row * d, x)]));
  const other = (row: number) => Number(y[row] !== found.called[1]);
  const order = Array.from(rows).sort((p, q) => other(p) - other(q) || apart.get(p)! - apart.get(q)!);
  for (const neighbour of order) {
    let plane: Plane;
    try {
      plane = planeFromPoints(x, end, X.subarray(neighbour * d, (neighbour + 1) * d));
    } catch {
      continue; // on the line of the attack
    }
    const flat = planeProject(plane, Float64Array.from(found.path.flatMap((p) => [...p])), [
      ...found.path.keys(),
    ]);
    const coords = found.path.map((_, i): [number, number] => [flat[2 * i]!, flat[2 * i + 1]!]);
    return { ...found, plane, coords, neighbour };
  }
  return null;
}

/** The plane along DeepFool's way from x; null where it does not move x, and as for `planeAlong`. */
export function attackPlane(
  net: InputGradient,
  x: ArrayLike<number>,
  data: Pick<Dataset, "X" | "y" | "d">,
  rows: ArrayLike<number>,
): AttackPlane | null {
  const found = attackPath(net, x);
  return found && planeAlong(found, data, rows);
}

export interface AttackQuestion {
  sample: number;
  step: number;
  member: number | null;
}

/** A question as one text, whatever order its parts came in. */
export const attackKey = ({ sample, step, member }: AttackQuestion): string =>
  JSON.stringify([sample, step, member]);

/** What the kernel said (widgets/attack_job.py writes it), as the page would have found it itself; null: nothing. */
export function attackTold({ message, buffers }: Told, data: Dataset): AttackPlane | null {
  if (message.error) return null;
  const { distance, called, neighbour, by } = message as unknown as AttackPlane;
  const flat = asFloat64(buffers[0]!);
  const path = Array.from({ length: flat.length / data.d }, (_, i) =>
    flat.subarray(i * data.d, (i + 1) * data.d),
  );
  return planeAlong({ path, distance, called, success: called[0] !== called[1], by }, data, [neighbour]);
}

function squaredGap(X: Float32Array, from: number, x: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (X[from + i]! - x[i]!) ** 2;
  return sum;
}

const kept = new WeakMap<Float32Array, Map<number, AttackPlane | null>>();

/** The plane along the attack on one sample of the data; null as for `attackPlane`, and where the browser does not
 *  run the network. */
export function attackOn(data: Dataset, at: Runnable, sample: number): AttackPlane | null {
  if (!at.network || !at.theta || data.d < 2) return null;
  const known = kept.get(at.theta) ?? new Map<number, AttackPlane | null>();
  kept.set(at.theta, known);
  let found = known.get(sample);
  if (found === undefined) {
    const x = data.X.subarray(sample * data.d, (sample + 1) * data.d);
    const rows = referenceRows(data).filter((row) => row !== sample);
    found = attackPlane(new InputGradient(at.network, at.theta), x, data, rows);
    known.set(sample, found);
  }
  return found;
}
