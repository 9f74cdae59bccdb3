// The licences of what is built into the page, taken from the packages themselves, as a file beside it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const PACKAGE = /^(.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+)[/\\]/;

/** The folder of the package that a module is of; null for one of our own. */
export function packageOf(module: string): string | null {
  return PACKAGE.exec(module.replace(/^\0/, "").replace(/\?.*$/, ""))?.[1] ?? null;
}

/** What a package is called, and the text of its licence. Raises an error where it has none. */
export function licenceOf(folder: string): { name: string; text: string } {
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
  const file = readdirSync(folder).find((name) => /^licen[cs]e(\.\w+)?$/i.test(name));
  if (!file) throw new Error(`${folder} has no licence`);
  return { name: `${about.name} ${about.version} (${about.license})`, text: readFileSync(join(folder, file), "utf8").trim() };
}

export function licences(): Plugin {
  return {
    name: "orrery-licences",
    apply: "build",
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
      const folders = new Set(modules.map(packageOf).filter((folder) => folder !== null));
      const all = [...folders].map(licenceOf).sort((a, b) => a.name.localeCompare(b.name));
      const rule = "-".repeat(80);
      const source = [
        "What is built into this page, and its licences.",
        ...all.map(({ name, text }) => `${rule}\n${name}\n\n${text}`),
      ].join("\n\n");
      this.emitFile({ type: "asset", fileName: "licences.txt", source: `${source}\n` });
    },
  };
}
