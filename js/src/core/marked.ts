/** The one sample under inspection. */

import { worstFirst } from "./samples";
import type { Session } from "./session";
import { shownAt } from "./shown";
import type { Store } from "./store";

/**
 * The sample the user marked; until then the validation sample that the newest network gets most
 * confidently wrong, so that it stays the same while one hovers or travels in time.
 */
export function markedSample(session: Session, store: Store): number | null {
  const data = session.dataset;
  const chosen = store.get<number | null>("marked");
  if (data && chosen !== null && chosen >= 0 && chosen < data.n) return chosen;
  const newest = session.at(null);
  const at = newest && shownAt(session, newest);
  return at && at.rows.length > 0 ? worstFirst(session, at, at.rows)[0]! : null;
}
