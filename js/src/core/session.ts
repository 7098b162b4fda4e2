/** What the kernel has sent about one run: data, network, snapshots, landscape. No DOM. */

import { asFloat32, asFloat64, asInt32, asUint16 } from "./arrays";
import { type Calibrated, calibratedKey, readCalibrated } from "./calibrated";
import { type ExplanationAnswer, readExplanation } from "./explained";
import { type Fan, readFan, readSteps, readWeights } from "./fan";
import type { Network } from "./forward";
import { type HeatAnswer, readHeatAnswer } from "./heatanswer";
import { type LossAnswer, readLossAnswer } from "./lossanswer";
import { type OodAnswer, type OwnSet, readOodAnswer, readOwnSets } from "./oodanswer";
import type { Waiting } from "./outbox";
import type { Surprisals } from "./recolour";

export interface Dataset {
  name: string;
  n: number;
  d: number;
  k: number;
  X: Float32Array; // (n, d)
  y: Int32Array; // labels trained on
  yClean: Int32Array; // before label noise
  train: Int32Array; // sample indices
  validation: Int32Array;
  classNames: string[];
  featureNames: string[];
  imageShape: [number, number] | null;
  tilt?: Record<string, number> | null; // what a set with controlled tilt was drawn with (clsviz.data.tilted)
}

export interface Snapshot {
  step: number;
  epoch: number;
  theta: Float32Array | null; // parameters, when the browser can run the network
  logits: Float32Array | null; // (n, k) over all samples, when it cannot
  metrics: Record<string, number>;
}

export type RunState =
  | "ready"
  | "running"
  | "paused"
  | "finished"
  | "diverged"
  | "failed"
  | "stopped"
  | "static";

export interface RunInfo {
  id: string;
  state: RunState;
  message: string;
  epochs: number;
  experiment: Record<string, unknown> | null;
  loss?: { name: string; params: Record<string, unknown> }; // what the source says it is scored with
  recipe?: Record<string, unknown> | null; // how it came to where it is (clsviz/training/recipe.py)
  trainable: boolean; // has Train, Pause, Step, Reset
  changeable: boolean; // its settings can change
}

/** Loss surface on a plane of weight space, as tables over 32 temperatures (core/landscape.ts). */
export interface Landscape {
  id: string;
  plane: "random" | "path";
  step: number; // network at the centre
  xs: number[];
  ys: number[];
  progress: number; // 0..1; below 1 a coarse map
  origin: Float32Array;
  dx: Float32Array;
  dy: Float32Array;
  path: { x: number; y: number; step: number; epoch: number }[];
  explained: number | null; // share of the path the plane keeps
  cosine: number | null; // of the two random directions
  samples: number; // validation samples averaged
  temperatures: number[];
  loss: string; // title of the loss behind the table "trained"
  classes: number;
  stopped?: boolean; // given up before it was complete
  tables: Map<string, Table>; // by score key, see core/landscape.ts
  /** At the temperature that was asked for last. */
  surprisals: Surprisals | null;
  /** The loss whose table the kernel is making. */
  scoring: { key: string; progress: number } | null;
  accuracy: Float32Array | null; // (ys, xs)
}

export interface Table {
  values: Uint16Array; // (ys, xs, temperatures); 65535 = not finite
  low: number;
  scale: number; // log1p(loss - shift) = low + value * scale
  shift: number; // the least loss where that is negative, else 0
}

/** Of the points of a plane. */
export interface KernelField {
  logits: Float32Array; // (points, k)
  scores: Float64Array; // (points,) of features; empty where none were asked for
  floor: number; // the score of the training sample that is farthest off
  why: string; // there are none
}

/** Decoded prototypes of a prototype network. */
export interface DecodedPrototypes {
  step: number;
  m: number;
  images: Float32Array; // (m, d), as the inputs are
  weights: Float32Array; // (m, k): how its distance enters each class's logit
}

export type Message = { kind: string; [key: string]: unknown };
export type What =
  | "data"
  | "snapshots"
  | "fan"
  | "run"
  | "landscape"
  | "field"
  | "loss"
  | "ood"
  | "explanation"
  | "temperatures"
  | "calibrated"
  | "prototypes"
  | "predictions"
  | "error"
  | "alive"
  | "waiting"
  | "fault";

const MOST_CALIBRATED = 24; // answers kept

/** A message that is read by those who show it. */
export interface Told {
  message: Message;
  buffers: (DataView | ArrayBuffer)[];
}

/** Messages that wait to be read. */
export type Pieces = Told[];

