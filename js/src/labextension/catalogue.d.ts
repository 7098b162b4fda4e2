/** Written by build.mjs from clsviz/catalogue/index.json. */
declare module "*/catalogue.json" {
  const entries: { id: string; kind: string; title: string; paper: string; summary: string }[];
  export default entries;
}
