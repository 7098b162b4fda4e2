/**
 * State and messages in one text: base64 of gzip of [uint32 length][JSON][buffers...]. What an exported
 * file holds (widgets/export.py) and what a saved notebook keeps. It is data from outside: nothing in it is
 * believed before it is checked.
 */

import type { Packet } from "./record";
import type { Message } from "./session";

const MOST_BYTES = 256_000_000; // unpacked: a small text may stand for terabytes

export interface Payload {
  state: Record<string, unknown>;
  packets: { header: Message; buffers: ArrayBuffer[] }[];
}

/** Consecutive pieces of `whole` from `at` on. */
export function cut(whole: ArrayBuffer, at: number, sizes: number[]): ArrayBuffer[] {
  let end = at;
  return sizes.map((size) => {
    end += size;
    return whole.slice(end - size, end);
  });
}

export async function packPayload(state: Record<string, unknown>, packets: Packet[]): Promise<string> {
  const head = {
    state,
    packets: packets.map(({ header, buffers }) => ({ header, sizes: buffers.map((b) => b.byteLength) })),
  };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const length = new Uint32Array([text.byteLength]);
  const parts = [length, text, ...packets.flatMap((p) => p.buffers)] as BlobPart[];
  const zipped = new Blob(parts).stream().pipeThrough(new CompressionStream("gzip"));
  return base64(new Uint8Array(await new Response(zipped).arrayBuffer()));
}

/** Throws an Error that says what is wrong with the text. */
export async function unpackPayload(text: string): Promise<Payload> {
  const whole = await unzip(text);
  if (whole.byteLength < 4) throw new Error("the data end before they begin");
  const length = new DataView(whole).getUint32(0, true);
  if (4 + length > whole.byteLength) throw new Error("the data are cut off");
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, length)));
  if (!isObject(head) || !isObject(head.state) || !Array.isArray(head.packets))
    throw new Error("the data hold no state and messages");
  let at = 4 + length;
  const packets = head.packets.map((packet: unknown) => {
    const { header, sizes } = (isObject(packet) ? packet : {}) as { header: Message; sizes: number[] };
    if (!isObject(header) || !Array.isArray(sizes) || !sizes.every((s) => Number.isInteger(s) && s >= 0))
      throw new Error("a message in the data has no header or no sizes");
    const start = at;
    at += sizes.reduce((sum, size) => sum + size, 0);
    if (at > whole.byteLength) throw new Error("the data are cut off");
    return { header, buffers: cut(whole, start, sizes) };
  });
  if (packets[0]?.header.kind !== "run") throw new Error("the data do not begin with a run");
  for (const { header, buffers } of packets) check(header, buffers, packets[0].header);
  return { state: readState(head.state), packets };
}

/** State as it is kept: arrays of numbers as lists. */
export function plainState(state: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(state).map(([k, v]) => [k, v instanceof Int32Array ? [...v] : v]);
  return Object.fromEntries(entries);
}

/** State as views want it. */
export function readState(state: Record<string, unknown>): Record<string, unknown> {
  const { selection } = state;
  return Array.isArray(selection) ? { ...state, selection: Int32Array.from(selection as number[]) } : state;
}

/** Whether the arrays of a message have the sizes that its header speaks of: views index them unasked. */
function check(header: Message, buffers: ArrayBuffer[], run: Message): void {
  const sizes = buffers.map((b) => b.byteLength / 4);
  const wrong = (what: string) => new Error(`the data of the ${what} do not have the size they should have`);
  const { n, d, k } = (isObject(run.dataset) ? run.dataset : {}) as { n: number; d: number; k: number };
  if (header.kind === "run") {
    if (![n, d, k].every((v) => Number.isInteger(v) && v >= 0) || !isObject(header.run)) throw wrong("run");
    const large = header.predictions !== undefined; // their labels come piece by piece
    const [labels, clean] = [large ? 0 : n, header.clean ? 0 : n];
    const fits = sizes.length === 5 && sizes[0] === n * d && sizes[1] === labels && sizes[2] === clean;
    const within = (most: number) => (b: ArrayBuffer) => new Int32Array(b).every((v) => v >= 0 && v < most);
    if (!fits || !sizes.every(Number.isInteger)) throw wrong("samples");
    if (!buffers.slice(1, 3).every(within(k)) || !buffers.slice(3).every(within(n))) throw wrong("samples");
  }
  if (header.kind === "snapshots") {
    const { items } = header;
    const same = new Set(sizes).size <= 1 && Number.isInteger(sizes[0] ?? 0);
    if (!Array.isArray(items) || items.length !== sizes.length || !same) throw wrong("snapshots");
    const numbers = run.predictions !== undefined ? 0 : n * k;
    if (!run.network && sizes.length && sizes[0] !== numbers) throw wrong("snapshots");
  }
  if (header.kind === "landscape") {
    const land = isObject(header.landscape) ? header.landscape : {};
    const { xs, ys, temperatures: t } = land as Record<string, number[]>;
    if (!Array.isArray(xs) || !Array.isArray(ys) || !Array.isArray(t)) throw wrong("landscape");
    const cells = xs.length * ys.length;
    if (sizes.length !== 5 || sizes[3]! * 2 !== cells * t.length || sizes[4] !== cells)
      throw wrong("landscape");
  }
}

async function unzip(text: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > MOST_BYTES) throw new Error("the data are larger than any view that clsviz saves");
    parts.push(value as Uint8Array<ArrayBuffer>);
  }
  return new Blob(parts).arrayBuffer();
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000)
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