export class Session {
  dataset: Dataset | null = null;
  network: Network | null = null;
  run: RunInfo | null = null;
  /** Why a loss cannot be trained with on these data and this model, by name; usable ones are left out. */
  unusable: Readonly<Record<string, string>> = {};
  snapshots: Snapshot[] = [];
  /** The future that was cut off by training on from the past; kept to compare with. */
  former: Snapshot[] = [];
  fan: Fan | null = null;
  /** A network of the fan that was asked for before its weights had arrived. */
  awaited: Snapshot | null = null;
  landscape: Landscape | null = null;
  prototypes: DecodedPrototypes | null = null;
  /** Predictions too many to be logits of a snapshot (core/predictions.ts); null otherwise. */
  predictions: { description: Record<string, unknown>; pieces: Pieces } | null = null;
  /** What the kernel says on the points of a plane, for networks the browser cannot run; by request key. */
  readonly fields = new Map<string, KernelField>();
  /** The kernel's newest words on losses that the browser does not compute. */
  lossAnswer: LossAnswer | null = null;
  /** The user's own samples from outside, by name. */
  outside: ReadonlyMap<string, OwnSet> = new Map();
  /** The kernel's newest words on samples from outside, for networks that the browser cannot run. */
  oodAnswer: OodAnswer | null = null;
  /** The kernel's newest explanation of a sample, for networks that the browser cannot run. */
  explanation: ExplanationAnswer | null = null;
  /** The kernel's newest attack on a sample, for networks that the browser cannot run. */
  attack: Told | null = null;
  /** The kernel's newest learnt temperatures of samples. */
  heatAnswer: HeatAnswer | null = null;
  /** The kernel's newest words on calibrators, by `calibratedKey`. */
  readonly calibrated = new Map<string, Calibrated>();
  error: { where: string; message: string } | null = null;
  /** What our own code in this page threw where no view could catch it. */
  fault: { where: string; error: unknown } | null = null;
  /** False once the kernel is gone, and in an exported file. */
  alive = true;
  /** Requests the kernel has not taken yet. */
  waiting: Waiting = { messages: [], long: false };
  /** Sends a request to the kernel; does nothing where there is none. */
  send: (message: Message) => void = () => {};

  private readonly listeners = new Map<What, Set<() => void>>();

  on(what: readonly What[], listener: () => void): () => void {
    for (const w of what) this.listeners.set(w, (this.listeners.get(w) ?? new Set()).add(listener));
    return () => {
      for (const w of what) this.listeners.get(w)?.delete(listener);
    };
  }

  notify(what: What): void {
    for (const listener of [...(this.listeners.get(what) ?? [])]) {
      try {
        listener();
      } catch (error) {
        this.fail("A view", error); // the other listeners still hear
      }
    }
  }

  /** Notes an exception that no view could catch; the page goes on and says so. */
  fail(where: string, error: unknown): void {
    console.error(`clsviz, ${where}:`, error);
    const again = this.fault?.where === where && String(this.fault.error) === String(error);
    this.fault = { where, error };
    if (!again) this.notify("fault"); // one card, however often it happens
  }

  /** The fault was read. */
  forgive(): void {
    this.fault = null;
    this.notify("fault");
  }

  /** The moments of a member of the fan, ascending; null: those of the run itself. */
  of(member: number | null): Snapshot[] {
    if (member === null || !this.fan || (this.fan.own && member === 0)) return this.snapshots;
    return this.fan.snapshots[member] ?? this.snapshots;
  }

