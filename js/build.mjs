/**
 * Builds the browser side of the widgets: each src/widgets/NAME.ts with a default export becomes one
 * self-contained module clsviz/static/NAME.js, and src/draw/clsviz.css becomes clsviz/static/clsviz.css.
 *
 *   node build.mjs               minified; prints sizes, fails over budget
 *   node build.mjs --watch       readable, with source maps, again after every change
 *   node build.mjs --extension   what JupyterLab's extension takes along: all views in one module, and the
 *                                catalogue as the side panel reads it
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const WIDGETS = join(HERE, "src/widgets");
const STATIC = join(HERE, "../clsviz/static");
const INDEX = join(HERE, "../clsviz/catalogue/index.json");
const VERSION = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8")).version;
const EXTENSION = join(HERE, "lib/labextension");

// A bundle travels to the browser once per widget and may be stored in saved notebooks: it stays small
// (one plotly FigureWidget sends 5 MB). What scores a field is in there twice: for page and worker.
const BUDGET = { lab: 450_000, boundary: 145_000, reliability: 140_000, default: 110_000 }; // bytes, minified

/** `import text from "worker:./w.ts"`: the bundled worker as text, to be started from a blob URL. */
function inlineWorkers(options) {
  return {
    name: "inline-workers",
    setup(build) {
      build.onResolve({ filter: /^worker:/ }, (args) => ({
        path: resolve(args.resolveDir, args.path.slice("worker:".length)),
        namespace: "worker",
      }));
      build.onLoad({ filter: /.*/, namespace: "worker" }, async (args) => {
        const result = await esbuild.build({
          ...options,
          sourcemap: false,
          entryPoints: [args.path],
          format: "iife",
          write: false,
          metafile: true,
        });
        return {
          contents: result.outputFiles[0].text,
          loader: "text",
          watchFiles: Object.keys(result.metafile.inputs).map((file) => resolve(HERE, file)),
        };
      });
    },
  };
}

function buildOptions(watch) {
  const common = {
    absWorkingDir: HERE,
    bundle: true,
    minify: !watch,
    target: "es2022",
    charset: "utf8",
    logLevel: "warning",
    define: { CLSVIZ_VERSION: JSON.stringify(VERSION) },
  };
  const entryPoints = { clsviz: join(HERE, "src/draw/clsviz.css") };
  for (const file of readdirSync(WIDGETS)) {
    const path = join(WIDGETS, file);
    if (/^export default /m.test(readFileSync(path, "utf8"))) entryPoints[basename(file, ".ts")] = path;
  }
  return {
    ...common,
    entryPoints,
    outdir: STATIC,
    format: "esm",
    sourcemap: watch ? "inline" : false,
    metafile: true,
    plugins: [inlineWorkers(common)],
  };
}

/** Widgets that no longer exist leave no bundle behind. */
function removeStale(outputs) {
  const current = new Set(Object.keys(outputs).map((file) => basename(file)));
  for (const file of readdirSync(STATIC)) if (!current.has(file)) rmSync(join(STATIC, file));
}

function reportSizes(outputs) {
  const kilo = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(9);
  let over = false;
  for (const [file, { bytes }] of Object.entries(outputs).sort()) {
    const name = basename(file);
    const budget = BUDGET[basename(name, ".js")] ?? BUDGET.default;
    const gzipped = gzipSync(readFileSync(resolve(HERE, file))).length;
    const verdict = bytes > budget ? `  OVER its budget of ${kilo(budget).trim()}` : "";
    if (verdict) over = true;
    console.log(`${name.padEnd(20)} ${kilo(bytes)}  gzip ${kilo(gzipped)}${verdict}`);
  }
  if (over) process.exitCode = 1;
}

/** What the side panel shows of each entry; the rest of index.json would only make the bundle larger. */
function writePanelCatalogue() {
  const { methods, views } = JSON.parse(readFileSync(INDEX, "utf8"));
  const entries = methods.map(({ id, kind, title, paper, summary, mathml, params, cell, exhibits }) => {
    return { id, kind, title, paper, summary, mathml, params, cell, exhibits };
  });
  for (const view of views)
    entries.push({ ...view, kind: "view", paper: "", mathml: "", params: [], exhibits: [] });
  mkdirSync(EXTENSION, { recursive: true });
  writeFileSync(join(EXTENSION, "catalogue.json"), JSON.stringify(entries));
}

/** The views that show what a notebook has saved; loaded when there is one. */
async function buildSavedViews() {
  const { entryPoints: _widgets, outdir: _static, ...options } = buildOptions(false);
  await esbuild.build({
    ...options,
    entryPoints: [join(WIDGETS, "saved.ts")],
    outfile: join(EXTENSION, "views.js"),
    loader: { ".css": "text" },
  });
}

if (process.argv.includes("--extension")) {
  writePanelCatalogue();
  await buildSavedViews();
} else if (process.argv.includes("--watch")) {
  const context = await esbuild.context({ ...buildOptions(true), logLevel: "info" });
  await context.watch();
} else {
  const { metafile } = await esbuild.build(buildOptions(false));
  removeStale(metafile.outputs);
  reportSizes(metafile.outputs);
}
