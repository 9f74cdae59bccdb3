import { defineConfig } from "vite";

// The page is served by `orrery ui` itself, so that it is built into the package and asks only its own origin.
export default defineConfig({
  base: "./",
  build: { outDir: "../src/orrery/dashboard/page", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
});
