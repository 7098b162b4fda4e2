/** A grid of heights as a 3-D picture on a turntable, seen from far away (no perspective). No DOM. */

/** Angles in radians: yaw turns the table, pitch 0 looks along it, pi/2 from above. */
export interface Turn {
  yaw: number;
  pitch: number;
}

export const PITCH_LIMITS = [0.15, 1.45] as const;
/** Height of the surface, where the table reaches from -1 to 1. */
export const TALL = 1.1;

/** Screen place of (x, y, height): x, y in [-1, 1], height in [0, 1]; right and up are positive. */
export function project(turn: Turn, x: number, y: number, height: number): [number, number] {
  const [c, s] = [Math.cos(turn.yaw), Math.sin(turn.yaw)];
  const away = x * s + y * c;
  return [x * c - y * s, away * Math.sin(turn.pitch) + (height - 0.5) * TALL * Math.cos(turn.pitch)];
}

/** Half width and half height of the box that the picture never leaves at this pitch, whatever the yaw. */
export function extent(pitch: number): [number, number] {
  return [Math.SQRT2, Math.SQRT2 * Math.sin(pitch) + (TALL / 2) * Math.cos(pitch)];
}

export interface Mesh {
  nx: number;
  ny: number;
  points: Float64Array; // (ny, nx, 2) screen places; NaN where the height is
  order: Uint32Array; // cells (j * nx + i of their lowest corner), the farthest first
}

/** Projects heights (ny, nx); the cells come in painting order: exact for a height field, no sorting. */
export function mesh(heights: ArrayLike<number>, nx: number, ny: number, turn: Turn): Mesh {
  const points = new Float64Array(nx * ny * 2);
  const corner = project(turn, 0, 0, 0);
  // the projection is linear: three columns say all of it
  const [x, y, up] = [project(turn, 1, 0, 0), project(turn, 0, 1, 0), project(turn, 0, 0, 1)].map(
    ([u, v]) => [u - corner[0], v - corner[1]] as const,
  ) as [readonly [number, number], readonly [number, number], readonly [number, number]];
  for (let j = 0, at = 0; j < ny; j++) {
    const b = (2 * j) / (ny - 1) - 1;
    for (let i = 0; i < nx; i++, at++) {
      const a = (2 * i) / (nx - 1) - 1;
      const height = heights[at]!;
      points[2 * at] = corner[0] + a * x[0] + b * y[0] + height * up[0];
      points[2 * at + 1] = corner[1] + a * x[1] + b * y[1] + height * up[1];
    }
  }
  const order = new Uint32Array((nx - 1) * (ny - 1));
  const flipX = Math.sin(turn.yaw) > 0; // larger x is farther away
  const flipY = Math.cos(turn.yaw) > 0;
  let n = 0;
  for (let q = 0; q < ny - 1; q++) {
    const j = flipY ? ny - 2 - q : q;
    for (let p = 0; p < nx - 1; p++) order[n++] = j * nx + (flipX ? nx - 2 - p : p);
  }
  return { nx, ny, points, order };
}

/** The four corners of a cell, in drawing order. */
export const corners = (nx: number, cell: number): [number, number, number, number] => [
  cell,
  cell + 1,
  cell + nx + 1,
  cell + nx,
];

/** Grid place (i, j as fractions) of the nearest surface point under screen place (u, v), or null. */
export function pick(m: Mesh, u: number, v: number): { i: number; j: number } | null {
  for (let q = m.order.length - 1; q >= 0; q--) {
    const cell = m.order[q]!;
    const [a, b, c, d] = corners(m.nx, cell);
    // two triangles; s runs along x, t along y
    const first = within(m.points, a, b, d, u, v);
    if (first) return { i: (cell % m.nx) + first[0], j: Math.floor(cell / m.nx) + first[1] };
    const second = within(m.points, c, d, b, u, v);
    if (second) return { i: (cell % m.nx) + 1 - second[0], j: Math.floor(cell / m.nx) + 1 - second[1] };
  }
  return null;
}

/** Shares (s, t) with point = p + s (q - p) + t (r - p), when inside that triangle. */
function within(
  points: Float64Array,
  p: number,
  q: number,
  r: number,
  u: number,
  v: number,
): [number, number] | null {
  const [px, py] = [points[2 * p]!, points[2 * p + 1]!];
  const [qx, qy] = [points[2 * q]! - px, points[2 * q + 1]! - py];
  const [rx, ry] = [points[2 * r]! - px, points[2 * r + 1]! - py];
  const det = qx * ry - qy * rx;
  if (!(Math.abs(det) > 1e-12)) return null;
  const s = ((u - px) * ry - (v - py) * rx) / det;
  const t = ((v - py) * qx - (u - px) * qy) / det;
  return s >= -1e-9 && t >= -1e-9 && s + t <= 1 + 1e-9 ? [s, t] : null;
}
