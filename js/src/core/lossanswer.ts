/** What the kernel says of losses that the browser does not compute. No DOM. */

import { asFloat32 } from "./arrays";
import type { LossProfile, LossSimplex, ProfileAxis } from "./lossprofile";
import { profileMargins, SIMPLEX_SIDE, simplexPoints } from "./lossprofile";
import type { LossTerms } from "./lossterms";
import type { Message } from "./session";

/** One loss; what it does not have is null, and `why` says so in words. */
export interface LossItem {
  name: string;
  why: string; // there is no curve
  whyNoTerms: string;
  note: string; // what its curve leaves out
  profiles: Record<ProfileAxis, LossProfile> | null;
  simplex: LossSimplex | null;
  terms: LossTerms | null;
}

export interface LossAnswer {
  key: string; // of the request
  items: LossItem[];
}

const PER_ITEM = 9; // buffers

/** The answer in a message (widgets/loss_job.py writes it); `k` classes. */
export function readLossAnswer(message: Message, buffers: (DataView | ArrayBuffer)[], k: number): LossAnswer {
  const items = message.items as { name: string; why: string; why_no_terms: string; note?: string }[];
  return {
    key: message.key as string,
    items: items.map(({ name, why, why_no_terms, note }, i) => {
      const all = buffers.slice(PER_ITEM * i, PER_ITEM * (i + 1)).map((b) => Float64Array.from(asFloat32(b)));
      const [pValue, pSlope, mValue, mSlope, field, flow, value, norm, weight] = all as [
        Float64Array,
        ...Float64Array[],
      ] as Float64Array[];
      const profile = (axis: ProfileAxis, v: Float64Array, gradient: Float64Array): LossProfile => {
        const margin = profileMargins(axis, k, v.length);
        return { margin, p: margin.map((s) => 1 / (1 + (k - 1) * Math.exp(-s))), value: v, gradient };
      };
      return {
        name,
        why,
        whyNoTerms: why_no_terms,
        note: note ?? "",
        profiles: pValue!.length
          ? { p: profile("p", pValue!, pSlope!), margin: profile("margin", mValue!, mSlope!) }
          : null,
        simplex: field!.length
          ? { side: SIMPLEX_SIDE, points: simplexPoints(), value: field!, flow: flow! }
          : null,
        terms: value!.length ? { value: value!, norm: norm!, weight: weight! } : null,
      };
    }),
  };
}
