/** What a view is: a function that draws into an element until its return value is called. */

import type { Session } from "../core/session";
import type { Store } from "../core/store";

export interface ViewContext {
  session: Session;
  /** This view's window on the state; shared keys and its own (core/store.ts). */
  store: Store;
}

export type Mount = (el: HTMLElement, context: ViewContext) => () => void;
