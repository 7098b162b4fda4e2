import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Outbox, PATIENCE } from "../src/core/outbox";
import type { Message } from "../src/core/session";

describe("requests to the kernel", () => {
  let posted: Message[];
  let box: Outbox;
  const command = (name: string): Message => ({ kind: "command", name });
  const names = () => posted.map((m) => m.name ?? m.kind);
  const answer = () => box.acknowledge(posted[posted.length - 1]!.seq as number);
  const nextTask = () => vi.advanceTimersByTimeAsync(0);

  beforeEach(() => {
    vi.useFakeTimers();
    posted = [];
    box = new Outbox(
      (m) => {
        posted.push(m);
        return true;
      },
      () => {},
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("leave in one go when they were made in one go", () => {
    box.send({ kind: "seek", step: 3 });
    box.send(command("train"));
    expect(names()).toEqual(["seek", "train"]);
  });

  it("wait for a busy kernel, the newest of each kind", async () => {
    box.send(command("train"));
    await nextTask();
    box.send({ kind: "change", changes: { loss: "mae", seed: 1 } });
    box.send(command("pause"));
    box.send({ kind: "change", changes: { loss: "gce" } });
    box.send(command("train"));
    box.send(command("reset"));
    box.send(command("reset"));
    expect(names()).toEqual(["train"]);
    answer();
    expect(names()).toEqual(["train", "change", "train", "reset"]);
    expect(posted[1]!.changes).toEqual({ loss: "gce", seed: 1 });
    expect(box.waiting.messages.length).toBe(3);
    answer();
    expect(box.waiting).toEqual({ messages: [], long: false });
  });

  it("are told of after a second without an answer, until it comes", async () => {
    box.send(command("train"));
    await vi.advanceTimersByTimeAsync(PATIENCE - 1);
    expect(box.waiting.long).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(box.waiting.long).toBe(true);
    answer();
    expect(box.waiting.long).toBe(false);
  });

  it("do not end by the acknowledgement of another page", async () => {
    box.send(command("train"));
    box.acknowledge(12345.5);
    expect(box.waiting.messages.length).toBe(1);
  });

  it("are dropped with the kernel", async () => {
    box.send(command("train"));
    await nextTask();
    box.send(command("reset"));
    box.clear();
    expect(box.waiting.messages).toEqual([]);
    box.send(command("step"));
    expect(names()).toEqual(["train", "step"]);
  });
});
