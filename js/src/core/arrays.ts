/** Numbers on the wire: `{dtype, shape, data}` with one binary buffer. */

export interface Wire {
  dtype: "float32" | "int32" | "uint16" | "uint8";
  shape: number[];
  data: DataView | ArrayBuffer;
}

const TYPES = { float32: Float32Array, int32: Int32Array, uint16: Uint16Array, uint8: Uint8Array };

/** The bytes of a buffer as a typed array; copies when they are not aligned. */
function view<T>(
  buffer: DataView | ArrayBuffer,
  make: { new (b: ArrayBuffer, o: number, n: number): T; BYTES_PER_ELEMENT: number },
): T {
  const size = make.BYTES_PER_ELEMENT;
  const [whole, offset] =
    buffer instanceof DataView ? [buffer.buffer as ArrayBuffer, buffer.byteOffset] : [buffer, 0];
  const bytes = buffer.byteLength;
  if (offset % size === 0) return new make(whole, offset, bytes / size);
  return new make(whole.slice(offset, offset + bytes), 0, bytes / size);
}

export const asFloat32 = (b: DataView | ArrayBuffer): Float32Array => view(b, Float32Array);
export const asFloat64 = (b: DataView | ArrayBuffer): Float64Array => view(b, Float64Array);
export const asInt32 = (b: DataView | ArrayBuffer): Int32Array => view(b, Int32Array);
export const asUint16 = (b: DataView | ArrayBuffer): Uint16Array => view(b, Uint16Array);

export function readArray(wire: Wire | null): Float32Array | Int32Array | Uint16Array | Uint8Array | null {
  return wire
    ? view<Float32Array | Int32Array | Uint16Array | Uint8Array>(wire.data, TYPES[wire.dtype] as never)
    : null;
}

/** Rows `rows` of an (n, d) array, in that order. */
export function takeRows(X: Float32Array, d: number, rows: ArrayLike<number>): Float32Array {
  const out = new Float32Array(rows.length * d);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * d;
    out.set(X.subarray(from, from + d), i * d);
  }
  return out;
}

/** All rows, or so many of them evenly spaced. */
export const evenly = (rows: Int32Array, most: number): Int32Array =>
  rows.length <= most
    ? rows
    : Int32Array.from({ length: most }, (_, i) => rows[Math.floor((i * rows.length) / most)]!);
