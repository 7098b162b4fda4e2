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
  out.push("Gradient: ");
  present.forEach((i, at) => {
    const lead = at === 0 ? "" : at === present.length - 1 ? " and " : ", ";
    out.push(`${lead}${percent(s.shares![i]!)} from `, b(GROUPS[i]!), ` (${percent(s.samples[i]!)} of them)`);
  });
  out.push(". ");
  if (s.againstName && s.againstShares) {
    const last = s.samples[2] > 0 ? 2 : 1;
    out.push(`With ${s.againstName}, ${percent(s.againstShares[last]!)} from ${GROUPS[last]!}. `);
  }
  return out;
}
