/** The live runs in the kernels of this server, each kernel heard over a connection of its own. */

import { KernelMessage, type ServiceManager, type Session } from "@jupyterlab/services";

/** One run as clsviz/widgets/panel.py describes it. */
export interface RunRow {
  run: number;
  kind: string;
  data: string;
  model: string;
  loss: string;
  varied: string[]; // paths of a fan: "optimizer.lr"
  networks: number;
  state: string;
  message: string;
  epoch: number;
  epochs: number;
  accuracy: number | null;
}

export interface KernelTable {
  session: string; // id of the server's session
  name: string; // of the notebook
  runs: RunRow[];
  error: string;
}

export type Steer = "pause" | "resume" | "stop";

const TARGET = "clsviz.runs";
/** True in a kernel that has imported clsviz, which then answers on TARGET; imports nothing elsewhere. */
const LISTEN =
  "__import__('sys').modules.get('clsviz.training.run') is not None" +
  " and __import__('importlib').import_module('clsviz.widgets.panel').listen()";

/** Only one connection of a page to a kernel may handle comms: the notebook's own, for its widgets. */
const WITHOUT_COMMS = { handleComms: false };

/** Follows all Python kernels of the server while the panel is open. */
export class KernelRuns {
  private readonly followed = new Map<string, Follower>();
  private readonly listeners: (() => void)[] = [];
  private watching = false;

  constructor(private readonly services: ServiceManager.IManager) {
    // a page that goes away closes its comms, so that no kernel goes on talking to it
    window.addEventListener("pagehide", () => this.unwatch());
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  tables(): KernelTable[] {
    return [...this.followed.values()].map((f) => f.table).filter((t) => t.runs.length > 0 || t.error);
  }

  steer(session: string, run: number, how: Steer): void {
    this.followed.get(session)?.send({ kind: how, run });
  }

  watch(): void {
    if (this.watching) return;
    this.watching = true;
    this.services.sessions.runningChanged.connect(this.refresh, this);
    void this.services.sessions.refreshRunning().catch(() => {}); // an unreachable server shows nothing
    for (const follower of this.followed.values()) void follower.open();
    this.refresh();
  }

  /** Hears no more; the connections stay, as a busy kernel would not take up a new one. */
  unwatch(): void {
    this.watching = false;
    this.services.sessions.runningChanged.disconnect(this.refresh, this);
    for (const follower of this.followed.values()) follower.close();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }

  private refresh(): void {
    const specs = this.services.kernelspecs.specs?.kernelspecs ?? {};
    const running = new Map<string, Session.IModel>();
    for (const model of this.services.sessions.running()) {
      if (specs[model.kernel?.name ?? ""]?.language === "python") running.set(model.id, model);
    }
    for (const [id, follower] of this.followed) {
      if (running.get(id)?.kernel?.id === follower.kernel) continue;
      follower.dispose();
      this.followed.delete(id);
    }
    for (const [id, model] of running) {
      if (this.followed.has(id)) continue;
      const session = this.services.sessions.connectTo({ model, kernelConnectionOptions: WITHOUT_COMMS });
      this.followed.set(id, new Follower(session, () => this.changed()));
    }
    this.changed();
  }
}

/** When to look after a cell has begun, ms: it may import clsviz at once, or late, and then run for long. */
const LOOK_AGAIN = [2_000, 6_000, 15_000, 40_000];

/** A kernel that has not said what it is after so many ms runs a cell. */
const BUSY = 1_000;

/** One kernel: asks whether it has clsviz, opens the comm, keeps the newest table. */
class Follower {
  readonly table: KernelTable;
  readonly kernel: string;
  private comm: string | null = null;
  private asking = false;
  private wanted = true;

  constructor(
    private readonly session: Session.ISessionConnection,
    private readonly changed: () => void,
  ) {
    const name = session.path.split("/").pop() || session.name;
    this.table = { session: session.id, name, runs: [], error: "" };
    this.kernel = session.kernel?.id ?? "";
    session.iopubMessage.connect(this.hear, this);
    session.statusChanged.connect(this.follow, this);
    void this.open();
    this.lookAgain(); // a cell may run whose beginning was not heard
  }

  send(data: { kind: string; run: number }): void {
    if (this.comm) this.post("comm_msg", { comm_id: this.comm, data });
  }

