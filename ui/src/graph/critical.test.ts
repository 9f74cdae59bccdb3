import { expect, it } from "vitest";
import type { TaskRow } from "../api/types";
import { critical } from "./critical";
import { row } from "./layout/samples";

const took = (id: string, seconds: number, needs: string[] = [], more: Partial<TaskRow> = {}) =>
  row(id, needs, { began_at: 100, ended_at: 100 + seconds, ...more });
const path = (...rows: TaskRow[]) => [...critical(new Map(rows.map((task) => [task.id, task])), 200)].sort();

it("is the chain that took longest", () => {
  expect(path(took("a", 1), took("b", 5, ["a"]), took("c", 3, ["a"]), took("d", 1, ["c", "b"]))).toEqual(["a", "b", "d"]);
});

it("counts a running task until now, one to come by its estimate, and one that was skipped not at all", () => {
  const running = row("r", [], { state: "running", began_at: 150 });
  expect(path(running, took("a", 49))).toEqual(["r"]);
  expect(path(running, took("a", 51))).toEqual(["a"]);
  const waiting = row("w", [], { state: "waiting", estimate_s: 60 });
  expect(path(waiting, running)).toEqual(["w"]);
  expect(path(row("s", [], { state: "skipped", estimate_s: 900 }), took("a", 1))).toEqual(["a"]);
});

it("prefers more tasks where paths are equally long", () => {
  expect(path(took("a", 0), took("b", 0, ["a"]), took("c", 0))).toEqual(["a", "b"]);
});

it("goes through what a task grew", () => {
  const rows = [took("g", 1), took("g/0", 2, [], { parent: "g" }), took("g/1", 9, [], { parent: "g" }), took("z", 1, ["g"]), took("y", 5)];
  expect(path(...rows)).toEqual(["g", "g/1", "z"]);
});

it("is nothing of nothing, and ends where tasks wait for each other", () => {
  expect(path()).toEqual([]);
  expect(path(took("a", 1, ["b"]), took("b", 1, ["a"])).length).toBeGreaterThan(0);
  expect(path(took("a", 1, ["missing"]))).toEqual(["a"]);
});
