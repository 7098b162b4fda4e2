/** A session as the messages that would make it again: the other way of Session.receive. No DOM. */

import type { Landscape, Message, Session, Snapshot, Table } from "./session";

export interface Packet {
  header: Message;
  buffers: ArrayBufferView[];
}

/** What of a session goes along. */
export interface Extent {
  snapshots: readonly Snapshot[];
  landscape: boolean;
  lossLine: boolean; // the landscape's tables for other losses than the one trained with
  prototypes: boolean;
  field: boolean; // logits of the boundary's plane, where the browser cannot run the network
}

/** Messages in the order in which a session takes them (widgets/publisher.py, `record`). */
export function record(session: Session, extent: Extent): Packet[] {
  const packets = [runPacket(session), snapshotsPacket(session, extent.snapshots)];
  const land = session.landscape;
  if (land?.accuracy && extent.landscape) packets.push(...landscapePackets(session, land, extent.lossLine));
  const made = session.prototypes;
  if (made && extent.prototypes)
    packets.push({
      header: { kind: "prototypes", run_id: session.run!.id, step: made.step, m: made.m },
      buffers: [made.images, made.weights],
    });
  const fields = extent.field ? [...session.fields] : [];
  return [
    ...packets,
    ...fields.map(([key, logits]) => ({ header: { kind: "field", key }, buffers: [logits] })),
  ];
}

function runPacket(session: Session): Packet {
  const { X, y, yClean, train, validation, ...data } = session.dataset!;
  return {
    header: {
      kind: "run",
      run: session.run,
      network: session.network,
      dataset: {
        name: data.name,
        n: data.n,
        d: data.d,
        k: data.k,
        class_names: data.classNames,
        feature_names: data.featureNames,
        image_shape: data.imageShape,
      },
    },
    buffers: [X, y, yClean, train, validation],
  };
}

function snapshotsPacket(session: Session, snapshots: readonly Snapshot[]): Packet {
  return {
    header: {
      kind: "snapshots",
      run_id: session.run!.id,
      items: snapshots.map(({ step, epoch, metrics }) => ({ step, epoch, metrics })),
    },
    buffers: snapshots.map((s) => (s.theta ?? s.logits)!),
  };
}

function landscapePackets(session: Session, land: Landscape, lossLine: boolean): Packet[] {
  const { origin, dx, dy, tables, accuracy, ...info } = land;
  const trained = tables.get("trained");
  if (!trained) return [];
  const first: Packet = {
    header: {
      kind: "landscape",
      run_id: session.run!.id,
      score: "trained",
      landscape: info,
      ...scale(trained),
    },
    buffers: [origin, dx, dy, trained.values, accuracy!],
  };
  const others = lossLine ? [...tables].filter(([score]) => score !== "trained") : [];
  return [
    first,
    ...others.map(([score, table]) => ({
      header: { kind: "landscape_table", id: land.id, score, ...scale(table) },
      buffers: [table.values],
    })),
  ];
}

function scale({ low, scale, shift }: Table) {
  return { low, scale, shift };
}
