/** Scores a fine grid away from the page: some hundred million multiplications that nobody has to wait for. */

import { type Grid, networkField } from "./field";
import type { Network } from "./forward";

export interface FineJob {
  network: Network;
  theta: Float32Array;
  grid: Grid;
}

const port = self as unknown as {
  onmessage: (event: MessageEvent<FineJob>) => void;
  postMessage(logits: Float32Array, transfer: Transferable[]): void;
};

port.onmessage = ({ data: { network, theta, grid } }) => {
  const { logits } = networkField(network, theta, grid);
  port.postMessage(logits, [logits.buffer]);
};
