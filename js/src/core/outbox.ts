/** Requests on their way to the kernel: a busy kernel gets the newest of each kind when it is free again. */

import type { Message } from "./session";

/** After so long without an answer a person wants to know why nothing happens. */
export const PATIENCE = 1000; // ms

export interface Waiting {
  /** Requests without an answer yet, in the order in which they will be carried out. */
  messages: Message[];
  /** For longer than PATIENCE. */
  long: boolean;
}

/**
 * What is sent in one go (seek, then train) leaves in one go; what comes later waits here until all that was sent
 * is acknowledged. So a kernel that is busy with a cell finds one request when it is done, not a heap of them.
 */
export class Outbox {
  // another page of the same widget hears this one's acknowledgements too: no number means something to both
  private seq = Math.floor(Math.random() * 2 ** 20) * 2 ** 20;
  private readonly sent = new Map<number, Message>(); // not acknowledged
  private held: Message[] = [];
  private batch: number | null = null; // microtask in which the last message left
  private timer: ReturnType<typeof setTimeout> | undefined;
  private long = false;

  /** `post` sends a message; false where there is nobody to send it. */
  constructor(
    private readonly post: (message: Message) => boolean,
    private readonly changed: () => void,
  ) {}

  get waiting(): Waiting {
    return { messages: [...this.sent.values(), ...this.held], long: this.long };
  }

  send(message: Message): void {
    if (this.sent.size > 0 && this.batch === null) {
      this.held = [...this.held.filter((old) => !replaces(message, old)), merged(message, this.held)];
      this.changed();
    } else this.leave(message);
  }

  /** The kernel has message `seq`, and so all that were sent before it. */
  acknowledge(seq: number): void {
    if (!this.sent.has(seq)) return;
    for (const old of [...this.sent.keys()]) if (old <= seq) this.sent.delete(old);
    if (this.sent.size > 0) return;
    this.rest();
    const next = this.held;
    this.held = [];
    for (const message of next) this.leave(message);
    this.changed();
  }

  /** Nobody will answer any more. */
  clear(): void {
    this.sent.clear();
    this.held = [];
    this.rest();
    this.changed();
  }

  private leave(message: Message): void {
    const seq = ++this.seq;
    if (!this.post({ ...message, seq })) return;
    this.sent.set(seq, message);
    if (this.batch === null) {
      this.batch = seq;
      queueMicrotask(() => {
        this.batch = null;
      });
    }
    this.timer ??= setTimeout(() => {
      this.long = true;
      this.changed();
    }, PATIENCE);
  }

  private rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.long = false;
  }
}

/** What a request is about; of two about the same thing only the newer one is carried out. */
function about(m: Message): string {
  if (m.kind !== "command") return m.kind === "cancel" ? `cancel ${String(m.task)}` : m.kind;
  return m.name === "train" || m.name === "pause" || m.name === "stop" ? "go" : `command ${String(m.name)}`;
}

const replaces = (newer: Message, old: Message): boolean => about(newer) === about(old);

/** Settings are changed one by one: the newer request has what the older one set besides. */
function merged(message: Message, held: readonly Message[]): Message {
  const old = message.kind === "change" ? held.find((m) => m.kind === "change") : undefined;
  if (!old) return message;
  return { ...message, changes: { ...(old.changes as object), ...(message.changes as object) } };
}
