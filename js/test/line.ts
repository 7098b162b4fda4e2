/** A linear network on a line, eight samples of two classes, and a view of it in a page. */

import { type Message, Session } from "../src/core/session";
import { MemoryStore } from "../src/core/store";
import type { Mount } from "../src/views/mount";
import { drawFrames, openPage } from "./dom";

export const bytes = (array: ArrayBufferView): DataView =>
  new DataView(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

const X = [-3, -2, -1, 1, 2, 3, -2.4, 2.5];
const GIVEN = [0, 0, 0, 1, 1, 0, 0, 1]; // the sixth is mislabelled
const TRUTH = [0, 0, 0, 1, 1, 1, 0, 1];

/**
 * Of a network that the browser runs (or logits alone), with logits -x and x, so that the boundary is at 0; with
 * a hidden layer where it is deep. The last four samples, 2, 3, -2.4, 2.5, are for validation.
 */
export function lineSession(runs: boolean, d = 1, deep = false): Session {
  const session = new Session();
  const n = X.length;
  const dataset = {
    name: "toy",
    n,
    d,
    k: 2,
    class_names: ["a", "b"],
    feature_names: ["x"],
    image_shape: null,
  };
  session.receive(
    {
      kind: "run",
      dataset,
      network: runs ? (deep ? { kind: "mlp", sizes: [1, 2, 2] } : { kind: "linear", sizes: [1, 2] }) : null,
      run: {
        id: "r",
        state: "paused",
        message: "",
        epochs: 1,
        experiment: null,
        trainable: true,
        changeable: true,
      },
    },
    [
      bytes(Float32Array.from(d ? X : [])),
      bytes(Int32Array.from(GIVEN)),
      bytes(Int32Array.from(TRUTH)),
      bytes(Int32Array.from([0, 1, 2, 3, 4, 5])),
      bytes(Int32Array.from([4, 5, 6, 7])),
    ],
  );
  // of the hidden layer max(0, x) and max(0, -x)
  const theta = Float32Array.from(deep ? [1, -1, 0, 0, -1, 1, 1, -1, 0, 0] : [-1, 1, 0, 0]);
  const logits = Float32Array.from(X.flatMap((x) => [-x, x]));
  session.receive({ kind: "snapshots", run_id: "r", items: [{ step: 7, epoch: 1, metrics: {} }] }, [
    bytes(runs ? theta : logits),
  ]);
  return session;
}

export function openView(mount: Mount, from: Session, state: Record<string, unknown> = {}) {
  const root = openPage();
  const store = new MemoryStore({ temperature: 1, ...state });
  const sent: Message[] = [];
  from.send = (message) => sent.push(message);
  const close = mount(root, { session: from, store });
  const stop = () => {
    drawFrames(); // a frame that is due would keep the next page from asking for one
    close();
  };
  drawFrames();
  const said = () => {
    drawFrames();
    return root.querySelector('[role="status"]')!.textContent!;
  };
  const knob = (name: string) => root.querySelector<HTMLInputElement>(`input[aria-label="${name}"]`)!;
  const button = (name: string) => [...root.querySelectorAll("button")].find((b) => b.textContent === name)!;
  return { root, store, sent, said, knob, button, stop };
}
