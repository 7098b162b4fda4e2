/** Train, pause, step, reset, and the epoch slider whose track is the learning curve. */

import { lookAhead } from "../../core/ahead";
import type { Session, Snapshot } from "../../core/session";
import { memberShown } from "../../core/shown";
import type { Store } from "../../core/store";
import { line, makeCanvas, text } from "../../draw/canvas";
import { b, h, OWN_KEYS, say } from "../../draw/dom";
import { afterDrawing } from "../../draw/frame";
import { button } from "../../draw/knobs";
import { redraw } from "../../draw/redraw";
import { type Colours, colours } from "../../draw/theme";

const PAGE = 10; // snapshots per Page key

export function mountTimeline(
  el: HTMLElement,
  { session, store }: { session: Session; store: Store },
): () => void {
  const ofFan = () => memberShown(session, store);
  const moments = () => session.of(ofFan());
  const command = (name: string) => session.send({ kind: "command", name });
  /** What trains next goes on from the network shown. */
  const playOn = () => {
    const step = store.get<number | null>("step");
    if (ofFan() !== null && !session.fan?.own)
      store.set("member", null); // the run is what trains
    else if (step !== null) session.send({ kind: "seek", step });
    store.set("step", null);
  };
  const train = button(
    "▶ Train",
    () => {
      playOn();
      command("train");
    },
    { "aria-label": "Train" },
  );
  const pause = button("Pause", () => command("pause"), { "aria-label": "Pause" });
  const one = button(
    "Step",
    () => {
      playOn();
      command("step");
    },
    { title: "One step of the optimiser" },
  );
  const reset = button(
    "Reset",
    () => {
      store.set("step", null);
      command("reset");
    },
    { title: "Back to the untrained network" },
  );
  const buttons = h("div", { class: "clsviz-row", "data-control": "train" }, train, pause, one, reset);
  const canvas = makeCanvas("Learning curve: loss on validation and training samples over the epochs");
  const input = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: "any",
    "aria-label": "Epoch",
    ...OWN_KEYS,
  });
  const where = h("output", { class: "clsviz-where", "data-control": "epoch" });
  const row = h(
    "div",
    { class: "clsviz-timeline" },
    buttons,
    h("div", { class: "clsviz-curve", "data-control": "epoch" }, canvas.el, input),
    where,
  );
  el.append(row);

  const last = () => moments()[moments().length - 1];
  const end = () => (ofFan() === null ? session.run?.epochs : session.fan?.epochs) ?? 1;
  const span = () => Math.max(last()?.epoch ?? 0, end(), 1e-9);
  const goTo = (s: Snapshot | undefined, how: "live" | "final") => {
    if (s) store.set("step", s === last() ? null : s.step, how);
  };
  const nearest = (epoch: number) => {
    const all = moments();
    return all.reduce(
      (best, s) => (Math.abs(s.epoch - epoch) < Math.abs(best.epoch - epoch) ? s : best),
      all[0]!,
    );
  };
  input.addEventListener("input", () => moments().length && goTo(nearest(Number(input.value)), "live"));
  input.addEventListener("change", () => moments().length && goTo(nearest(Number(input.value)), "final"));
  input.addEventListener("dblclick", () => goTo(last(), "final"));
  input.addEventListener("keydown", (event) => {
    const all = moments();
    const move = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -PAGE,
      PageUp: PAGE,
      Home: -all.length,
      End: all.length,
    }[event.key];
    if (move === undefined || all.length === 0) return;
    event.preventDefault();
    const here = session.at(store.get<number | null>("step"), ofFan());
    const index = all.indexOf(here!) + move;
    goTo(all[Math.min(all.length - 1, Math.max(0, index))], "final");
  });

  let trainedWith = ""; // settings of the last training, to tell when there is something to train
  const draw = () => {
    paint();
    afterDrawing(showControls);
  };
  const showControls = () => {
    const run = session.run;
    const trainable = (run?.trainable ?? false) && session.alive;
    buttons.hidden = !(run?.trainable ?? false);
    row.hidden = buttons.hidden && run?.state === "finished" && moments().length === 1; // finished models
    for (const bt of [train, pause, one, reset]) bt.disabled = !trainable;
    const running = run?.state === "running";
    train.setAttribute("aria-pressed", String(running));
    const settings = JSON.stringify(run?.experiment ?? null);
    if (running || (run && trainedWith === "")) trainedWith = settings;
    const past = store.get<number | null>("step") !== null;
    const hungry = !running && (past || run?.state !== "finished" || settings !== trainedWith);
    train.classList.toggle("clsviz-primary", hungry && trainable);
    const here = session.at(store.get<number | null>("step"), ofFan());
    input.disabled = !here;
    input.max = String(span());
    input.value = String(here?.epoch ?? 0);
    const epoch = here ? formatEpoch(here.epoch) : "0";
    input.setAttribute("aria-valuetext", `epoch ${epoch}`);
    const state =
      { diverged: ", diverged", failed: ", failed", running: ", training" }[run?.state as string] ?? "";
    if (run && !run.experiment)
      say(where, "step ", b(String(here?.step ?? 0)), state); // a loop of your own
    else say(where, "epoch ", b(epoch), ` of ${formatEpoch(run ? end() : 0)}${state}`);
  };
  const paint = () => {
    const { w, h: height } = canvas.begin();
    const c = colours(canvas.el);
    canvas.layer("curves", [moments(), session.former, span(), c], (g) => drawCurves(g, w, height, c));
  };
  const drawCurves = (g: CanvasRenderingContext2D, w: number, height: number, c: Colours) => {
    const all = moments();
    if (all.length === 0)
      return text(g, "the learning curve appears here", w / 2, height / 2 + 4, {
        align: "center",
        colour: c.fg2,
      });
    const x = (e: number) => 2 + (e / span()) * (w - 4);
    const curves = [
      {
        key: "validation_loss",
        word: "loss on validation",
        colour: c.fg,
        dash: [] as number[],
        width: 1.6,
        snapshots: all,
      },
      { key: "train_loss", word: "training", colour: c.fg2, dash: [3, 3], width: 1, snapshots: all },
      {
        key: "validation_loss",
        word: "",
        colour: c.bar,
        dash: [1, 3],
        width: 1.4,
        snapshots: ofFan() === null ? session.former : [],
      },
    ];
    const values = curves
      .flatMap((q) => q.snapshots.map((s) => s.metrics[q.key]))
      .filter((v): v is number => Number.isFinite(v));
    const high = Math.max(...values, 1e-9);
    const y = (v: number) => height - 4 - (v / high) * (height - 10);
    for (const q of curves) {
      const points = q.snapshots
        .filter((s) => Number.isFinite(s.metrics[q.key]))
        .map((s) => [x(s.epoch), y(s.metrics[q.key]!)] as const);
      line(g, points, q.colour, q.width, q.dash);
    }
    const end = all[all.length - 1]!;
    if (x(end.epoch) > 220) {
      const edge = x(end.epoch) - 6;
      text(g, "loss on validation", edge, 13, { align: "right", colour: c.fg, halo: c.bg });
      text(g, "training", edge, height - 5, { align: "right", colour: c.fg2, halo: c.bg });
    }
  };
  return redraw(draw, {
    session,
    store,
    boxes: [canvas.el],
    keys: ["step", "member"],
    events: ["data", "run", "snapshots", "fan", "alive"],
    also: [lookAhead(session)],
  }).close;
}

function formatEpoch(epoch: number): string {
  return Number.isInteger(epoch) ? String(epoch) : epoch.toFixed(epoch < 10 ? 2 : 1);
}
