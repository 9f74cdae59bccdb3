/// <reference types="vitest/config" />
import { defineConfig, type ProxyOptions } from "vite";
import { budget } from "./plugins/budget.ts";
import { licences } from "./plugins/licences.ts";

const API = process.env.ORRERY_URL ?? "http://127.0.0.1:8642";

/** To the dashboard from `npx vite`: what this server's own page asks is asked as the dashboard's own page would. */
const forwarded: ProxyOptions = {
  target: API,
  changeOrigin: true,
  configure: (proxy) =>
    proxy.on("proxyReq", (sent, asked) => {
      if (asked.headers.origin === `http://${asked.headers.host}`) sent.setHeader("origin", API);
    }),
};

// The page is served by `orrery ui` itself, so that it is built into the package and asks only its own origin.
export default defineConfig({
  base: "./",
  plugins: [budget(), licences()],
  build: {
    outDir: "../src/orrery/dashboard/page",
    emptyOutDir: true,
    target: "es2022",
    // Browsers that know light-dark(), so that colours stay as they are written.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  server: { proxy: { "/api": forwarded, "/login": forwarded } },
  // Tests clean up after themselves, so that files can share a thread: less than half of the time.
  test: { pool: "threads", isolate: false },
});
