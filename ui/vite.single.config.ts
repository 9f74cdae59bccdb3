import { defineConfig, mergeConfig, type Plugin } from "vite";
import page from "./vite.config.ts";

const WORKER = /new Worker\(\s*new URL\(\s*(["'][^"']+["'])\s*,\s*import\.meta\.url\s*\)\s*(?:,\s*\{[^}]*\}\s*)?,?\s*\)/g;

/** Workers travel inside the script: a file that somebody was sent has nothing beside it. */
const inlineWorkers: Plugin = {
  name: "inline-workers",
  enforce: "pre",
  transform(code, id) {
    if (id.includes("node_modules") || !code.includes("new Worker(")) return null;
    const imports: string[] = [];
    const inlined = code.replace(WORKER, (_, path: string) => {
      const name = `InlineWorker${imports.length}`;
      imports.push(`import ${name} from ${path.slice(0, -1)}?worker&inline${path.slice(-1)};`);
      return `new ${name}()`;
    });
    return imports.length ? { code: `${imports.join("\n")}\n${inlined}`, map: null } : null;
  },
};

// The page once more, as one script and one style sheet: `orrery show RUN --html` puts them into a file with the run.
export default mergeConfig(
  page,
  defineConfig({
    plugins: [inlineWorkers],
    // A file on a disk has no origin from which a browser would take a module.
    worker: { format: "iife" },
    build: {
      emptyOutDir: false,
      copyPublicDir: false,
      cssCodeSplit: false,
      modulePreload: false,
      assetsInlineLimit: 1 << 20,
      rolldownOptions: {
        input: "src/main.tsx",
        output: { codeSplitting: false, entryFileNames: "single.js", assetFileNames: "single[extname]" },
      },
    },
  }),
);
