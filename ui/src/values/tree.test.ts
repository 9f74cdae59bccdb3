import { expect, it } from "vitest";
import { openedAtFirst, preview, rowsOf, STEP, toggled, type Opened } from "./tree";

const VALUE = { name: "a", list: [1, { deep: true }, null], "a/b": {}, long: Array.from({ length: 250 }, (_, i) => i) };

const shown = (opened: Opened) => rowsOf(VALUE, opened).map(({ path, text }) => `${path} ${text}`.trim());
const open = (opened: Opened, path: string) => toggled(opened, rowsOf(VALUE, opened).find((row) => row.path === path)!);

it("has only what is open", () => {
  expect(shown(new Map()).length).toBe(1);
  const top = open(new Map(), "$");
  expect(shown(top).slice(0, 4)).toEqual(["$", '$/name "a"', "$/list [1, {deep: true}, null]", "$/a~1b {}"]);
  const list = open(top, "$/list");
  expect(shown(list).slice(2, 6)).toEqual(["$/list", "$/list/0 1", "$/list/1 {deep: true}", "$/list/2 null"]);
  expect(shown(open(list, "$/list"))).toEqual(shown(top));
});

it("shows a long list by the hundred", () => {
  let opened = open(open(new Map(), "$"), "$/long");
  const more = () => rowsOf(VALUE, opened).find(({ kind }) => kind === "more");
  expect(more()?.size).toBe(250 - STEP);
  opened = toggled(opened, more()!);
  opened = toggled(opened, more()!);
  expect(more()).toBe(undefined);
  expect(rowsOf(VALUE, opened).filter(({ parent }) => parent === "$/long").length).toBe(250);
});

it("opens nothing that is empty, and knows keys apart that look like paths", () => {
  const opened = open(new Map(), "$");
  expect(open(opened, "$/a~1b")).toEqual(opened);
  const paths = rowsOf({ "a/b": 1, a: { b: 2 }, "+": 3 }, new Map([["$", STEP], ["$/a", STEP]])).map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
});

it("opens at first as much as fits", () => {
  expect([...openedAtFirst({ a: { b: { c: 1 } } }).keys()]).toEqual(["$", "$/a", "$/a/b"]);
  expect([...openedAtFirst(VALUE).keys()]).toEqual(["$"]);
  expect(openedAtFirst("text").size).toBe(0);
});

it("says a value in a line, be it as long as it may", () => {
  expect(preview({ a: "x".repeat(500), b: [1, 2] }).length).toBeLessThan(200);
  expect(preview([[[[[[[[]]]]]]]])).toBe("[[[[…]]]]");
  expect(preview(undefined)).toBe("null");
});
