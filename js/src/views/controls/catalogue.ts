/** The part of the catalogue that controls are built from; the kernel sends it as one trait. */

import type { Store } from "../../core/store";

export interface RangeEntry {
  low: number;
  high: number;
  step: number | null;
  log: boolean;
  unit: string | null;
}

export interface ParamEntry {
  name: string;
  default: unknown;
  range: RangeEntry | null;
  choices: unknown[] | null;
  help?: string; // what it is; missing in older saved notebooks
}

export interface MethodEntry {
  name: string;
  title: string;
  paper: string;
  summary: string;
  params: ParamEntry[];
}

/** What the menu of losses says of each. */
export interface LossEntry extends MethodEntry {
  group: string;
  mathml: string; // the formula, or ""
  needs: string[]; // besides the class labels
  properties: Record<string, boolean | null>;
}

/** What makes the need of its name, and what it needs itself. */
export interface SupplyEntry extends MethodEntry {
  needs: string[];
}

export interface Catalogue {
  temperature: ParamEntry;
  n_bins: ParamEntry;
  data: MethodEntry[];
  model: MethodEntry[];
  method: MethodEntry[];
  loss: LossEntry[];
  supply: SupplyEntry[];
  optimizer: MethodEntry[];
  calibrator: MethodEntry[];
  label_noise: ParamEntry;
}

export interface SpecJson {
  name: string;
  params: Record<string, unknown>;
}

/** The experiment as `Experiment.to_json` writes it; only what controls show. */
export interface ExperimentJson {
  data: SpecJson;
  model: SpecJson;
  loss: SpecJson;
  optimizer: SpecJson;
  method: SpecJson;
  supplies?: Record<string, Record<string, unknown>>;
  label_noise: SpecJson | null;
  seed: number;
  epochs: number;
}

export const catalogueOf = (store: Store): Catalogue => store.get<Catalogue>("catalogue");

/** A parameter's value: as set in the spec, or the catalogue's default. */
export function paramValue(spec: SpecJson | null, param: Pick<ParamEntry, "name" | "default">): number {
  return Number(spec?.params[param.name] ?? param.default);
}

/** "weight_decay" as a person reads it; "lam" and "lambda_class" get their letter. */
export const words = (name: string): string =>
  name
    .replace(/^lam(bda)?_?/, "λ ")
    .replaceAll("_", " ")
    .trim();
