/** The temperature view in a sentence. */

import { b } from "../../draw/dom";
import { GROUPS, ofGroup, type Temperatures } from "./numbers";

export const mean = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
};

/** `how`: where the temperatures come from, in words. */
export function sentence(heat: Temperatures, how: string, part: string): (Node | string)[] {
  const { samples, temperature } = heat;
  const of =
    samples.rows.length < samples.all ? `${samples.rows.length} of ${samples.all}` : `${samples.all}`;
  const groups = GROUPS.map((name, i) => ({ name, own: ofGroup(temperature, samples.groups, i) }))
    .filter(({ own }) => own.length > 0)
    .map(({ name, own }) => `${name} ones ${mean(own).toFixed(2)}`);
  const pairs = Number.isNaN(heat.wrongHotter)
    ? ""
    : `; a wrong one is hotter than a right one in ${Math.round(100 * heat.wrongHotter)} % of the pairs`;
  const fittedOn = part === "training" ? ", fitted on the validation samples," : "";
  return [
    b(`Mean T ${mean(temperature).toFixed(4)}`),
    ` of ${of} ${part ? `${part} ` : ""}samples, ${how} (${groups.join(", ")})${pairs}. With them `,
    b(`NLL ${heat.own.nll.toFixed(4)}`),
    ", ",
    b(`ECE ${heat.own.ece.toFixed(4)}`),
    `; with one T = ${heat.fitted.toFixed(4)} for all${fittedOn} ${heat.one.nll.toFixed(4)} and ${heat.one.ece.toFixed(4)}; at T = 1 ${heat.trained.nll.toFixed(4)} and ${heat.trained.ece.toFixed(4)}.`,
  ];
}
