import { expect, test } from "vitest";
import { packPayload, unpackPayload } from "../src/core/payload";
import { record } from "../src/core/record";
import { encode, fingerprint, keptState, summary } from "../src/core/saved";
import { type Message, Session } from "../src/core/session";

const [N, D, K] = [6, 2, 3];
const bytes = (a: Float32Array | Float64Array | Int32Array | Uint16Array) => a.slice().buffer as ArrayBuffer;
const noise = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898 + n));

/** A trained session: `count` snapshots of `size` parameters, a landscape of 3 x 2 points, prototypes. */
function trained(count = 3, size = 8): Session {
  const session = new Session();
  const receive = (message: Message, ...arrays: (Float32Array | Float64Array | Int32Array | Uint16Array)[]) =>
    session.receive(message, arrays.map(bytes));
  receive(
    {
      kind: "run",
      run: {
        id: "r1",
        state: "finished",
        message: "",
        epochs: 2,
        experiment: { model: { name: "mlp" }, loss: { name: "focal" } },
        trainable: true,
      },
      network: { kind: "linear" },
      dataset: {
        name: "toy",
        n: N,
        d: D,
        k: K,
        class_names: ["a", "b", "c"],
        feature_names: ["x", "y"],
        image_shape: null,
      },
    },
    noise(N * D),
    Int32Array.from([0, 1, 2, 0, 1, 2]),
    Int32Array.from([0, 1, 2, 0, 1, 1]),
    Int32Array.from([0, 1, 2]),
    Int32Array.from([3, 4, 5]),
  );
  const items = Array.from({ length: count }, (_, i) => ({
    step: i * 10,
    epoch: i / 2,
    metrics: { validation_accuracy: 0.5, validation_ece: 0.0123 },
  }));
  receive({ kind: "snapshots", run_id: "r1", items }, ...items.map((_, i) => noise(size + i).slice(0, size)));
  const scale = { low: 0, scale: 0.5, shift: -1 };
  receive(
    {
      kind: "landscape",
      run_id: "r1",
      score: "trained",
      ...scale,
      landscape: {
        id: "l1",
        plane: "path",
        step: 20,
        xs: [0, 1, 2],
        ys: [0, 1],
        progress: 1,
        path: [],
        explained: 0.9,
        cosine: null,
        samples: 3,
        temperatures: [1, 2],
        loss: "Focal",
      },
    },
    ...[91, 92, 93].map((more) => noise(size + more).slice(0, size)),
    Uint16Array.from({ length: 12 }, (_, i) => i),
    noise(6),
  );
  receive({ kind: "landscape_table", id: "l1", score: "1", ...scale }, new Uint16Array(12).fill(7));
  receive({ kind: "field", key: "plane at 20", resolution: 2 }, noise(4 * K));
  receive({ kind: "prototypes", run_id: "r1", step: 20, m: 2 }, noise(4), noise(6));
  const answer = { kind: "calibrated", run_id: "r1", step: 20, member: null, folds: 5 };
  const p = new Float64Array(session.dataset!.validation.length * K).fill(1 / K);
  receive({ ...answer, name: "beta", why: "" }, p);
  receive({ ...answer, name: "platt", why: "a class is missing" });
  return session;
}

const all = (session: Session) => ({
  snapshots: session.snapshots,
  landscape: true,
  lossLine: true,
  prototypes: true,
  fan: true,
  field: true,
  calibrated: true,
  outside: true,
});

/** What a session holds, without its functions. */
function held({ dataset, network, run, snapshots, landscape, prototypes, fields, calibrated }: Session) {
  return { dataset, network, run, snapshots, landscape, prototypes, fields, calibrated };
}

async function reopened(text: string): Promise<Session> {
  const session = new Session();
  for (const { header, buffers } of (await unpackPayload(text)).packets) session.receive(header, buffers);
  return session;
}

test("a recorded session comes back with every number", async () => {
  const session = trained();
  const back = await reopened(await packPayload({}, record(session, all(session))));
  expect(held(back)).toEqual(held(session));
});

test("state comes back with its selection as an array", async () => {
  const session = trained();
  const state = keptState({
    temperature: 2,
    selection: Int32Array.from([1, 4]),
    hover: { a: 0, b: 0 },
    catalogue: { big: true },
  });
  expect(state).toEqual({ temperature: 2, selection: [1, 4] });
  const { state: back } = await unpackPayload(await packPayload(state, record(session, all(session))));
  expect(back.selection).toEqual(Int32Array.from([1, 4]));
});

