/** The field of the scene: from the network in the browser, from a linear rule, or from the kernel. */

import {
  type Certainty,
  certainty,
  type Field,
  field,
  type Grid,
  linearField,
  networkField,
  restrictToPair,
} from "../../core/field";
import { parameterCount } from "../../core/forward";
import type { Session } from "../../core/session";
import { paintField } from "../../draw/field";
import type { Scene, View } from "./scene";

const KERNEL_RESOLUTION = 48;
const PATIENCE = 150; // ms that the plane must rest before the kernel is asked

// Multiplications a field may take, and the most points along a side
const MOVING = { budget: 8e6, most: 64, least: 12 };
const STILL = { budget: 4e7, most: 128, least: 16 };

export interface ShownField {
  field: Field;
  sure: Certainty;
  image: HTMLCanvasElement;
  /** From an earlier network or another size of the view; the right one is on its way. */
  stale: boolean;
}

export class Fields {
  private kept: { key: string; field: Field } | null = null;
  private sure: { field: Field; temperature: number; sure: Certainty } | null = null;
  private painted: { sure: Certainty; look: string; image: HTMLCanvasElement } | null = null;
  private asked = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The kernel's last answer for each pair or all classes: only the newest plane. */
  private answer: { key: string; plane: string; field: Field } | null = null;

  constructor(private readonly session: Session) {}

  /** The field to draw; null while the kernel computes the first one. `still`: nothing moves, take time. */
  get(
    scene: Scene,
    view: View,
    temperature: number,
    still: boolean,
    hues: readonly string[],
    ground: string,
  ): ShownField | null {
    const found = this.find(scene, view, still);
    if (!found) return null;
    const f = found.field;
    if (this.sure?.field !== f || this.sure.temperature !== temperature) {
      this.sure = { field: f, temperature, sure: certainty(f, temperature) };
    }
    const { sure } = this.sure;
    const look = [ground, ...hues].join();
    if (this.painted?.sure !== sure || this.painted.look !== look) {
      this.painted = { sure, look, image: paintField(f, sure, hues, ground) };
    }
    return { field: f, sure, image: this.painted.image, stale: found.stale };
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private find(scene: Scene, view: View, still: boolean): { field: Field; stale: boolean } | null {
    const { at, rule, pair, restricted, plane } = scene;
    const { xlim, ylim } = view;
    if (rule.kind === "trained" && !(at.network && at.theta)) return this.fromKernel(scene, view);
    const n = rule.kind === "trained" ? sideFor(scene, still) : MOVING.most;
    const key = [
      at.key,
      rule.kind,
      rule.angle,
      scene.planeKey,
      pair.a,
      pair.b,
      restricted,
      xlim,
      ylim,
      n,
      this.session.run?.id,
    ].join();
    if (this.kept?.key !== key) {
      const grid: Grid = { plane, xlim, ylim, nx: n, ny: n };
      const whole =
        rule.kind === "trained"
          ? networkField(at.network!, at.theta!, grid)
          : linearField(rule, rule.gain, grid);
      this.kept = {
        key,
        field: rule.kind === "trained" && restricted ? restrictToPair(whole, pair.a, pair.b) : whole,
      };
    }
    return { field: this.kept.field, stale: false };
  }

  private fromKernel(scene: Scene, view: View): { field: Field; stale: boolean } | null {
    const { session } = this;
    const { plane, at, pair, restricted, data } = scene;
    const place = [session.run?.id, scene.planeKey, restricted && [pair.a, pair.b]].join(" ");
    const limits = [...view.xlim, ...view.ylim].map((v) => v.toPrecision(5)).join(" ");
    const key = `boundary ${place} ${at.snapshot.step} ${limits}`;
    const logits = session.fields.get(key);
    if (logits && this.answer?.key !== key) {
      const whole = field(logits, data.k, KERNEL_RESOLUTION, KERNEL_RESOLUTION);
      this.answer = {
        key,
        plane: `${place} ${limits}`,
        field: restricted ? restrictToPair(whole, pair.a, pair.b) : whole,
      };
    }
    const fresh = this.answer?.key === key;
    if (!fresh && this.asked !== key && session.alive) {
      this.asked = key;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        session.send({
          kind: "field",
          key,
          step: at.snapshot.step,
          resolution: KERNEL_RESOLUTION,
          origin: [...plane.origin],
          u: [...plane.u],
          v: [...plane.v],
          xlim: [...view.xlim],
          ylim: [...view.ylim],
        });
      }, PATIENCE);
    }
    if (this.answer?.plane !== `${place} ${limits}`) return null;
    return { field: this.answer.field, stale: !fresh };
  }
}

/** Points along a side that the network can be asked for in one frame (or, when still, in a few). */
function sideFor({ at }: Scene, still: boolean): number {
  const network = at.network!;
  const work = parameterCount({ ...network, sizes: [2, ...network.sizes.slice(1)] });
  const { budget, most, least } = still ? STILL : MOVING;
  return Math.max(least, Math.min(most, Math.floor(Math.sqrt(budget / work))));
}