  close(): void {
    this.wanted = false;
    if (this.comm) this.post("comm_close", { comm_id: this.comm, data: {} });
    this.comm = null;
  }

  dispose(): void {
    if (this.session.isDisposed) return;
    this.close();
    this.session.dispose();
  }

  /** Opens the comm if the kernel has imported clsviz by now. */
  async open(): Promise<void> {
    const kernel = this.session.kernel;
    this.wanted = true;
    if (!kernel || this.comm || this.asking) return;
    this.asking = true;
    try {
      await this.ownSubshell();
      const reply = await kernel.requestExecute({
        code: "",
        silent: true,
        store_history: false,
        user_expressions: { clsviz: LISTEN },
      }).done;
      const has = JSON.stringify(reply.content).includes('"text/plain":"True"');
      if (!has || !this.wanted) return;
      this.comm = `${TARGET}-${kernel.clientId}`;
      this.post("comm_open", { comm_id: this.comm, target_name: TARGET, data: {} });
    } catch {
      // the kernel went away while it was asked: there is nothing to list
    } finally {
      this.asking = false;
    }
  }

  private lookAgain(): void {
    for (const wait of LOOK_AGAIN) setTimeout(() => this.wanted && void this.open(), wait);
  }

  /**
   * A subshell answers while a cell runs; kernels without them answer after it. A kernel that was busy when it
   * was found does not even say what it is: it is asked all the same, on the channel that it hears meanwhile.
   */
  private async ownSubshell(): Promise<void> {
    const kernel = this.session.kernel!;
    if (kernel.subshellId) return;
    const informed = kernel.info.then(() => true);
    const known = await Promise.race([informed, new Promise<false>((no) => setTimeout(no, BUSY, false))]);
    if (known && !kernel.supportsSubshells) return;
    const request = KernelMessage.createMessage<KernelMessage.ICreateSubshellRequestMsg>({
      msgType: "create_subshell_request",
      channel: "control",
      session: kernel.clientId,
      username: kernel.username,
      content: {},
    });
    const created = kernel.sendControlMessage(request, true).done;
    const without = informed.then(() => (kernel.supportsSubshells ? created : null));
    const reply = (await Promise.race([created, without])) as KernelMessage.ICreateSubshellReplyMsg | null;
    kernel.subshellId = reply?.content.subshell_id ?? null;
  }

  private post(msgType: "comm_open" | "comm_msg" | "comm_close", content: object): void {
    const kernel = this.session.kernel;
    if (!kernel || kernel.status === "dead" || kernel.connectionStatus !== "connected") return;
    const message = KernelMessage.createMessage<KernelMessage.ICommMsgMsg<"shell">>({
      msgType: msgType as "comm_msg", // the three differ in their content only
      channel: "shell",
      session: kernel.clientId,
      username: kernel.username,
      ...(kernel.subshellId ? { subshellId: kernel.subshellId } : {}),
      content: content as KernelMessage.ICommMsgMsg["content"],
    });
    kernel.sendShellMessage(message, false);
  }

  private hear(_: unknown, message: KernelMessage.IIOPubMessage): void {
    const parent = message.parent_header as Partial<KernelMessage.IHeader>;
    if (KernelMessage.isCommMsgMsg(message) && message.content.comm_id === this.comm) {
      const data = message.content.data as { kind?: string; runs?: RunRow[]; message?: string };
      if (data.kind === "runs" && Array.isArray(data.runs)) this.table.runs = data.runs;
      this.table.error = data.kind === "error" ? String(data.message) : "";
      this.changed();
    } else if (!this.wanted || this.comm) {
      return;
    } else if (KernelMessage.isExecuteInputMsg(message)) {
      this.lookAgain();
    } else if (
      KernelMessage.isStatusMsg(message) &&
      message.content.execution_state === "idle" &&
      parent.msg_type === "execute_request" &&
      parent.session !== this.session.kernel?.clientId
    ) {
      void this.open(); // a cell has run, which may have imported clsviz
    }
  }

  private follow(_: unknown, status: string): void {
    if (!/restarting|dead|terminating/.test(status)) return;
    this.comm = null;
    this.table.runs = [];
    if (this.session.kernel) this.session.kernel.subshellId = null;
    this.changed();
  }
}