test("what is too large is thinned, stays within its limit, and says what is left out", async () => {
  const session = trained(40, 600);
  const { data, left_out } = await encode(session, "lab", {}, 30_000);
  expect(data!.length).toBeLessThanOrEqual(30_000);
  const back = await reopened(data!);
  const kept = back.snapshots.length;
  expect(kept).toBeGreaterThanOrEqual(2);
  expect(left_out).toEqual([`${40 - kept} of 40 snapshots of the training`]);
  expect(back.snapshots[kept - 1]).toEqual(session.snapshots[39]);
  expect(back.snapshots[0]).toEqual(session.snapshots[0]);
});

test("a landscape that was being computed is a coarse map in the file: nothing goes on there", async () => {
  const session = trained();
  session.landscape!.progress = 0.26;
  const back = await reopened(await packPayload({}, record(session, all(session))));
  expect(back.landscape!.stopped).toBe(true);
  expect(session.landscape!.stopped).toBeUndefined();
});

test("a lab that is still too large goes without its landscape, and says so", async () => {
  const session = trained(4, 1000);
  const { data, left_out } = await encode(session, "lab", {}, 16_000);
  expect((await reopened(data!)).landscape).toBeNull();
  expect(left_out).toEqual(["2 of 4 snapshots of the training", "the loss landscape"]);
});

test("what does not fit at all is left to the picture", async () => {
  const { data, left_out } = await encode(trained(2, 9_000), "reliability", {}, 20_000);
  expect(data).toBeUndefined();
  expect(left_out![0]).toMatch(/picture.*more than 0\.0 MB/);
});

test("a view alone keeps no landscape and no prototypes that it does not show", async () => {
  const { data } = await encode(trained(), "reliability", {});
  const back = await reopened(data!);
  expect(back.landscape).toBeNull();
  expect(back.prototypes).toBeNull();
  const own = await encode(trained(), "landscape", {});
  expect((await reopened(own.data!)).landscape!.tables.size).toBe(2);
});

test("the fingerprint changes with what is kept and with nothing else", () => {
  const session = trained();
  const before = fingerprint(session);
  session.notify("run");
  expect(fingerprint(session)).toBe(before);
  session.landscape!.tables.set("2", session.landscape!.tables.get("1")!);
  const after = fingerprint(session);
  expect(after).not.toBe(before);
  session.fields.set("another plane", { logits: noise(4), scores: new Float64Array(), floor: 0, why: "" });
  expect(fingerprint(session)).not.toBe(after);
});

test("the summary is the one that Python writes", () => {
  expect(summary(trained(), "Lab", {})).toBe(
    "<Lab of toy: mlp, focal, epoch 1, accuracy 0.5000, ECE 0.0123>",
  );
  expect(summary(trained(), "BoundaryView", { step: 0, temperature: 2 })).toBe(
    "<BoundaryView of toy: mlp, focal, epoch 0, accuracy 0.5000, ECE 0.0123, T = 2.00>",
  );
});

/** A payload with one thing wrong. */
async function broken(change: (packets: ReturnType<typeof record>) => void): Promise<string> {
  const session = trained();
  const packets = record(session, all(session)).map(({ header, buffers }) => ({
    header: structuredClone(header) as Message,
    buffers,
  }));
  change(packets);
  return packPayload({}, packets);
}

test.each<[string, (packets: ReturnType<typeof record>) => void]>([
  ["begin with a run", (p) => p.reverse()],
  ["samples", (p) => p[0]!.buffers.pop()],
  ["samples", (p) => p[0]!.buffers.splice(1, 1, Int32Array.from([0, 1, 2, 0, 1, 3]))],
  ["samples", (p) => p[0]!.buffers.splice(4, 1, Int32Array.from([6]))],
  ["run", (p) => Object.assign(p[0]!.header.dataset as object, { n: "6" })],
  ["snapshots", (p) => p[1]!.buffers.pop()],
  ["landscape", (p) => p[2]!.buffers.splice(3, 1, new Uint16Array(3))],
  ["landscape", (p) => delete p[2]!.header.landscape],
])("data whose %s does not fit are refused", async (what, change) => {
  await expect(unpackPayload(await broken(change))).rejects.toThrow(what);
});

test.each(["", "not base64!", btoa("no gzip"), btoa("\u001f\u008b\b")])(
  "text %j is no payload, and refused",
  async (text) => {
    await expect(unpackPayload(text)).rejects.toThrow();
  },
);
