/** The worker's side: orders in, replies out. */

import { Crunch, type Order, type Reply } from "../../../core/crunch";

const port = self as unknown as {
  postMessage(reply: Reply): void;
  onmessage: ((event: MessageEvent<Order>) => void) | null;
};
const channel = new MessageChannel(); // unlike a timer, not held back
const pause = () =>
  new Promise<void>((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(null);
  });
const crunch = new Crunch((reply) => port.postMessage(reply), pause);
port.onmessage = ({ data }) => crunch.take(data);
port.postMessage({ kind: "ready" });
