import { defineConfig } from "vitest/config";

/** `import text from "worker:./w.ts"` (build.mjs): node has no Worker, so views work without one and the text is empty. */
const noWorkers = {
  name: "no-workers",
  enforce: "pre" as const,
  resolveId: (id: string) => (id.startsWith("worker:") ? `\0${id}` : undefined),
  load: (id: string) => (id.startsWith("\0worker:") ? 'export default ""' : undefined),
};

export default defineConfig({
  plugins: [noWorkers],
  test: { include: ["test/**/*.test.ts"], environment: "node", css: { include: /clsviz\.css/ } },
});
