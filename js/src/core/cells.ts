/** Cells of a ReLU network in a plane: where the same hidden units are on it is one linear map. No DOM. */

import { crossings, type Grid, gridPoints } from "./field";
import { forward, type Network, restrictToPlane } from "./forward";

export const CELL_SIDE = 128; // points along a side at rest

export interface Cells {
  side: number; // points along a side
  /** Distinct activation patterns on the grid: a lower bound of the cells in it. */
  count: number;
  /** Pieces x1, y1, x2, y2 in grid units of the lines on which a unit turns on. */
  borders: Float32Array;
}

/** Why a network has no cells to draw; null where it has. */
export function whyNoCells(network: Network | null): string | null {
  if (!network) return "The kernel runs this model: the browser does not see its hidden units.";
  if (network.kind === "linear" || network.sizes.length < 3)
    return "A linear model is one cell: it has no hidden units.";
  if (network.kind === "rbf") return "Its hidden units are bumps: they fade and never turn off.";
  return network.activation === "tanh" ? "Its hidden units are tanh: they bend and never turn off." : null;
}

/** The cells of a fully connected ReLU network on a square grid. */
export function networkCells(network: Network, theta: Float32Array, grid: Grid): Cells {
  const { nx, ny } = grid;
  const flat = restrictToPlane(network, theta, grid.plane);
  const hidden = network.sizes.slice(1, -1);
  const units = hidden.reduce((sum, size) => sum + size, 0);
  const starts = hidden.map((_, layer) => hidden.slice(0, layer).reduce((sum, size) => sum + size, 0));
  const values = Array.from({ length: units }, () => new Float32Array(nx * ny)); // before the activation
  forward(flat.network, flat.theta, gridPoints(grid), nx * ny, undefined, (layer, from, rows, pre) => {
    const [size, first] = [hidden[layer]!, starts[layer]!];
    for (let r = 0; r < rows; r++)
      for (let o = 0; o < size; o++) values[first + o]![from + r] = pre[r * size + o]!;
  });
  const borders = values.flatMap((unit) => crossings(unit, nx, ny, 0));
  return { side: nx, count: new Set(patterns(values, nx * ny)).size, borders: Float32Array.from(borders) };
}

const BITS = 16; // of a character

/** The activation pattern of each point as a text; two are equal where the same units are on. */
export function patterns(values: readonly Float32Array[], points: number): string[] {
  const words = Array.from({ length: Math.ceil(values.length / BITS) }, () => 0);
  return Array.from({ length: points }, (_, p) => {
    words.fill(0);
    for (let unit = 0; unit < values.length; unit++)
      if (values[unit]![p]! > 0) words[Math.floor(unit / BITS)]! |= 1 << (unit % BITS);
    return String.fromCharCode(...words);
  });
}
