// A page is quick to open as long as little comes before it: the build fails where a page needs more script than this.

import { gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

type Bundle = Rolldown.OutputBundle;

/** Of JavaScript, compressed, before any page is shown. */
export const MOST_BYTES = 60_000;

export interface FirstLoad {
  page: string;
  bytes: number;
}

/**
 * For each page that the entry fetches when it is wanted: what must be there before it is shown. A page that travels in
 * one file fetches none.
 */
export function firstLoads(bundle: Bundle): FirstLoad[] {
  const chunks = new Map(Object.values(bundle).flatMap((file) => (file.type === "chunk" ? [[file.fileName, file]] : [])));
  const sizes = new Map([...chunks].map(([name, { code }]) => [name, gzipSync(code, { level: 9 }).length]));
  const entry = [...chunks.values()].find(({ isEntry }) => isEntry);
  if (!entry) throw new Error("the bundle has no entry");
  const needs = (name: string, found: Set<string>): Set<string> => {
    if (found.has(name)) return found;
    found.add(name);
    for (const needed of chunks.get(name)?.imports ?? []) needs(needed, found);
    return found;
  };
  return entry.dynamicImports.filter((page) => page !== entry.fileName).map((page) => {
    const all = needs(page, needs(entry.fileName, new Set()));
    const bytes = [...all].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
    return { page: chunks.get(page)?.name ?? page, bytes };
  });
}

export function budget(): Plugin {
  return {
    name: "orrery-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      const loads = firstLoads(bundle);
      if (!loads.length) return;
      const lines = loads.map(({ page, bytes }) => `  ${page.padEnd(10)} ${(bytes / 1000).toFixed(1).padStart(6)} kB`);
      this.info(`\nscript before a page is shown, compressed (at most ${MOST_BYTES / 1000} kB):\n${lines.join("\n")}`);
      const tooMuch = loads.filter(({ bytes }) => bytes > MOST_BYTES).map(({ page }) => page);
      if (tooMuch.length) this.error(`more than ${MOST_BYTES / 1000} kB of script before these are shown: ${tooMuch.join(", ")}`);
    },
  };
}
