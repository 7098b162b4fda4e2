/** Networks the browser runs itself: linear, mlp and rbf, from one flat parameter vector. */

/** `sizes`: inputs first, classes last. Parameters (torch's order, weights (out, in) row-major):
 *  linear: weight, bias. mlp: weight, bias of each layer. rbf: centers (M, D), log_gamma, weight (K, M), bias. */
export type Network = { kind: "linear" | "mlp" | "rbf"; sizes: number[]; activation?: "relu" | "tanh" };

/** Two orthonormal directions through a point, each with one entry per input feature. */
export interface PlaneOf {
  origin: ArrayLike<number>;
  u: ArrayLike<number>;
  v: ArrayLike<number>;
}

const CHUNK = 64; // rows at a time: the hidden layers of a chunk stay in the processor's cache

export function parameterCount(network: Network): number {
  const { kind, sizes } = network;
  if (kind === "rbf") {
    const [d, m, k] = sizes as [number, number, number];
    return m * d + 1 + k * m + k;
  }
  let count = 0;
  for (let i = 1; i < sizes.length; i++) count += sizes[i]! * (sizes[i - 1]! + 1);
  return count;
}

/** Throws where parameters and sizes do not fit. */
export function check(network: Network, theta: ArrayLike<number>): void {
  const { kind, sizes } = network;
  const layers =
    kind === "linear" ? sizes.length === 2 : kind === "rbf" ? sizes.length === 3 : sizes.length >= 2;
  if (!layers) throw new Error(`a ${kind} network cannot have sizes ${sizes.join("-")}`);
  const count = parameterCount(network);
  if (theta.length !== count) {
    throw new Error(`a ${kind} ${sizes.join("-")} network has ${count} parameters, but ${theta.length} came`);
  }
}

/** Told what a hidden layer gives before its activation, (rows, size), from a row of X on; layers count from 0. */
export type Seen = (layer: number, from: number, rows: number, values: Float32Array) => void;

/** Logits (n, K) of the rows of X (n, D); sums are in double precision. */
export function forward(
  network: Network,
  theta: Float32Array,
  X: Float32Array,
  n: number,
  out: Float32Array = new Float32Array(n * network.sizes[network.sizes.length - 1]!),
  seen?: Seen,
): Float32Array {
  check(network, theta);
  const { sizes } = network;
  const d = sizes[0]!;
  const k = sizes[sizes.length - 1]!;
  if (X.length < n * d)
    throw new Error(`forward needs ${n} rows of ${d} features, but ${X.length} numbers came`);
  const buffers = sizes.slice(1, -1).map((size) => new Float32Array(CHUNK * size));
  for (let from = 0; from < n; from += CHUNK) {
    const rows = Math.min(CHUNK, n - from);
    let input = X.subarray(from * d, (from + rows) * d);
    let at = 0;
    for (let layer = 1; layer < sizes.length; layer++) {
      const [inputs, outputs] = [sizes[layer - 1]!, sizes[layer]!];
      const last = layer === sizes.length - 1;
      const output = last ? out.subarray(from * k, (from + rows) * k) : buffers[layer - 1]!;
      if (network.kind === "rbf" && !last) {
        bumps(input, rows, inputs, theta, outputs, output);
        at += outputs * inputs + 1;
      } else {
        dense(input, rows, inputs, theta, at, outputs, output);
        if (!last) seen?.(layer - 1, from, rows, output);
        if (!last) activate(output, rows * outputs, network.activation);
        at += outputs * (inputs + 1);
      }
      input = output;
    }
  }
  return out;
}

