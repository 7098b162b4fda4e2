/** All that one drawing is about: the network shown, before and after the calibrator, and the pinned one. */

import type { Judged } from "../../core/judged";
import type { Settings } from "../../core/measures";
import { type Moved, moved } from "../../core/moved";
import type { Dataset } from "../../core/session";
import type { Shown } from "../../core/shown";
import type { Calibrating } from "./calibrating";
import type { Binned, Numbers } from "./numbers";

interface Parts {
  numbers: Numbers;
  data: Dataset;
  at: Shown | null; // null: predictions too many to be told apart
  pinnedAt: Shown | null;
  temperature: number;
  pinnedTemperature: number;
  settings: Settings;
  cutoff: number;
  calibrating: Calibrating;
  network: Binned; // at the temperature
  pinned: Binned | null;
}

/** Judged sample by sample, when first asked for; not of large predictions. */
export interface Samples {
  readonly at: Shown;
  readonly network: Judged; // at the temperature
  readonly after: Judged | null;
  readonly pinned: Judged | null;
}

export class OnScreen {
  readonly after: Binned | null;

  constructor(readonly parts: Parts) {
    const { numbers, at, calibrating, settings, cutoff } = parts;
    const { answer } = calibrating;
    this.after = at && answer ? numbers.calibrated(answer, this.samples!.after!, settings, cutoff) : null;
  }

  /** What the bars show: the calibrator's answer where there is one. */
  get shown(): Binned {
    return this.after ?? this.parts.network;
  }

  /** What was before the calibrator. */
  get before(): Binned | null {
    return this.after && this.parts.network;
  }

  get ofClass(): string {
    const { settings, data } = this.parts;
    return settings.target === null ? "" : data.classNames[settings.target]!;
  }

  /** "Isotonic regression, 5-fold, out of fold". */
  get who(): { temperature: number; after: string } {
    const { calibrating, temperature } = this.parts;
    const { title, answer } = calibrating;
    return { temperature, after: answer ? `${title}, ${answer.folds}-fold, out of fold` : "" };
  }

  get samples(): Samples | null {
    const { numbers, data, at, pinnedAt, temperature, pinnedTemperature, calibrating } = this.parts;
    if (!at) return null;
    return {
      at,
      get network() {
        return numbers.judged(at, data.k, temperature);
      },
      get after() {
        return calibrating.answer && numbers.judgedAfter(calibrating.answer, at, data.k);
      },
      get pinned() {
        return pinnedAt && numbers.judged(pinnedAt, data.k, pinnedTemperature);
      },
    };
  }

  /** From the network to the calibrator's answer, or from T = 1 to the temperature; or why nothing moved. */
  get moved(): { moved: Moved | null; from: string; why: string } {
    const { numbers, data, at, temperature } = this.parts;
    const { samples } = this;
    const none = (why: string) => ({ moved: null, from: "", why });
    if (!at || !samples) return none("So many predictions are not told apart");
    const said = `T = ${temperature.toFixed(2)}`;
    if (samples.after)
      return {
        moved: moved(samples.network, samples.after),
        from: `From ${said} to ${this.who.after}: `,
        why: "",
      };
    if (temperature === 1) return none("Nothing has moved yet: choose a calibrator, or drag the temperature");
    const untouched = numbers.judged(at, data.k, 1);
    return { moved: moved(untouched, samples.network), from: `From T = 1 to ${said}: `, why: "" };
  }
}