  /** The kept snapshot at `step`, or the newest before it; null follows the newest. */
  at(step: number | null, member: number | null = null): Snapshot | null {
    const all = this.of(member);
    if (step === null || all.length === 0) return all[all.length - 1] ?? null;
    let lo = 0;
    let hi = all.length - 1;
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1;
      if (all[mid]!.step <= step) lo = mid;
      else hi = mid - 1;
    }
    return all[lo]!;
  }

  setWaiting(waiting: Waiting): void {
    this.waiting = waiting;
    this.notify("waiting");
  }

  setAlive(alive: boolean): void {
    if (alive === this.alive) return;
    this.alive = alive;
    this.notify("alive");
  }

  /** Takes one message of the stream (widgets/wire.py writes them); one that cannot be read is an error. */
  receive(message: Message, buffers: (DataView | ArrayBuffer)[]): void {
    try {
      this.take(message, buffers);
    } catch (error) {
      const kind = String((message as Message | null)?.kind).slice(0, 40);
      console.error("clsviz, message:", kind, error);
      this.error = { where: "A message of the kernel could not be read", message: `${kind}: ${error}` };
      this.notify("error");
    }
  }

  private take(message: Message, buffers: (DataView | ArrayBuffer)[]): void {
    switch (message.kind) {
      case "run":
        return this.receiveRun(message, buffers);
      case "state":
        if (this.run && message.run_id === this.run.id) {
          Object.assign(this.run, message.run as Partial<RunInfo>);
          this.notify("run");
        }
        return;
      case "snapshots":
        return this.receiveSnapshots(message, buffers);
      case "branch": {
        const step = message.step as number;
        this.former = this.snapshots.filter((s) => s.step > step);
        this.snapshots = this.snapshots.filter((s) => s.step <= step);
        this.oodAnswer = this.heatAnswer = this.explanation = this.attack = null;
        this.forgetCalibrated((c) => c.step > step);
        return this.notify("snapshots");
      }
      case "fan":
        this.fan = readFan(message);
        this.forgetCalibrated((c) => c.member !== null);
        return this.notify("fan");
      case "fan_closed":
        this.fan = null;
        this.forgetCalibrated((c) => c.member !== null);
        this.notify("fan");
        return this.notify("snapshots");
      case "fan_state":
      case "fan_steps":
      case "fan_weights":
        return this.receiveOfFan(message, buffers);
      case "landscape":
        return this.receiveLandscape(message, buffers);
      case "landscape_table":
        if (this.landscape && this.landscape.id === message.id) {
          this.landscape.tables.set(message.score as string, readTable(message, buffers[0]!));
          if (this.landscape.scoring?.key === message.score) this.landscape.scoring = null;
          this.notify("landscape");
        }
        return;
      case "landscape_surprisals":
        if (this.landscape && this.landscape.id === message.id) {
          const { temperature, samples, edges } = message as unknown as Surprisals;
          const [counts, places] = [asUint16(buffers[0]!), asUint16(buffers[1]!)];
          this.landscape.surprisals = { temperature, samples, edges, counts, places };
          this.notify("landscape");
        }
        return;
      case "landscape_scoring":
        if (this.landscape && this.landscape.id === message.id) {
          this.landscape.scoring = { key: message.key as string, progress: message.progress as number };
          this.notify("landscape");
        }
        return;
      case "landscape_progress":
        if (this.landscape && this.landscape.id === message.id)
          this.landscape.progress = message.progress as number;
        return this.notify("landscape");
      case "landscape_stopped":
        if (this.landscape && this.landscape.id === message.id) this.landscape.stopped = true;
        return this.notify("landscape");
      case "prototypes":
        if (!this.run || message.run_id !== this.run.id) return;
        this.prototypes = {
          step: message.step as number,
          m: message.m as number,
          images: asFloat32(buffers[0]!),
          weights: asFloat32(buffers[1]!),
        };
        return this.notify("prototypes");
      case "predictions":
      case "predictions_exact":
        if (!this.run || message.run_id !== this.run.id) return;
        this.predictions?.pieces.push({ message, buffers });
        return this.notify("predictions");
      case "field":
        this.fields.clear(); // one plane at a time: the newest
        this.fields.set(message.key as string, {
          logits: asFloat32(buffers[0]!),
          scores: buffers[1] ? asFloat64(buffers[1]) : new Float64Array(), // older files have none
          floor: (message.floor as number) ?? Number.NEGATIVE_INFINITY,
          why: String(message.why ?? ""),
        });
        return this.notify("field");
      case "loss_answer":
        if (!this.run || message.run_id !== this.run.id || !this.dataset) return;
        this.lossAnswer = readLossAnswer(message, buffers, this.dataset.k);
        return this.notify("loss");
      case "ood_own":
        if (!this.run || message.run_id !== this.run.id || !this.dataset) return;
        this.outside = readOwnSets(message, buffers, this.dataset.d || this.dataset.k);
        return this.notify("ood");
      case "temperatures_answer":
        if (!this.run || message.run_id !== this.run.id) return;
        this.heatAnswer = readHeatAnswer(message, buffers);
        return this.notify("temperatures");
      case "explanation_answer":
        if (!this.run || message.run_id !== this.run.id) return;
        this.explanation = readExplanation(message, buffers);
        return this.notify("explanation");
      case "attack_answer":
        if (!this.run || message.run_id !== this.run.id) return;
        this.attack = { message, buffers };
        return this.notify("field");
      case "ood_answer":
        if (!this.run || message.run_id !== this.run.id) return;
        this.oodAnswer = readOodAnswer(message, buffers);
        return this.notify("ood");
      case "calibrated":
        return this.receiveCalibrated(message, buffers);
      case "error":
        this.error = { where: String(message.where), message: String(message.message) };
        return this.notify("error");
    }
  }

  private receiveRun(message: Message, buffers: (DataView | ArrayBuffer)[]): void {
    const meta = message.dataset as Record<string, unknown>;
    const [X, y, yClean, train, validation] = buffers as [DataView, DataView, DataView, DataView, DataView];
    const n = meta.n as number;
    const all = message.all_rows ? Int32Array.from({ length: n }, (_, i) => i) : null;
    const labels = asInt32(y);
    this.dataset = {
      name: meta.name as string,
      n,
      d: meta.d as number,
      k: meta.k as number,
      X: asFloat32(X),
      y: labels,
      yClean: message.clean ? labels : asInt32(yClean),
      train: all ?? asInt32(train),
      validation: all ?? asInt32(validation),
      classNames: meta.class_names as string[],
      featureNames: meta.feature_names as string[],
      imageShape: meta.image_shape as [number, number] | null,
      tilt: (meta.tilt ?? null) as Record<string, number> | null,
    };
    const fresh = this.run?.id !== (message.run as RunInfo).id;
    this.network = message.network as Network | null;
    this.run = message.run as RunInfo;
    this.unusable = (message.unusable ?? {}) as Record<string, string>;
    if (fresh) {
      this.snapshots = [];
      this.former = [];
      this.landscape = null;
      this.prototypes = null;
      this.fields.clear();
      this.lossAnswer = null;
      this.outside = new Map();
      this.oodAnswer = this.heatAnswer = this.explanation = this.attack = null;
      this.calibrated.clear();
      this.error = null;
      if (this.fan?.own) this.fan = null; // what is kept of another one is told by the kernel
      const large = message.predictions as Record<string, unknown> | undefined;
      this.predictions = large ? { description: large, pieces: [] } : null;
    }
    this.notify("data");
    this.notify("run");
    this.notify("snapshots");
    this.notify("landscape");
    this.notify("prototypes");
  }

  private receiveSnapshots(message: Message, buffers: (DataView | ArrayBuffer)[]): void {
    if (!this.run || message.run_id !== this.run.id) return;
    const items = message.items as { step: number; epoch: number; metrics: Record<string, number> }[];
    const bySteps = new Map(this.snapshots.map((s) => [s.step, s]));
    items.forEach((item, i) => {
      const numbers = asFloat32(buffers[i]!);
      const runs = this.network !== null;
      bySteps.set(item.step, { ...item, theta: runs ? numbers : null, logits: runs ? null : numbers });
    });
    const keep = message.keep ? new Set(message.keep as number[]) : null;
    this.snapshots = [...bySteps.values()]
      .filter((s) => !keep || keep.has(s.step))
      .sort((a, b) => a.step - b.step);
    this.notify("snapshots");
  }

  private receiveCalibrated(message: Message, buffers: (DataView | ArrayBuffer)[]): void {
    if (!this.run || message.run_id !== this.run.id || !this.dataset) return;
    const answer = readCalibrated(message, buffers, this.dataset);
    const key = calibratedKey(answer.name, answer.step, answer.member);
    this.calibrated.delete(key); // the newest stand last
    this.calibrated.set(key, answer);
    for (const old of [...this.calibrated.keys()].slice(0, -MOST_CALIBRATED)) this.calibrated.delete(old);
    this.notify("calibrated");
  }

  /** Of networks that are no longer these. */
  private forgetCalibrated(gone: (c: Calibrated) => boolean): void {
    for (const [key, c] of [...this.calibrated]) if (gone(c)) this.calibrated.delete(key);
  }

  private receiveOfFan(message: Message, buffers: (DataView | ArrayBuffer)[]): void {
    const fan = this.fan;
    if (!fan || fan.id !== message.id) return;
    if (message.kind === "fan_state") Object.assign(fan, message.fan as Partial<Fan>);
    if (message.kind === "fan_steps") readSteps(fan, message, buffers);
    if (message.kind === "fan_weights") readWeights(fan, message, buffers, this.network !== null);
    this.notify("fan");
    // weights that nobody waits for must not make every view draw
    if (message.kind === "fan_steps" || (this.awaited && (this.awaited.theta || this.awaited.logits))) {
      this.awaited = null;
      this.notify("snapshots");
    }
  }

  private receiveLandscape(message: Message, buffers: (DataView | ArrayBuffer)[]): void {
    if (!this.run || message.run_id !== this.run.id) return;
    const [origin, dx, dy, table, accuracy] = buffers as [DataView, DataView, DataView, DataView, DataView];
    const info = message.landscape as Omit<
      Landscape,
      "origin" | "dx" | "dy" | "tables" | "surprisals" | "scoring" | "accuracy"
    >;
    this.landscape = {
      ...info,
      origin: asFloat32(origin),
      dx: asFloat32(dx),
      dy: asFloat32(dy),
      tables: new Map([[message.score as string, readTable(message, table)]]),
      surprisals: null,
      scoring: null,
      accuracy: asFloat32(accuracy),
    };
    this.notify("landscape");
  }
}

function readTable(message: Message, buffer: DataView | ArrayBuffer): Table {
  return {
    values: asUint16(buffer),
    low: message.low as number,
    scale: message.scale as number,
    shift: (message.shift as number) ?? 0,
  };
}

/** What went wrong before no longer matters: something new is tried. */
export function clearError(session: Session): void {
  session.error = null;
  session.notify("error");
}
