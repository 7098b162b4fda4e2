/** Which loss is looked at: the score's place or choice, else the one that the network shown was trained with. */

import type { LossSpec } from "../../core/lossterms";
import type { Session } from "../../core/session";
import { memberShown } from "../../core/shown";
import type { Store } from "../../core/store";
import { type Catalogue, type ExperimentJson, words } from "../controls/catalogue";
import { specAt } from "../controls/lossline";

export const CROSS_ENTROPY: LossSpec = { name: "cross_entropy", params: {} };

export const isSpec = (value: unknown): value is LossSpec =>
  typeof value === "object" && value !== null && typeof (value as LossSpec).name === "string";

/** The loss on screen, with all parameters that are not its defaults. */
export function shownLoss(session: Session, store: Store): LossSpec {
  const score = store.get<unknown>("score");
  if (typeof score === "number" && Math.abs(score) <= 1) return specAt(score);
  if (isSpec(score)) return tidy(score);
  const trained = (session.run?.experiment as ExperimentJson | null)?.loss ?? session.run?.loss;
  const own = tidy(isSpec(trained) ? trained : CROSS_ENTROPY);
  const fan = session.fan;
  const member = memberShown(session, store);
  if (!fan || member === null) return own;
  const params: Record<string, unknown> = fan.loss === own.name ? { ...own.params } : {};
  for (const [path, value] of Object.entries(fan.members[member]!.values))
    if (path.startsWith("loss.")) params[path.slice(5)] = value;
  return { name: fan.loss, params };
}

/** Params may be anything in a scene from elsewhere. */
const tidy = (spec: LossSpec): LossSpec => ({
  name: spec.name,
  params: typeof spec.params === "object" && spec.params ? spec.params : {},
});

/** The loss that is laid over it, or null. */
export function againstLoss(store: Store): LossSpec | null {
  const value = store.get<unknown>("against");
  return isSpec(value) ? tidy(value) : null;
}

/** A loss as a person reads it: its title, and the parameters that are set. */
export function lossTitle(spec: LossSpec, catalogue: Catalogue | null): string {
  const title = catalogue?.loss?.find((m) => m.name === spec.name)?.title ?? spec.name.replaceAll("_", " ");
  const params = Object.entries(spec.params).map(([name, value]) => `${words(name)} = ${said(value)}`);
  return params.length ? `${title}, ${params.join(", ")}` : title;
}

const said = (value: unknown): string =>
  typeof value === "number" ? String(Number(value.toPrecision(3))) : String(value);

export const sameLoss = (a: LossSpec, b: LossSpec | null): boolean =>
  b !== null && JSON.stringify([a.name, a.params]) === JSON.stringify([b.name, b.params]);
