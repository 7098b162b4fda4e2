/** A loss with its parameters in words. */

import { scoreName } from "../core/losses";
import { isSpec, type Score } from "../core/score";
import type { Store } from "../core/store";
import type { MethodEntry } from "./controls/catalogue";

/** "focal, γ = 2.5" of the loss line, "Generalised cross-entropy, q = 0.7" of any other loss. */
export function scoreWords(store: Store, score: Score): string {
  if (!isSpec(score)) return scoreName(score ?? 0);
  const losses = store.get<{ loss?: MethodEntry[] } | null>("catalogue")?.loss;
  const title = losses?.find((m) => m.name === score.name)?.title ?? score.name.replaceAll("_", " ");
  const params = Object.entries(score.params).map(
    ([name, v]) => `${name} = ${typeof v === "number" ? Number(v.toPrecision(3)) : String(v)}`,
  );
  return [title, ...params].join(", ");
}
