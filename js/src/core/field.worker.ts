/** Scores a fine grid away from the page: some hundred million multiplications that nobody has to wait for. */

import { type Cells, networkCells } from "./cells";
import { type Distances, distanceField } from "./distancefield";
import { type Grid, networkField } from "./field";
import type { Network } from "./forward";

export interface FineJob {
  network: Network;
  theta: Float32Array;
  grid: Grid;
  cells: Grid | null; // where its cells are wanted too
  distances: (Distances & { grid: Grid }) | null; // and where its distances from the training samples are
}

export interface FineAnswer {
  logits: Float32Array;
  cells: Cells | null;
  distances: Float64Array | null;
}

const port = self as unknown as {
  onmessage: (event: MessageEvent<FineJob>) => void;
  postMessage(answer: FineAnswer, transfer: Transferable[]): void;
};

port.onmessage = ({ data: { network, theta, grid, cells: where, distances: asked } }) => {
  const { logits } = networkField(network, theta, grid);
  const cells = where && networkCells(network, theta, where);
  const distances = asked && distanceField(network, theta, asked, asked.grid);
  port.postMessage({ logits, cells, distances }, [logits.buffer, ...(cells ? [cells.borders.buffer] : [])]);
};
