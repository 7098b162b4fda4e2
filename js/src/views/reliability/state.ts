/** What the store says to this view, whatever it holds: in its range, or the default. */

import { MEASURES, type Settings, USUAL_MEASURES } from "../../core/measures";
import type { Scheme } from "../../core/reliability";
import type { Session } from "../../core/session";
import type { Store } from "../../core/store";

export const MOST_BINS = 500; // of the menu
export const DEFAULT_BINS = 15;

export const PICTURES = {
  diagram: "Diagram",
  risk_coverage: "Risk and coverage",
  classes: "Classes",
  moved: "What moved",
} as const;
export type PictureName = keyof typeof PICTURES;

/** Everything but the classes' names; they are with the data. */
export const OWN_STATE = [
  "n_bins",
  "scheme",
  "mode",
  "target_class",
  "threshold",
  "picture",
  "measures",
  "calibrator",
] as const;

export const temperatureOf = (store: Store): number => store.get<number | null>("temperature") ?? 1;

/** On the grid that large predictions are counted on. */
export const cutoffOf = (store: Store): number =>
  Math.round(1000 * (store.get<number | null>("threshold") ?? 0)) / 1000;

export function pictureOf(store: Store): PictureName {
  const name = store.get<string | null>("picture");
  return name !== null && Object.hasOwn(PICTURES, name) ? (name as PictureName) : "diagram";
}

export function measuresOf(store: Store): readonly string[] {
  const names = store.get<unknown>("measures");
  if (!Array.isArray(names)) return USUAL_MEASURES;
  return Object.keys(MEASURES).filter((name) => names.includes(name));
}

/** Name of the calibrator; "" for none. */
export function calibratorOf(store: Store): string {
  const name = store.get<unknown>("calibrator");
  return typeof name === "string" ? name : "";
}

export function settingsOf(session: Session, store: Store): Settings {
  const k = store.get<number | null>("target_class");
  const perClass = store.get<string | null>("mode") === "per_class";
  return {
    nBins: Math.min(MOST_BINS, Math.max(1, Math.round(store.get("n_bins") ?? DEFAULT_BINS) || 1)),
    scheme: store.get<Scheme | null>("scheme") === "equal_mass" ? "equal_mass" : "equal_width",
    target: perClass && k !== null && k >= 0 && k < session.dataset!.k ? k : null,
  };
}
