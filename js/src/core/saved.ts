/** A view as a saved notebook keeps it: what goes along, what is left out, and the line that sums it up. */

import { isLoaded } from "./fan";
import { packPayload, plainState } from "./payload";
import { type Extent, record } from "./record";
import type { Session, Snapshot } from "./session";

export const VERSION = 1; // clsviz/widgets/base.py, SAVED_VERSION
const MOST_BYTES = { lab: 2_000_000, view: 1_000_000 }; // of text in the notebook
const FEWEST_SNAPSHOTS = 2;
const BEST_RATIO = 0.02; // what compresses better is not met: more is not even tried

/** `application/vnd.clsviz+json`. The kernel writes the first three; the rest comes with the first save. */
export interface Saved {
  version: number;
  view: string; // name of the bundle: lab, reliability, ...
  name: string; // of the class in Python
  state?: Record<string, unknown>; // all that is set, without the menus
  data?: string; // payload.ts; its state holds the menus
  left_out?: string[]; // in words
}

/** The numbers of a session in at most `most` bytes of text; no data where even the least is larger. */
export async function encode(
  session: Session,
  view: string,
  menus: Record<string, unknown>,
  most = view === "lab" ? MOST_BYTES.lab : MOST_BYTES.view,
): Promise<Pick<Saved, "data" | "left_out">> {
  if (session.predictions) return { left_out: ["all but the picture: there are too many predictions"] };
  const lab = view === "lab";
  const land = session.landscape !== null && (lab || view === "landscape");
  const extent: Extent = {
    snapshots: session.snapshots,
    landscape: land,
    lossLine: true,
    prototypes: lab || view === "prototypes",
    fan: session.fan !== null,
    field: lab || view === "boundary",
    outside: lab || view === "ood",
    calibrated: lab || view === "reliability",
  };
  let text = BEST_RATIO; // bytes of text to a byte of numbers
  while (true) {
    const packets = record(session, extent);
    const bytes = packets.flatMap((p) => p.buffers).reduce((sum, b) => sum + b.byteLength, 0);
    if (bytes * text <= most) {
      const data = await packPayload(menus, packets);
      if (data.length <= most) return { data, left_out: leftOut(session, extent, land) };
      text = data.length / bytes;
    }
    if (extent.snapshots.length > FEWEST_SNAPSHOTS) extent.snapshots = halved(extent.snapshots);
    else if (extent.landscape && extent.lossLine) extent.lossLine = false;
    else if (extent.fan) extent.fan = false;
    else if (extent.landscape && lab) extent.landscape = false;
    else if (extent.calibrated && session.calibrated.size > 0) extent.calibrated = false;
    else break;
  }
  return { left_out: [`all but the picture: the data take more than ${(most / 1e6).toFixed(1)} MB`] };
}

function leftOut(session: Session, extent: Extent, land: boolean): string[] {
  const out: string[] = [];
  const missing = session.snapshots.length - extent.snapshots.length;
  if (missing) out.push(`${missing} of ${session.snapshots.length} snapshots of the training`);
  if (!extent.landscape && land) out.push("the loss landscape");
  else if (!extent.lossLine) out.push("the landscape under other losses");
  if (session.fan) out.push(extent.fan ? "the history of the fan" : "the fan");
  if (!extent.calibrated && session.calibrated.size > 0) out.push("the calibrators");
  if (session.former.length) out.push("the future that was trained before");
  return out;
}

/** Every second one, and always the newest. */
function halved(snapshots: readonly Snapshot[]): Snapshot[] {
  return [...snapshots.slice(0, -1).filter((_, i) => i % 2 === 0), snapshots[snapshots.length - 1]!];
}

/** Changes whenever `encode` would give something else. */
export function fingerprint(session: Session): string {
  const { run, snapshots, former, landscape: land, prototypes, fields, calibrated, fan } = session;
  const last = snapshots[snapshots.length - 1]?.step;
  const tables = land && [land.id, land.progress, land.loss, ...land.tables.keys()];
  const values = land?.tables.get("trained")?.low; // a changed loss makes a new table under the same id
  return [
    run?.id,
    run?.state,
    snapshots.length,
    last,
    former.length,
    tables,
    values,
    prototypes?.step,
    fan && [fan.id, ...fan.snapshots.map((all) => all.filter(isLoaded).at(-1)?.step)],
    ...fields.keys(),
    ...session.outside.keys(),
    session.oodAnswer?.key,
    session.heatAnswer?.key,
    JSON.stringify(session.attack?.message.question),
    ...calibrated.keys(),
  ].join();
}

/** One line that sums a widget up; clsviz/widgets/base.py, `__repr__`, writes the same. */
export function summary(session: Session, name: string, state: Record<string, unknown>): string {
  const said: string[] = [];
  const experiment = session.run?.experiment as Record<string, { name: string }> | null | undefined;
  const member = (state.member as number | null) ?? null;
  const fan = member === null ? null : session.fan;
  if (experiment) said.push(experiment.model!.name, fan?.loss ?? experiment.loss!.name);
  const here = session.at((state.step as number | null) ?? null, member);
  if (here && (session.snapshots.length > 1 || experiment))
    said.push(`epoch ${Number(here.epoch.toPrecision(4))}`);
  const metrics = { validation_accuracy: "accuracy", validation_ece: "ECE" };
  for (const [key, word] of Object.entries(metrics)) {
    const value = here?.metrics[key];
    if (typeof value === "number") said.push(`${word} ${value.toFixed(4)}`);
  }
  const temperature = (state.temperature as number | null) ?? 1;
  if (temperature !== 1) said.push(`T = ${temperature.toFixed(2)}`);
  const title = `${name} of ${session.dataset?.name ?? "no data yet"}`;
  return `<${said.length ? `${title}: ${said.join(", ")}` : title}>`;
}

/** The state of a view without what must not be kept: menus are in the data, the mouse is gone. */
export function keptState(state: Record<string, unknown>): Record<string, unknown> {
  const { catalogue: _menus, hover: _mouse, ...rest } = state;
  return plainState(rest);
}
