/** A session as the messages that would make it again: the other way of Session.receive. No DOM. */

import { asFloat64 } from "./arrays";
import { explanationPacket } from "./explained";
import { type Fan, isLoaded } from "./fan";
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
  fan: boolean; // its networks as they are now, without their history
  field: boolean; // logits of the boundary's plane, where the browser cannot run the network
  outside: boolean; // samples from outside, and what the kernel said of them
  calibrated: boolean; // what the kernel answered on calibrators
}

/** Messages in the order in which a session takes them (widgets/publisher.py, `record`). */
export function record(session: Session, extent: Extent): Packet[] {
  const packets = [runPacket(session), snapshotsPacket(session, extent.snapshots)];
  const land = session.landscape;
  if (land?.accuracy && extent.landscape) packets.push(...landscapePackets(session, land, extent.lossLine));
  if (session.fan && extent.fan) packets.push(...fanPackets(session, session.fan));
  const made = session.prototypes;
  if (made && extent.prototypes)
    packets.push({
      header: { kind: "prototypes", run_id: session.run!.id, step: made.step, m: made.m },
      buffers: [made.images, made.weights],
    });
  if (extent.outside) packets.push(...outsidePackets(session));
  if (session.attack && extent.field)
    packets.push({
      header: { ...session.attack.message, run_id: session.run!.id },
      buffers: session.attack.buffers.map(asFloat64),
    });
  if (session.explanation) packets.push(explanationPacket(session.run!.id, session.explanation));
  const learnt = session.heatAnswer;
  if (learnt)
    packets.push({
      header: {
        kind: "temperatures_answer",
        run_id: session.run!.id,
        question: learnt.question,
        why: learnt.why,
      },
      buffers: [learnt.temperature, learnt.divided],
    });
  const fields = extent.field ? [...session.fields] : [];
  const calibrated = extent.calibrated ? [...session.calibrated.values()] : [];
  return [
    ...packets,
    ...calibrated.map(({ p, ...rest }) => ({
      header: { kind: "calibrated", run_id: session.run!.id, ...rest },
      buffers: p ? [p] : [],
    })),
    ...fields.map(([key, { logits, scores, floor, why }]) => ({
      header: { kind: "field", key, floor, why },
      buffers: [logits, scores],
    })),
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
        tilt: data.tilt,
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

/** The newest moment of each network whose weights are here. */
function fanPackets(session: Session, fan: Fan): Packet[] {
  const steps = fan.snapshots[fan.members.length - 1]!.filter(isLoaded).map((s) => s.step);
  const step = steps[steps.length - 1];
  const moments = fan.members.map((_, m) => session.of(m).find((s) => s.step === step));
  if (step === undefined || !moments.every((s) => s && isLoaded(s))) return [];
  const now = moments as Snapshot[];
  const metrics = Object.keys(now[0]!.metrics);
  const { snapshots: _, members, ...rest } = fan;
  const sent = now.flatMap((s, m) => (fan.own && m === 0 ? [] : [{ m, numbers: (s.theta ?? s.logits)! }]));
  const size = sent[0]?.numbers.length ?? 0;
  const weights = new Float32Array(sent.length * size);
  sent.forEach(({ numbers }, i) => {
    weights.set(numbers, i * size);
  });
  const packet = (kind: string, header: Record<string, unknown>, buffers: Float32Array[]): Packet => ({
    header: { kind, id: fan.id, ...header },
    buffers,
  });
  return [
    packet("fan", { fan: { ...rest, members: members.map(({ values, seed }) => ({ values, seed })) } }, []),
    packet(
      "fan_steps",
      {
        items: [{ step, epoch: now[0]!.epoch }],
        metrics,
        keep: [step],
        diverged: members.map((m) => m.divergedAt ?? -1),
      },
      [Float32Array.from(now.flatMap((s) => metrics.map((name) => s.metrics[name] ?? Number.NaN)))],
    ),
    packet("fan_weights", { items: sent.map(({ m }) => [m, step]), drop: [], skipped: 0 }, [weights]),
  ];
}

function outsidePackets(session: Session): Packet[] {
  const run_id = session.run!.id;
  const sets = [...session.outside];
  const items = sets.map(([name, { m, of }]) => ({ name, m, of }));
  const answer = session.oodAnswer;
  return [
    ...(sets.length
      ? [{ header: { kind: "ood_own", run_id, items }, buffers: sets.map(([, { rows }]) => rows) }]
      : []),
    ...(answer
      ? [
          {
            header: { kind: "ood_answer", run_id, question: answer.question, why: answer.why },
            buffers: [answer.logits, answer.inside, answer.outside],
          },
        ]
      : []),
  ];
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
      landscape: info.progress < 1 ? { ...info, stopped: true } : info, // nothing goes on in a file
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
