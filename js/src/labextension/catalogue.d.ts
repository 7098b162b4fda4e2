/** Written by build.mjs from clsviz/catalogue/index.json. */
declare module "*/catalogue.json" {
  interface Param {
    name: string;
    default: unknown;
    range: { low: number; high: number; log: boolean; unit: string | null } | null;
    choices: unknown[] | null;
  }
  const entries: {
    id: string;
    kind: string;
    title: string;
    paper: string;
    summary: string;
    mathml: string; // the formula, or ""
    params: Param[];
    cell: string; // source of a cell that runs
    exhibits: string[]; // ids for cv.exhibit
  }[];
  export default entries;
}