/** output = input W' + bias, four outputs at a time so that each input is read once for them. */
function dense(
  input: Float32Array,
  rows: number,
  inputs: number,
  theta: Float32Array,
  at: number,
  outputs: number,
  output: Float32Array,
): void {
  const bias = at + outputs * inputs;
  const blocked = outputs - (outputs % 4);
  for (let r = 0; r < rows; r++) {
    const x = r * inputs;
    const y = r * outputs;
    for (let o = 0; o < blocked; o += 4) {
      let s0 = theta[bias + o]!;
      let s1 = theta[bias + o + 1]!;
      let s2 = theta[bias + o + 2]!;
      let s3 = theta[bias + o + 3]!;
      let w0 = at + o * inputs;
      let w1 = w0 + inputs;
      let w2 = w1 + inputs;
      let w3 = w2 + inputs;
      for (let i = x; i < x + inputs; i++) {
        const v = input[i]!;
        s0 += v * theta[w0++]!;
        s1 += v * theta[w1++]!;
        s2 += v * theta[w2++]!;
        s3 += v * theta[w3++]!;
      }
      output[y + o] = s0;
      output[y + o + 1] = s1;
      output[y + o + 2] = s2;
      output[y + o + 3] = s3;
    }
    for (let o = blocked; o < outputs; o++) {
      let sum = theta[bias + o]!;
      let w = at + o * inputs;
      for (let i = x; i < x + inputs; i++) sum += input[i]! * theta[w++]!;
      output[y + o] = sum;
    }
  }
}

/** Features exp(-gamma |x - c|^2) of an rbf network, whose parameters begin with the centers. */
function bumps(
  input: Float32Array,
  rows: number,
  inputs: number,
  theta: Float32Array,
  centers: number,
  output: Float32Array,
): void {
  const gamma = Math.exp(theta[centers * inputs]!);
  for (let r = 0; r < rows; r++) {
    let c = 0;
    for (let m = 0; m < centers; m++) {
      let sum = 0;
      for (let i = r * inputs; i < (r + 1) * inputs; i++) {
        const gap = input[i]! - theta[c++]!;
        sum += gap * gap;
      }
      output[r * centers + m] = Math.exp(-gamma * sum);
    }
  }
}

function activate(values: Float32Array, count: number, activation: Network["activation"]): void {
  if (activation === "tanh")
    for (let i = 0; i < count; i++) values[i] = 1 - 2 / (Math.exp(2 * values[i]!) + 1);
  else for (let i = 0; i < count; i++) if (values[i]! < 0) values[i] = 0;
}

/** The same network as a function of the two coordinates in a plane: exact, and 2 inputs instead of D. */
export function restrictToPlane(
  network: Network,
  theta: Float32Array,
  plane: PlaneOf,
): { network: Network; theta: Float32Array } {
  check(network, theta);
  const [d, first] = network.sizes as [number, number];
  const rest = theta.subarray(first * d);
  const flat = { ...network, sizes: [2, ...network.sizes.slice(1)] };
  const out = new Float32Array(parameterCount(flat));
  out.set(rest, first * 2);
  const { origin, u, v } = plane;
  if (network.kind === "rbf") {
    // |o + s u + t v - c|^2 = (s - s_c)^2 + (t - t_c)^2 + h^2: the height h above the plane scales the weight
    const gamma = Math.exp(rest[0]!);
    const k = network.sizes[2]!;
    for (let m = 0; m < first; m++) {
      let [s, t, square] = [0, 0, 0];
      for (let i = 0; i < d; i++) {
        const gap = theta[m * d + i]! - origin[i]!;
        s += gap * u[i]!;
        t += gap * v[i]!;
        square += gap * gap;
      }
      out[m * 2] = s;
      out[m * 2 + 1] = t;
      const scale = Math.exp(-gamma * Math.max(0, square - s * s - t * t));
      for (let c = 0; c < k; c++) out[first * 2 + 1 + c * first + m]! *= scale;
    }
  } else {
    for (let o = 0; o < first; o++) {
      let [s, t, shift] = [0, 0, 0];
      for (let i = 0; i < d; i++) {
        const w = theta[o * d + i]!;
        s += w * u[i]!;
        t += w * v[i]!;
        shift += w * origin[i]!;
      }
      out[o * 2] = s;
      out[o * 2 + 1] = t;
      out[first * 2 + o]! += shift;
    }
  }
  return { network: flat, theta: out };
}
