/** What the landscape is scored with, in words. */

import { scoreName } from "../core/losses";
import { isSpec, type Score } from "../core/score";
import type { Store } from "../core/store";
import { lossTitle } from "./loss/chosen";

/** "focal, γ = 2.5" of the loss line, "Comp-sum, tau = 1.7" of any other loss. */
export const scoreWords = (store: Store, score: Score): string =>
  isSpec(score) ? lossTitle(score, store.get("catalogue")) : scoreName(score ?? 0);
