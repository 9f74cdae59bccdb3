import { expect, it } from "vitest";
import type { TaskRow } from "../api/types";
import { Attempts, type Bar } from "./attempts";
import { densityOf, lanesOf, packed, type By, type Turned } from "./lanes";

const row = (id: string, more: Partial<TaskRow> = {}): TaskRow => ({
  id, op: "x", state: "succeeded", changed: 1, born: 1, attempt: 1, queued_at: 0, began_at: 0, ended_at: 1, ...more,
});
const at = (began: number, ended: number, more: Partial<TaskRow> = {}) => ({ queued_at: began, began_at: began, ended_at: ended, ...more });

function lanes(rows: readonly TaskRow[], by: By = "task", turned: Turned = new Map()) {
  const attempts = new Attempts(0);
  for (const one of rows) attempts.take(one);
  return lanesOf(attempts, new Map(rows.map((one) => [one.id, one])), by, turned);
}
const told = (rows: readonly TaskRow[], by?: By, turned?: Turned) =>
  lanes(rows, by, turned).map(({ label, depth, bars, density }) => `${"  ".repeat(depth)}${label} ${bars.length}${density ? ` +${density.attempts}` : ""}`);

it("orders tasks by their start, children under their parent and without its name", () => {
  const rows = [row("late", at(9, 10)), row("all", at(1, 8)), row("all/2", at(4, 5, { parent: "all" })), row("all/1", at(3, 7, { parent: "all" })), row("first", at(0, 1))];
  expect(told(rows)).toEqual(["first 1", "all 1", "  1 1", "  2 1", "late 1"]);
});

it("closes a big group, and opens it by hand", () => {
  const rows = [row("all", at(0, 50)), ...Array.from({ length: 40 }, (_, i) => row(`all/${i}`, at(i, i + 2, { parent: "all" })))];
  expect(told(rows)).toEqual(["all 1 +40"]);
  expect(lanes(rows)[0]!.density!.most).toBe(2);
  expect(told(rows, "task", new Map([["all", true]])).length).toBe(41);
});

it("keeps children together whose parent has no attempt, and lets those alone whose parent is no more", () => {
  const waits = row("all", { attempt: 0, state: "grown", queued_at: null, began_at: null, ended_at: null });
  expect(told([waits, row("all/1", at(3, 4, { parent: "all" })), row("alone", at(1, 2, { parent: "gone" }))])).toEqual(["alone 1", "all 0", "  1 1"]);
});

it("survives parents that go round", () => {
  expect(lanes([row("a", { parent: "b" }), row("b", { parent: "a" }), row("c", { parent: "c" })]).map(({ id }) => id)).toEqual(["c"]);
});

it("gives every place the slots that it needs", () => {
  const rows = [row("a", at(0, 4, { where: "pi" })), row("b", at(1, 2, { where: "pi" })), row("c", at(3, 5, { where: "pi" })), row("d", at(0, 1, { executor: "threads" }))];
  expect(told(rows, "place")).toEqual(["pi 0 +3", "  slot 1 1", "  slot 2 2", "threads 0 +1", "  slot 1 1"]);
});

it("counts what runs at a time", () => {
  const bar = (began: number, ended: number, outcome = "succeeded") => ({ began, ended, outcome }) as Bar;
  const found = densityOf([bar(0, 4), bar(1, 2, "failed"), bar(2, Infinity), bar(Infinity, Infinity)]);
  expect([...found.times]).toEqual([0, 1, 2, 4]);
  expect([...found.counts]).toEqual([1, 2, 2, 1]);
  expect([found.most, ...found.failed]).toEqual([2, 2]);
  expect(packed([bar(0, 1), bar(1, 2), bar(1.5, 3)]).map(({ length }) => length)).toEqual([2, 1]);
});
