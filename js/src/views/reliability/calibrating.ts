/** The calibrator that is chosen: what it made of the network shown, or why that is not here. */

import { type Calibrated, calibratedKey } from "../../core/calibrated";
import type { Session } from "../../core/session";
import type { Shown } from "../../core/shown";
import type { Store } from "../../core/store";
import { Asker } from "../asker";
import type { Catalogue } from "../controls/catalogue";
import { calibratorOf } from "./state";

export interface Calibrating {
  title: string; // of the calibrator; "" for none
  answer: Calibrated | null;
  /** Why there is no answer; "" where there is one, or no calibrator. */
  why: string;
}

const NONE: Calibrating = { title: "", answer: null, why: "" };
export const TOO_MANY = "so many predictions are calibrated in a cell: cv.calibration.cross_fit";
export const GONE = "only the kernel fits calibrators, and it is gone";

export const calibrators = (store: Store) => store.get<Catalogue | null>("catalogue")?.calibrator ?? [];

export class Calibration {
  private readonly asker: Asker;
  private name = "";

  constructor(
    private readonly session: Session,
    private readonly store: Store,
  ) {
    this.asker = new Asker(session, (key) => session.calibrated.has(key));
  }

  /** Of the network shown, asked for where it is not here; null of large predictions. */
  of(at: Shown | null): Calibrating {
    const { session, store } = this;
    const name = calibratorOf(store);
    if (name !== this.name) {
      this.asker.drop();
      if (this.name && !name) session.send({ kind: "cancel", task: "calibrator" });
      this.name = name;
    }
    if (!name) return NONE;
    const title = this.title(name);
    const without = (why: string): Calibrating => ({ title, answer: null, why });
    if (!at) return without(TOO_MANY);
    if (at.hovered) return without("not of a network under the pointer");
    if (at.tilted) return without("not of a tilted rule");
    const { step } = at.snapshot;
    const key = calibratedKey(name, step, at.member);
    const here = session.calibrated.get(key);
    if (here) return here.p ? { title, answer: here, why: "" } : without(here.why);
    if (session.run?.state === "running" && store.get("step") === null && at.member === null)
      return without("fitted when training rests");
    const there = this.asker.want(key, () => ({ kind: "calibrator", name, step, member: at.member }));
    if (there === "coming") return without("being fitted, 5-fold; none cancels");
    return without(session.alive ? "no answer" : GONE);
  }

  title(name: string): string {
    return calibrators(this.store).find((m) => m.name === name)?.title ?? name.replaceAll("_", " ");
  }

  /** Whether the menu can offer this one for the network shown. */
  offered(name: string, at: Shown | null): boolean {
    if (!at || this.session.predictions) return false;
    return (
      this.session.alive || this.session.calibrated.has(calibratedKey(name, at.snapshot.step, at.member))
    );
  }

  forget(): void {
    this.asker.forget();
  }
}
