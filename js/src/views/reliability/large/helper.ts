/** Hands long work to a worker; where a page forbids workers, does it here in slices. */

import code from "worker:./worker.ts";
import { Crunch, type Order, type Reply } from "../../../core/crunch";

export interface Helper {
  give(order: Order): void;
  end(): void;
}

export function startHelper(hear: (reply: Reply) => void): Helper {
  let waiting: Order[] | null = []; // until it is known who works
  let worker: Worker | null = null;
  let here: Crunch | null = null;
  let url = "";
  const post = (order: Order) => {
    if (here) here.take(order);
    else if (order.kind === "logits") worker!.postMessage(order, [order.rows.buffer]);
    else worker!.postMessage(order);
  };
  const begin = () => {
    const orders = waiting ?? [];
    waiting = null;
    for (const order of orders) post(order);
  };
  const workHere = () => {
    if (here || !waiting) return;
    worker?.terminate();
    worker = null;
    here = new Crunch(hear, () => new Promise((resolve) => setTimeout(resolve)));
    begin();
  };
  try {
    url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    worker = new Worker(url);
    worker.onmessage = ({ data }: MessageEvent<Reply>) => (data.kind === "ready" ? begin() : hear(data));
    worker.onerror = workHere; // before it began: a content security policy says no this way
  } catch {
    workHere();
  }
  return {
    give(order) {
      if (waiting) waiting.push(order);
      else post(order);
    },
    end() {
      worker?.terminate();
      here?.stop();
      URL.revokeObjectURL(url);
      waiting = [];
    },
  };
}
