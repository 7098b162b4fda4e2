/** Radii within which a network provably keeps its answer; the same as clsviz.boundary.certified_radius_network. */

import { check, type Network } from "./forward";
import { norm, plus, spectralNorm } from "./linalg";
import { argmax } from "./softmax";

export interface Certificate {
  by: "linear" | "rbf" | "lipschitz"; // linear: exact
  lipschitz: number; // one constant of the logits for all samples; NaN for the others
  /** Euclidean radius round a sample with these logits. */
  radius(z: ArrayLike<number>): number;
}

/** What can be proved of a network. */
export function certificate(network: Network, theta: Float32Array): Certificate {
  check(network, theta);
  const { kind, sizes } = network;
  const k = sizes[sizes.length - 1]!;
  if (kind === "mlp" && sizes.length > 2) {
    const lipschitz = lipschitzBound(network, theta);
    const slopes = new Float64Array(k * k).fill(Math.SQRT2 * lipschitz);
    return { by: "lipschitz", lipschitz, radius: (z) => least(z, slopes) };
  }
  const inputs = sizes[sizes.length - 2]!;
  const from = kind === "rbf" ? inputs * sizes[0]! + 1 : 0;
  const rows = Array.from({ length: k }, (_, j) =>
    theta.subarray(from + j * inputs, from + (j + 1) * inputs),
  );
  // of a bump no slope is steeper than sqrt(2 gamma / e)
  const steepest = kind === "rbf" ? Math.sqrt(2 * Math.exp(theta[from - 1]! - 1)) : 1;
  const length = kind === "rbf" ? (v: Float64Array) => v.reduce((sum, a) => sum + Math.abs(a), 0) : norm;
  const slopes = new Float64Array(k * k);
  for (let a = 0; a < k; a++)
    for (let b = 0; b < k; b++) slopes[a * k + b] = steepest * length(plus(rows[a]!, -1, rows[b]!));
  return { by: kind === "rbf" ? "rbf" : "linear", lipschitz: Number.NaN, radius: (z) => least(z, slopes) };
}

/** Product of the layers' largest singular values: so much the logits change at most, per unit of input. */
export function lipschitzBound({ sizes }: Network, theta: Float32Array): number {
  let product = 1;
  let at = 0;
  for (let layer = 1; layer < sizes.length; layer++) {
    const [inputs, outputs] = [sizes[layer - 1]!, sizes[layer]!];
    product *= spectralNorm(theta.subarray(at, at + outputs * inputs), outputs, inputs);
    at += outputs * (inputs + 1);
  }
  return product;
}

/** The least lead over another class by how fast it may shrink, `slopes` (k, k). */
function least(z: ArrayLike<number>, slopes: Float64Array): number {
  const own = argmax(z);
  let radius = Number.POSITIVE_INFINITY;
  for (let j = 0; j < z.length; j++) {
    if (j === own) continue;
    const lead = z[own]! - z[j]!;
    radius = Math.min(radius, lead > 0 ? lead / slopes[own * z.length + j]! : 0);
  }
  return radius;
}
