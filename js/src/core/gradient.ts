/** Slopes of a network's logits with respect to its input, in double precision. */

import { check, type Network } from "./forward";

/** One network at one point after another: its logits there, and gradients of any sum of them. */
export class InputGradient {
  readonly d: number;
  readonly k: number;
  private readonly starts: number[]; // where the parameters of each layer begin
  private readonly values: Float64Array[]; // what each layer gives: before the activation, or bumps
  private readonly inputs: Float64Array[]; // what each layer takes
  private readonly slopes: Float64Array[]; // what flows back into each layer
  private readonly gamma: number;

  constructor(
    private readonly network: Network,
    private readonly theta: Float32Array,
  ) {
    check(network, theta);
    const { kind, sizes } = network;
    this.d = sizes[0]!;
    this.k = sizes[sizes.length - 1]!;
    this.starts = [0];
    for (let i = 1; i < sizes.length - 1; i++)
      this.starts.push(this.starts[i - 1]! + sizes[i]! * sizes[i - 1]! + (kind === "rbf" ? 1 : sizes[i]!));
    this.values = sizes.slice(1).map((size) => new Float64Array(size));
    this.inputs = sizes.slice(0, -1).map((size) => new Float64Array(size));
    this.slopes = sizes.slice(0, -1).map((size) => new Float64Array(size));
    this.gamma = kind === "rbf" ? Math.exp(theta[sizes[1]! * sizes[0]!]!) : 0;
  }

  /** Logits (K,) at x (D,), overwritten by the next call; `pull` then is about x. */
  logits(x: ArrayLike<number>): Float64Array {
    const { values, inputs, starts } = this;
    for (let i = 0; i < this.d; i++) inputs[0]![i] = x[i]!;
    const last = values.length - 1;
    for (let layer = 0; layer <= last; layer++) {
      const [from, to] = [inputs[layer]!, values[layer]!];
      if (this.network.kind === "rbf" && layer < last) {
        this.bumps(from, to);
        inputs[1]!.set(to);
        continue;
      }
      this.affine(starts[layer]!, from, to);
      if (layer === last) break;
      const next = inputs[layer + 1]!;
      if (this.network.activation === "tanh") for (let o = 0; o < to.length; o++) next[o] = Math.tanh(to[o]!);
      else for (let o = 0; o < to.length; o++) next[o] = Math.max(0, to[o]!);
    }
    return values[last]!;
  }

  /** Gradient (D,) of sum_k seed_k z_k at the point of the last `logits`. ReLU passes above 0. */
  pull(seed: ArrayLike<number>): Float64Array {
    const { kind, activation } = this.network;
    const { values, inputs, starts, slopes } = this;
    const last = values.length - 1;
    this.back(starts[last]!, seed, values[last]!.length, slopes[last]!);
    if (kind === "rbf") return this.throughBumps(slopes[last]!);
    for (let layer = last - 1; layer >= 0; layer--) {
      const [slope, pre, after] = [slopes[layer + 1]!, values[layer]!, inputs[layer + 1]!];
      for (let o = 0; o < slope.length; o++) {
        if (activation === "tanh") slope[o]! *= 1 - after[o]! ** 2;
        else if (!(pre[o]! > 0)) slope[o] = 0;
      }
      this.back(starts[layer]!, slope, slope.length, slopes[layer]!);
    }
    return slopes[0]!.slice();
  }

  /**
   * Logits (K,) of the input 0 with the switches held as at the point of the last `logits`: what the linear map
   * there adds to A x. Null where units are no switches.
   */
  offset(): Float64Array | null {
    const { kind, activation } = this.network;
    const last = this.values.length - 1;
    if (last > 0 && (kind === "rbf" || activation === "tanh")) return null;
    let from = new Float64Array(this.d);
    for (let layer = 0; ; layer++) {
      const to = new Float64Array(this.values[layer]!.length);
      this.affine(this.starts[layer]!, from, to);
      if (layer === last) return to;
      from = to.map((v, o) => (this.values[layer]![o]! > 0 ? v : 0));
    }
  }

  private affine(at: number, x: Float64Array, out: Float64Array): void {
    const { theta } = this;
    const inputs = x.length;
    for (let o = 0, w = at; o < out.length; o++) {
      let sum = theta[at + out.length * inputs + o]!;
      for (let i = 0; i < inputs; i++) sum += x[i]! * theta[w++]!;
      out[o] = sum;
    }
  }

  private back(at: number, slope: ArrayLike<number>, outputs: number, out: Float64Array): void {
    out.fill(0);
    for (let o = 0; o < outputs; o++) {
      const g = slope[o]!;
      if (g === 0) continue;
      const w = at + o * out.length;
      for (let i = 0; i < out.length; i++) out[i]! += g * this.theta[w + i]!;
    }
  }

  private bumps(x: Float64Array, out: Float64Array): void {
    for (let m = 0, c = 0; m < out.length; m++) {
      let distance = 0;
      for (let i = 0; i < x.length; i++) distance += (x[i]! - this.theta[c++]!) ** 2;
      out[m] = Math.exp(-this.gamma * distance);
    }
  }

  private throughBumps(slope: Float64Array): Float64Array {
    const [x, bumps] = [this.inputs[0]!, this.values[0]!];
    const out = new Float64Array(this.d);
    for (let m = 0; m < bumps.length; m++) {
      const g = -2 * this.gamma * slope[m]! * bumps[m]!;
      for (let i = 0; i < this.d; i++) out[i]! += g * (x[i]! - this.theta[m * this.d + i]!);
    }
    return out;
  }
}

/** d(z_b - z_a)/dx at x: the direction in which class b gains on class a. */
export function pairGradient(
  network: Network,
  theta: Float32Array,
  x: ArrayLike<number>,
  a: number,
  b: number,
): Float64Array {
  const net = new InputGradient(network, theta);
  net.logits(x);
  const seed = new Float64Array(net.k);
  seed[b]! += 1;
  seed[a]! -= 1;
  return net.pull(seed);
}

/** Gradient (D,) of the cross-entropy of x, labelled `label`, with respect to x. */
export function lossGradient(net: InputGradient, x: ArrayLike<number>, label: number): Float64Array {
  const z = net.logits(x);
  const max = z.reduce((most, v) => Math.max(most, v), Number.NEGATIVE_INFINITY);
  const log = max + Math.log(z.reduce((sum, v) => sum + Math.exp(v - max), 0));
  return net.pull(z.map((v, j) => Math.exp(v - log) - Number(j === label)));
}
