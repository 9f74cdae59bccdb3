import { expect, it } from "vitest";
import { difference } from "./difference";

const lines = (...all: (string | number)[]) => all.join("\n");
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

it.each([
  ["the same", "a\nb", "a\nb", []],
  ["a line more", "a\nc", "a\nb\nc", ["  a", "+ b", "  c"]],
  ["a line less", "a\nb\nc", "a\nc", ["  a", "- b", "  c"]],
  ["another line", "a\nb\nc", "a\nx\nc", ["  a", "- b", "+ x", "  c"]],
  ["all of it", "a", "b", ["- a", "+ b"]],
  ["out of nothing", "", "a\nb", ["- ", "+ a", "+ b"]],
  ["moved", "a\nb\nc", "b\nc\na", ["- a", "  b", "  c", "+ a"]],
])("%s", (_, before, after, found) => expect(difference(before, after)).toEqual(found));

it("shows what stays only near what differs", () => {
  const found = difference(lines(...range(1, 40)), lines(...range(1, 9), "ten", ...range(11, 29), "thirty", ...range(31, 40)));
  expect(found).toEqual([
    "  …", "  7", "  8", "  9", "- 10", "+ ten", "  11", "  12", "  13", "  …",
    "  27", "  28", "  29", "- 30", "+ thirty", "  31", "  32", "  33", "  …",
  ]);
});

it("is done with texts of any length", { retry: 2 }, () => {
  const began = performance.now();
  const found = difference(lines(...range(1, 9000)), lines(...range(10_001, 19_000)));
  expect(found.length).toBe(18_000);
  expect(difference(lines(...range(1, 5000)), lines(...range(1, 4999), "x", 5000))).toEqual(["  …", "  4997", "  4998", "  4999", "+ x", "  5000"]);
  expect(performance.now() - began).toBeLessThan(1000);
});
