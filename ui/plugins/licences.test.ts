import { expect, it } from "vitest";
import { licenceOf, packageOf } from "./licences";

it("knows the package of a module, and its own modules", () => {
  expect(packageOf("/a/node_modules/preact/dist/preact.mjs")).toBe("/a/node_modules/preact");
  expect(packageOf("\0/a/node_modules/@preact/signals/dist/x.mjs?worker")).toBe("/a/node_modules/@preact/signals");
  expect(packageOf("/a/src/main.tsx")).toBe(null);
});

it("reads the licence of a package", () => {
  const { name, text } = licenceOf("node_modules/preact");
  expect(name).toMatch(/^preact \d+\.\d+\.\d+ \(MIT\)$/);
  expect(text).toContain("Permission is hereby granted");
});
