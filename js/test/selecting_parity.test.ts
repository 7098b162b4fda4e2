import { describe, expect, it } from "vitest";
import { type Criterion, fulfils, said, samplesBy } from "../src/core/criteria";
import { shownTilted } from "../src/core/overlay";
import { Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import { vectors as read } from "./vectors";

interface Vectors {
  X: number[][];
  y: number[];
  y_clean: number[];
  train: number[];
  validation: number[];
  logits: number[][];
  confidence: number[];
  margin: number[];
  guess: number[];
  cases: {
    criterion: Record<string, number | boolean>;
    part: string;
    temperature: number;
    found: number[];
  }[];
  tilted: {
    network: { kind: string };
    theta: number[];
    state: Record<string, unknown>;
    logits: number[][];
  }[];
}
const vectors = await read<Vectors>("selecting");

function session(): Session {
  const out = new Session();
  const { X, y, y_clean, train, validation } = vectors;
  out.dataset = {
    name: "random",
    n: y.length,
    d: X[0]!.length,
    k: 3,
    X: Float32Array.from(X.flat()),
    y: Int32Array.from(y),
    yClean: Int32Array.from(y_clean),
    train: Int32Array.from(train),
    validation: Int32Array.from(validation),
    classNames: ["0", "1", "2"],
    featureNames: ["a", "b", "c"],
    imageShape: null,
  };
  out.run = {
    id: "r",
    state: "static",
    message: "",
    epochs: 1,
    experiment: null,
    trainable: false,
    changeable: false,
  };
  const logits = Float32Array.from(vectors.logits.flat());
  out.snapshots = [{ step: 0, epoch: 0, theta: null, logits, metrics: {} }];
  return out;
}

describe("selecting by what the network says", () => {
  it("knows confidence, margin and guess as Python does", () => {
    const rows = Int32Array.from(vectors.y, (_, i) => i);
    const s = said(rows, vectors.logits.flat(), vectors.y, 3, 0.5);
    vectors.confidence.forEach((v, i) => {
      expect(s.confidence[i]).toBeCloseTo(v, 12);
      expect(s.margin[i]).toBeCloseTo(vectors.margin[i]!, 12);
      expect(s.guess[i]).toBe(vectors.guess[i]);
      expect(fulfils(s, i, { by: "wrong" }, vectors.y, vectors.y_clean)).toBe(
        vectors.guess[i] !== vectors.y[i],
      );
    });
  });

  it("finds the same samples as Python, for each criterion, part and temperature", () => {
    const s = session();
    const at = shownTilted(s, new MemoryStore())!;
    for (const { criterion, part, temperature, found } of vectors.cases) {
      const [[by, value]] = Object.entries(criterion) as [[string, number | boolean]];
      const asked = { by, value } as unknown as Criterion;
      expect([...samplesBy(s, at, part as never, asked, temperature)]).toEqual(found);
    }
    expect(vectors.cases.filter((c) => c.found.length > 0).length).toBeGreaterThan(40);
  });
});

describe("the tilted rule in all views", () => {
  it.each(vectors.tilted.map((t) => [`${t.network.kind} ${JSON.stringify(t.state)}`, t] as const))(
    "gives Python's logits: %s",
    (_, t) => {
      const s = session();
      s.network = t.network as never;
      s.snapshots = [{ step: 0, epoch: 0, theta: Float32Array.from(t.theta), logits: null, metrics: {} }];
      const state = { tilt: null, regularisation: null, normal_at: null, ...t.state };
      const store = new MemoryStore({ ...state, use_tilted: true, pair: [0, 2] });
      const at = shownTilted(s, store)!;
      expect(at.tilted).toBeDefined();
      const scale = Math.max(...t.logits.flat().map(Math.abs));
      t.logits.flat().forEach((v, i) => {
        expect(Math.abs(at.logits[i]! - v)).toBeLessThan(2e-4 * scale);
      });
      store.set("use_tilted", false);
      expect(shownTilted(s, store)!.tilted).toBeUndefined();
      store.set("use_tilted", true);
      store.set("tilt", null);
      store.set("regularisation", null);
      expect(shownTilted(s, store)!.tilted).toBeUndefined();
    },
  );
});
