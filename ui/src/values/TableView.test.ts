import { expect, it } from "vitest";
import { areFigures, ordered } from "./TableView";

it("sorts numbers by size and texts by name, what is missing last, and leaves what is alike", () => {
  const rows = [[10, "b"], [null, "a"], [9, "a10"], [100, "a9"], [9, ""]];
  expect(ordered(rows, { by: "0", rising: true }).map((row) => row[0])).toEqual([9, 9, 10, 100, null]);
  expect(ordered(rows, { by: "0", rising: false }).map((row) => row[0])).toEqual([100, 10, 9, 9, null]);
  expect(ordered(rows, { by: "1", rising: true }).map((row) => row[1])).toEqual(["a", "a9", "a10", "b", ""]);
  expect(ordered(rows, { by: "", rising: true })).toBe(rows);
  expect(ordered(rows, { by: "0", rising: true })[0]).toBe(rows[2]);
});

it("takes a column for figures where nothing else is in it", () => {
  expect([[1, null, 2], [1, "x"], [null], ["1"]].map(areFigures)).toEqual([true, false, false, false]);
});
