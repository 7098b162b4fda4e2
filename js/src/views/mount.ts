/** What a view is: a function that draws into an element until its return value is called. */

import type { Session } from "../core/session";
import type { Store } from "../core/store";
import type { Notice } from "../draw/panel";
import type { Engine } from "./reliability/large/engine";

export interface ViewContext {
  session: Session;
  /** This view's window on the state; shared keys and its own (core/store.ts). */
  store: Store;
  /** Reads predictions too many for one message; bundles that never meet them go without it. */
  large?: (session: Session, changed: () => void) => LargeUse;
}

export interface LargeUse {
  /** The engine, or null where predictions are not large or not all there. */
  engine(): Engine | null;
  /** How far the predictions have come; null when there is nothing to wait for. */
  notice(): Notice | null;
  end(): void;
}

export type Mount = (el: HTMLElement, context: ViewContext) => () => void;
