/** The loss view in a sentence. */

import { GROUPS } from "../../core/lossterms";
import { b } from "../../draw/dom";
import { percent } from "./shares";

export interface Said {
  name: string;
  againstName: string; // "" where nothing, or the same loss, is laid over
  part: string;
  n: number;
  all: number;
  temperature: number;
  mean: number; // NaN: the loss has no terms
  groups: Uint8Array;
  shares: readonly [number, number, number] | null;
  againstShares: readonly [number, number, number] | null;
  samples: readonly [number, number, number];
}

export function sentence(s: Said): (Node | string)[] {
  const of = s.n < s.all ? `${s.n} of ${s.all}` : `${s.n}`;
  const mean = Number.isNaN(s.mean) ? "no losses of single samples" : `mean loss ${s.mean.toPrecision(3)}`;
  const heat = s.temperature === 1 ? "" : ` at T = ${Number(s.temperature.toFixed(2))}`;
  const out: (Node | string)[] = [b(s.name), `: ${mean} on ${of} ${s.part} samples${heat}. `];
  if (!s.shares) return out;
  const present = GROUPS.map((_, i) => i).filter((i) => s.samples[i]! > 0);
  out.push("Of its gradient ");
  present.forEach((i, at) => {
    const [lead, of] =
      at === 0 ? ["", " come from "] : [at === present.length - 1 ? " and " : ", ", " from "];
    const ones =
      at === 0 ? ` samples (${percent(s.samples[i]!)} of all)` : ` ones (${percent(s.samples[i]!)})`;
    out.push(`${lead}${percent(s.shares![i]!)}${of}`, b(GROUPS[i]!), ones);
  });
  out.push(". ");
  if (s.againstName && s.againstShares) {
    const last = s.samples[2] > 0 ? 2 : 1;
    out.push(`With ${s.againstName} ${percent(s.againstShares[last]!)} come from ${GROUPS[last]!} ones. `);
  }
  return out;
}
