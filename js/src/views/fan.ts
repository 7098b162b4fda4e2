/** The whole fan: accuracy, ECE, margin and angle of every network against the setting that differs. */

import { pairData, pairOf } from "../core/boundary";
import { type Fan, neighbour, spots, type Varied } from "../core/fan";
import { memberShown } from "../core/shown";
import { makeCanvas } from "../draw/canvas";
import { b, h, OWN_KEYS } from "../draw/dom";
import { selectKnob } from "../draw/knobs";
import { commonNotice, makePanel, type TableData } from "../draw/panel";
import { redraw } from "../draw/redraw";
import { colours } from "../draw/theme";
import { fanTitle, memberOrLike, nameOfValue, settingOf, titleText } from "./controls/fan";
import { type FanNumbers, MemberNumbers, momentsOf } from "./fan/numbers";
import { drawStrip, layoutStrip, type PanelData, type Strip, valueAt } from "./fan/picture";
import type { Mount } from "./mount";

const DRAWING = 5; // ms that a frame may spend on a moving temperature

export const mountFanStrip: Mount = (el, { session, store }) => {
  const panel = makePanel(el, { view: "fan", title: "Fan", table: () => table() });
  const against = selectKnob({
    name: "Against",
    options: [],
    value: "",
    labelled: false,
    change: (path) => store.set("against", path),
  });
  panel.controls.append(against.el);
  const canvas = makeCanvas("");
  for (const [name, value] of Object.entries({
    role: "slider",
    tabindex: "0",
    "aria-valuemin": "1",
    "aria-label": "Networks of the fan: arrow keys show the next one, Home and End the outermost",
    ...OWN_KEYS,
  }))
    canvas.el.setAttribute(name, value);
  panel.body.append(h("div", { class: "clsviz-plot" }, canvas.el));
  const title = panel.root.querySelector("h3")!;

  const numbers = new MemberNumbers(session);
  const temperature = () => store.get<number | null>("temperature") ?? 1;
  const step = () => store.get<number | null>("step");
  const varied = (fan: Fan): Varied =>
    fan.vary.find((v) => v.path === store.get("against")) ??
    fan.vary.find((v) => v.values.length > 1) ??
    fan.vary[0]!;
  const pairNow = () => {
    const chosen = session.dataset!.d >= 2 ? pairOf(session, store.get<number[] | null>("pair")) : null;
    return chosen && pairData(session.dataset!, ...chosen);
  };

  let drawn: { fan: Fan; strip: Strip; panels: PanelData[]; found: FanNumbers } | null = null;
  let cursor: number | null = null;

  const draw = () => {
    const fan = session.fan;
    const notice = !fan
      ? {
          tone: "plain" as const,
          title: "No fan",
          text: 'Press "fan out" beside a slider: networks over its whole range are trained side by side.',
        }
      : commonNotice(session);
    panel.notice(notice);
    drawn = null;
    if (!fan || notice || !session.dataset || fan.snapshots[fan.members.length - 1]!.length === 0)
      return panel.status(fan ? "The networks are on their way." : "No fan.");
    const v = varied(fan);
    against.setOptions(fan.vary.map((q) => ({ value: q.path, label: titleText(q.title) })));
    against.show(v.path);
    against.el.hidden = fan.vary.length < 2;
    title.textContent = fanTitle(v);

    const pair = pairNow();
    const moments = momentsOf(session, fan, step());
    const found = numbers.read(moments, temperature(), pair, DRAWING);
    const names = session.dataset.classNames;
    const T = Number(found.eceAt.toPrecision(3));
    const panels: PanelData[] = [
      { title: "accuracy (%)", values: found.accuracy, format: (a) => fixed(100 * a, 1), bounds: [0, 1] },
      { title: `ECE at T = ${T}`, values: found.ece, format: (e) => fixed(e, 3), bounds: [0, 1] },
      { title: "margin", values: found.margin, format: (m) => fixed(m, 2), bounds: [-1, 1] },
      {
        title: pair ? `angle of ${names[pair.a]} or ${names[pair.b]} (°)` : "angle",
        values: found.angle,
        format: (a) => fixed(a, 1),
        bounds: [0, 180],
      },
    ];
    const { g, w, h: height } = canvas.begin();
    const strip = layoutStrip(v, w, height);
    drawn = { fan, strip, panels, found };
    const member = memberOrLike(session, store);
    if (cursor !== null && cursor >= strip.order.length) cursor = null;
    drawStrip(g, colours(canvas.el), {
      fan,
      strip,
      panels,
      member,
      ringed: isOf(fan),
      step: moments[member]?.step ?? 0,
      cursor,
      valueText: (value) => nameOfValue(v, value),
    });
    const at = strip.order.indexOf(fan.members[member]!.values[v.path]!);
    canvas.el.setAttribute("aria-valuemax", String(strip.order.length));
    canvas.el.setAttribute("aria-valuenow", String(at + 1));
    const chosen = settingOf(v, strip.order[at]!);
    canvas.el.setAttribute("aria-valuetext", isOf(fan) ? chosen : `the run itself, nearest to ${chosen}`);
    panel.status(...words(cursor ?? at, moments[member]?.step ?? 0, member));
  };

  /** Whether one of its networks is on screen, not the laboratory's own run. */
  const isOf = (fan: Fan) => fan.own || memberShown(session, store) !== null;
  const words = (index: number, at: number, member: number): (Node | string)[] => {
    const { fan, strip, panels, found } = drawn!;
    const value = strip.order[index]!;
    const mean = (p: PanelData) =>
      spots(fan, strip.varied.path, member, p.values, at).find((s) => s.value === value)!;
    const [accuracy, ece, margin, angle] = panels.map(mean) as [Spot, Spot, Spot, Spot];
    const name = b(settingOf(strip.varied, value));
    if (!Number.isFinite(accuracy.mean)) return [name, ": diverged, what is drawn is its last good state."];
    const lean = Number.isFinite(angle.mean) ? `, angle ${angle.mean.toFixed(1)}°` : "";
    const seeds = fan.seeds.length > 1 ? `; means of ${fan.seeds.length} seeds` : "";
    const rest = found.pending > 0 ? ` (${found.pending} networks still to compute)` : "";
    return [
      name,
      ": accuracy ",
      b(`${(100 * accuracy.mean).toFixed(1)} %`),
      ", ECE ",
      b(ece.mean.toFixed(4)),
      ` at T\u00a0=\u00a0${Number(found.eceAt.toPrecision(3))}, margin ${margin.mean.toFixed(2)}${lean}${seeds}. ${isOf(fan) ? "Ring: the network shown" : "No ring: the run itself is shown"}${rest}.`,
    ];
  };
  type Spot = ReturnType<typeof spots>[number];

  const table = (): TableData => {
    if (!drawn) return { columns: ["network"], rows: [] };
    const { fan, found } = drawn;
    return {
      columns: [
        ...fan.vary.map((v) => titleText(v.title)),
        "seed",
        "accuracy",
        `ECE at T = ${Number(found.eceAt.toPrecision(3))}`,
        "margin",
        "angle (°)",
        "diverged at step",
      ],
      rows: fan.members.map((m, i) => [
        ...fan.vary.map((v) => v.names?.[i] ?? m.values[v.path]!),
        m.seed,
        found.accuracy[i]!,
        found.ece[i]!,
        found.margin[i]!,
        found.angle[i]!,
        m.divergedAt ?? "",
      ]),
    };
  };

  /** Shows the network with a value, of the seed that is shown now. */
  const choose = (index: number, how: "live" | "final" = "final") => {
    if (!drawn) return;
    const { fan, strip } = drawn;
    const change = { path: strip.varied.path, value: strip.order[index]! };
    store.set("member", neighbour(fan, memberOrLike(session, store), change), how);
  };
  let dragging = false;
  const at = (e: PointerEvent) => (drawn ? valueAt(drawn.strip, e.offsetX, e.offsetY) : null);
  canvas.el.addEventListener("pointerdown", (e) => {
    const index = at(e);
    if (index === null || e.button !== 0) return;
    canvas.el.setPointerCapture(e.pointerId);
    dragging = true;
    choose(index, "live");
  });
  canvas.el.addEventListener("pointermove", (e) => {
    const index = at(e);
    if (index === cursor) return;
    cursor = index;
    if (dragging && index !== null) choose(index, "live");
    frame.ask();
  });
  const release = () => {
    if (!dragging) return;
    dragging = false;
    store.set("member", store.get("member")); // now for good: the kernel hears of it
  };
  canvas.el.addEventListener("pointerup", release);
  canvas.el.addEventListener("pointercancel", release);
  canvas.el.addEventListener("pointerleave", () => {
    cursor = null;
    frame.ask();
  });
  canvas.el.addEventListener("keydown", (e) => {
    if (!drawn) return;
    const { fan, strip } = drawn;
    const now = strip.order.indexOf(fan.members[memberOrLike(session, store)]!.values[strip.varied.path]!);
    const last = strip.order.length - 1;
    const next = {
      ArrowRight: now + 1,
      ArrowUp: now + 1,
      ArrowLeft: now - 1,
      ArrowDown: now - 1,
      PageUp: now + 10,
      PageDown: now - 10,
      Home: 0,
      End: last,
    }[e.key];
    if (next === undefined) return;
    e.preventDefault();
    choose(Math.min(last, Math.max(0, next)));
  });

  // weights are looked at in short stretches while nothing moves
  let rest: ReturnType<typeof setTimeout> | undefined;
  const work = () => {
    rest = undefined;
    const fan = session.fan;
    if (!fan || !session.dataset || !panel.root.clientWidth) return;
    const done = numbers.work(momentsOf(session, fan, step()), temperature(), pairNow());
    if (!done) rest = setTimeout(work, 0);
    frame.ask();
  };
  const drawAndWork = (still: boolean) => {
    draw();
    if (!still) clearTimeout(rest);
    if (!still) rest = undefined;
    else if (drawn && drawn.found.pending > 0) rest ??= setTimeout(work, 0);
  };
  const frame = redraw(drawAndWork, {
    session,
    store,
    panel,
    boxes: [canvas.el],
    keys: ["member", "step", "temperature", "pair", "against"],
    events: ["data", "snapshots", "fan", "run", "alive"],
    finer: true, // what weights tell
    also: [() => clearTimeout(rest)],
  });
  return frame.close;
};

const fixed = (v: number, digits: number) => String(Number(v.toFixed(digits)));
