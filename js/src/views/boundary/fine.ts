/** Fine fields from a worker: one at a time, the newest wish wins. */

import source from "worker:../../core/field.worker.ts";
import { type Cells, networkCells } from "../../core/cells";
import { shaded } from "../../core/distancefield";
import { type Field, field, networkField } from "../../core/field";
import type { FineAnswer, FineJob } from "../../core/field.worker";
import type { ScoreField } from "../../core/fieldscore";

interface Wish {
  key: string;
  job: FineJob;
}

const AT_ONCE = 96; // points along a side without a worker: the page waits for them

export class FineFields {
  private worker: Worker | null = null;
  private running: Wish | null = null;
  private next: Wish | null = null;

  constructor(
    private readonly done: (
      key: string,
      found: Field,
      cells: Cells | null,
      distances: ScoreField | null,
    ) => void,
  ) {}

  ask(wish: Wish): void {
    if (wish.key === this.running?.key) this.next = null;
    else if (wish.key !== this.next?.key) {
      this.next = wish;
      this.start();
    }
  }

  dispose(): void {
    this.worker?.terminate();
    this.running = this.next = null;
  }

  private start(): void {
    if (this.running || !this.next) return;
    this.running = this.next;
    this.next = null;
    try {
      this.worker ??= this.open();
      this.worker.postMessage(this.running.job);
    } catch {
      this.withoutWorker(); // a page may forbid workers
    }
  }

  private open(): Worker {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    worker.onmessage = ({ data }: MessageEvent<FineAnswer>) => {
      const { key, job } = this.running!;
      const found = field(data.logits, lastOf(job.network.sizes), job.grid.nx, job.grid.ny);
      const { distances: values, cells } = data;
      this.finish(key, found, cells, values && shaded(values, job.distances!, job.distances!.grid.nx));
    };
    worker.onerror = () => this.withoutWorker();
    return worker;
  }

  private withoutWorker(): void {
    if (!this.running) return;
    const { key, job } = this.running;
    const n = Math.min(AT_ONCE, job.grid.nx);
    const grid = { ...job.grid, nx: n, ny: n };
    const { network, theta } = job;
    const cells = job.cells && networkCells(network, theta, grid);
    this.finish(key, networkField(network, theta, grid), cells, null); // distances stay coarse
  }

  private finish(...[key, found, cells, distances]: Parameters<typeof this.done>): void {
    this.running = null;
    this.done(key, found, cells, distances);
    this.start();
  }
}

const lastOf = (sizes: number[]) => sizes[sizes.length - 1]!;
