/** What tilting costs two Gaussian classes (clsviz.boundary.tilt_toy), and the plane in which a rule leans. */

import { dot, norm, unit, without } from "./linalg";
import { normalCdf } from "./normal";

type Vector = ArrayLike<number>;

/** Two classes in the plane of the class axis z and the direction n in which a boundary leans. */
export interface TiltPlane {
  separation: number; // of the class means along z
  signal: number; // standard deviation along z
  tilt: number; // along n
  rho: number; // correlation of both
}

/** Probability of a wrong class, of the boundary through the midpoint whose normal is theta from z. */
export function tiltError(theta: number, { separation, signal, tilt, rho }: TiltPlane): number {
  const [c, s] = [Math.cos(theta), Math.sin(theta)];
  const spread = Math.hypot(signal * c + rho * tilt * s, Math.sqrt(1 - rho * rho) * tilt * s);
  const ratio = ((separation / 2) * c) / spread;
  return normalCdf(Number.isNaN(ratio) ? 0 : -ratio);
}

/** The angle of least error in the plane, radians. */
export const optimalAngle = ({ signal, tilt, rho }: TiltPlane): number => Math.atan2(-rho * signal, tilt) + 0;

export const ERROR_TOL = 0.01;
export const ANGLE_MIN = Math.PI / 6;

/** 0: hardly adversarial; 1: tilted as far as accuracy allows; 2: tilted at the cost of accuracy. */
export function adversarialType(angle: number, error: number, optimalError: number): 0 | 1 | 2 {
  if (Math.abs(angle) <= ANGLE_MIN) return 0;
  return error <= optimalError + ERROR_TOL ? 1 : 2;
}

/** Two classes with one covariance: their means are z * separation apart. */
export interface Classes {
  z: Float64Array; // unit
  separation: number;
  /** Covariance of the samples along two directions. */
  covariance(u: Float64Array, v: Float64Array): number;
}

/** The plane of z and a normal w, and w's angle in it; where w does not lean, the plane has no second axis. */
export function planeOf(w: Vector, { z, separation, covariance }: Classes): TiltPlane & { theta: number } {
  const direction = unit(w, "w");
  const lean = without(direction, z);
  const along = dot(direction, z);
  const signal = Math.sqrt(Math.max(0, covariance(z, z)));
  if (norm(lean) < 1e-9) return { separation, signal, tilt: 0, rho: 0, theta: along > 0 ? 0 : Math.PI };
  const n = unit(lean);
  const tilt = Math.sqrt(Math.max(0, covariance(n, n)));
  const scale = signal * tilt;
  const rho = scale > 0 ? Math.min(1, Math.max(-1, covariance(z, n) / scale)) : 0;
  return { separation, signal, tilt, rho, theta: Math.atan2(dot(direction, n), along) };
}
