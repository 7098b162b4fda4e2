/** Where the network shown lies on the plane, and what the view says in words. */

import { coordinates } from "../../core/landscape";
import type { Landscape, Session, Snapshot } from "../../core/session";
import type { Notice } from "../../draw/panel";
import type { Point } from "./picture";

/** A network off the centre lies in the plane of its path (nearly), not in a random one. */
export const onPlane = (land: Landscape, snapshot: Snapshot | null): boolean =>
  snapshot !== null && (land.plane === "path" || snapshot.step === land.step);

/** The network shown on the map; the centre where it is not on it. */
export function hereOf(land: Landscape, snapshot: Snapshot | null): Point {
  if (!snapshot || !onPlane(land, snapshot)) return { a: 0, b: 0 };
  if (snapshot.theta) return coordinates(land, snapshot.theta);
  const passed = land.path.filter((p) => p.step <= snapshot.step);
  const last = passed[passed.length - 1] ?? land.path[0];
  return last ? { a: last.x, b: last.y } : { a: 0, b: 0 };
}

/** "epoch 60" of the network at the centre. */
export function centreName(session: Session, land: Landscape): string {
  const found =
    session.snapshots.find((s) => s.step === land.step) ?? land.path.find((p) => p.step === land.step);
  return found ? epochName(found.epoch) : `step ${land.step}`;
}

export const epochName = (epoch: number): string => `epoch ${Number(epoch.toFixed(1))}`;

/** A title inside a sentence: "Cross-entropy" becomes "cross-entropy", "GCE" stays. */
export const running = (title: string): string =>
  /^[A-Z][a-z]/.test(title) ? title[0]!.toLowerCase() + title.slice(1) : title;

/** What the plane leaves out. */
export function planeWords(land: Landscape): string {
  if (land.plane === "path") {
    return land.explained === null ? "" : `The plane keeps ${percent(land.explained)} of the path.`;
  }
  return land.cosine === null ? "" : `The two directions have cosine ${land.cosine.toFixed(3)}.`;
}

/** Rounded down, so that 100 % means all of it. */
const percent = (share: number): string => `${share >= 0.9995 ? 100 : Math.floor(100 * share)} %`;

/** Instead of a picture, while there is none for the plane asked for. */
export function absence(
  session: Session,
  plane: "path" | "random",
  asked: boolean,
  compute: () => void,
  cancel: () => void,
): Notice {
  if (asked) {
    return {
      tone: "plain",
      title: "Computing the landscape",
      text: "The coarse map comes first.",
      actions: [{ name: "Cancel", run: cancel }],
    };
  }
  if (!session.alive) {
    return {
      tone: "warn",
      title: "No landscape",
      text:
        session.run?.state === "static"
          ? "It had not been computed when this file was made."
          : "The kernel that would compute it is gone. Run the cell again.",
    };
  }
  const failed = session.error?.where === "landscape" ? session.error.message : null;
  const about =
    plane === "path"
      ? "The loss on the plane that keeps most of the training path, at every temperature and score at once."
      : "The loss on a plane of two random directions around the network shown, each scaled filter by filter.";
  return {
    tone: failed === null ? "plain" : "error",
    title: failed === null ? "No landscape yet" : "The landscape could not be computed",
    text: failed ?? about,
    actions: [{ name: "Compute", primary: true, run: compute }],
  };
}
