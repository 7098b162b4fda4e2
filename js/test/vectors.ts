/// <reference types="vite/client" />
/** Reads what tests/parity/write.py wrote: numbers computed by the Python side. */

const files = import.meta.glob<unknown>("./vectors/*.json", { import: "default" });

/** The vectors called `name`. Numbers that JSON lacks arrive as "NaN", "Infinity", "-Infinity": see `number`. */
export async function vectors<T>(name: string): Promise<T> {
  const read = files[`./vectors/${name}.json`];
  if (!read) throw new Error(`js/test/vectors/${name}.json is missing: run "make js-test", which writes it`);
  return (await read()) as T;
}

/** A number of a vector file, the non-finite ones included. */
export const number = (value: number | string): number => Number(value);
