/** What changed from the pinned network to the one shown, in one line; its numbers select samples. */

import { type Comparison, compare } from "../../core/compare";
import { isOfModels } from "../../core/fan";
import { RULE_KEYS, shownTilted } from "../../core/overlay";
import type { Session } from "../../core/session";
import { type Pinned, pinnedShown, type Shown, topPairs } from "../../core/shown";
import type { Store } from "../../core/store";
import { b, h, say } from "../../draw/dom";
import { onFrame } from "../../draw/frame";
import { button } from "../../draw/knobs";
import { settingOf } from "./fan";

export function mountCompare(
  el: HTMLElement,
  { session, store }: { session: Session; store: Store },
): () => void {
  const words = h("p", { role: "status", class: "clsviz-compare-words" });
  let drawn: { at: Shown; result: Comparison } | null = null;
  const picks = (["disagreeing", "negative", "positive"] as const).map((which) =>
    button(
      "",
      () => {
        if (!drawn) return;
        const { at, result } = drawn;
        const samples = Int32Array.from(result[which], (i) => at.rows[i]!);
        store.set("selection", samples.length > 0 ? samples : null);
      },
      { class: "clsviz-small", title: "Select these samples" },
    ),
  );
  const row = h(
    "section",
    { class: "clsviz-compare", "aria-label": "Pinned and shown compared", hidden: true },
    words,
    h("div", { class: "clsviz-row" }, ...picks),
  );
  el.append(row);

  const draw = () => {
    const pin = store.get<Pinned | null>("pinned");
    const was = pinnedShown(session, pin);
    const now = shownTilted(session, store);
    row.hidden = !pin || !was || !now;
    drawn = null;
    if (!pin || !was || !now) return;
    const data = session.dataset!;
    const T = store.get<number | null>("temperature") ?? 1;
    const wasT = pin.temperature ?? T;
    // a hovered network is known on the first rows only
    const result = compare(
      { logits: was.logits, pairs: topPairs(was, data.k, wasT) },
      { logits: now.logits, pairs: topPairs(now, data.k, T) },
      now.labels,
      data.k,
    );
    drawn = { at: now, result };
    const [ece, accuracy] = [result.ece, result.accuracy];
    say(
      words,
      "Pinned ",
      b(nameOf(session, was, wasT)),
      ", shown ",
      b(now.hovered ? "the hovered network" : nameOf(session, now, T)),
      `: ECE ${ece[1].toFixed(4)} (`,
      b(signed(ece[1] - ece[0], 4)),
      `), accuracy ${percent(accuracy[1])} (`,
      b(`${signed(100 * (accuracy[1] - accuracy[0]), 1)} points`),
      "), the same guess on ",
      b(percent(result.agreement)),
      now.awaited
        ? ` of ${now.rows.length} samples (its exact weights are on their way).`
        : ` of ${now.rows.length} samples.`,
    );
    const [other, lost, won] = picks as [HTMLButtonElement, HTMLButtonElement, HTMLButtonElement];
    other.textContent = `${result.disagreeing.length} another guess`;
    lost.textContent = `${result.negative.length} now wrong (negative flips)`;
    won.textContent = `${result.positive.length} now right (positive flips)`;
    other.disabled = result.disagreeing.length === 0;
    lost.disabled = result.negative.length === 0;
    won.disabled = result.positive.length === 0;
  };
  const frame = onFrame(draw);
  const stops = [
    store.on(["pinned", "member", "step", "temperature", "hover", ...RULE_KEYS], frame.ask),
    session.on(["data", "snapshots", "fan"], frame.ask),
  ];
  frame.ask();
  return () => {
    for (const stop of stops) stop();
    frame.cancel();
    row.remove();
  };
}

const percent = (v: number) => `${(100 * v).toFixed(1)} %`;
const signed = (v: number, digits: number) => {
  const text = Math.abs(v).toFixed(digits);
  return `${Number(text) === 0 ? "±" : v > 0 ? "+" : "−"}${text}`;
};

/** "epoch 60 with learning rate 0.05, T = 1.00"; a finished model has no epochs. */
function nameOf(session: Session, at: Shown, temperature: number): string {
  const epoch = `epoch ${Number(at.snapshot.epoch.toFixed(1))}`;
  const fan = session.fan;
  const member = at.member === null ? null : fan?.members[at.member];
  const settings = member ? fan!.vary.map((v) => settingOf(v, member.values[v.path]!)) : [];
  if (member && fan!.seeds.length > 1) settings.push(`seed ${member.seed}`);
  const which = member
    ? [...(isOfModels(fan) ? [] : [`${epoch} with`]), settings.join(", ")].join(" ")
    : epoch;
  return `${which}, T = ${temperature.toFixed(2)}`;
}
