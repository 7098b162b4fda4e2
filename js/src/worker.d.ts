/** build.mjs bundles the worker and hands it over as text, to be started from a blob URL. */
declare module "worker:*" {
  const text: string;
  export default text;
}
