import { expect, it } from "vitest";
import type { AttemptRow, TaskRow } from "../api/types";
import { Attempts } from "./attempts";

const START = 1000;
const row = (more: Partial<TaskRow>): TaskRow => ({ id: "a", op: "x", state: "running", changed: 1, born: 1, ...more });
const attempt = (number: number, outcome: string, from: number, to: number, more: Partial<AttemptRow> = {}): AttemptRow => ({
  task: "a", number, queued_at: START + from, began_at: START + from + 1, ended_at: START + to, outcome, ...more,
});
const told = (attempts: Attempts) =>
  [...attempts.byTask.values()].flat().map(({ task, number, outcome, queued, began, ended }) => [task, number, outcome, queued, began, ended]);

it("opens a bar with a row that runs, and closes it with the one that has ended", () => {
  const attempts = new Attempts(START);
  attempts.take(row({ attempt: 1, queued_at: 1002, began_at: 1003 }));
  expect(told(attempts)).toEqual([["a", 1, "running", 2, 3, Infinity]]);
  attempts.take(row({ state: "retrying", attempt: 1, queued_at: 1002, began_at: 1003, ended_at: 1005, because: "no" }));
  attempts.take(row({ attempt: 2, queued_at: 1006, began_at: 1006 }));
  attempts.take(row({ state: "succeeded", attempt: 2, queued_at: 1006, began_at: 1006, ended_at: 1009 }));
  expect(told(attempts)).toEqual([
    ["a", 1, "failed", 2, 3, 5],
    ["a", 2, "succeeded", 6, 6, 9],
  ]);
  expect(attempts.hasGap).toBe(false);
});

it("shows what waits for a place, until it has one", () => {
  const attempts = new Attempts(START);
  attempts.take(row({ state: "ready", ready_at: 1001 }));
  expect(told(attempts)).toEqual([["a", 1, "queued", 1, Infinity, Infinity]]);
  attempts.take(row({ attempt: 1, queued_at: 1002, began_at: 1002 }));
  expect(told(attempts)).toEqual([["a", 1, "running", 1, 2, Infinity]]);
  const other = new Attempts(START);
  other.take(row({ state: "ready", ready_at: 1001 }));
  other.take(row({ state: "cancelled" }));
  expect(told(other)).toEqual([]);
});

it("knows that attempts are missing, and begins anew with the timeline", () => {
  const attempts = new Attempts(START);
  attempts.take(row({ attempt: 3, queued_at: 1010, began_at: 1010 }));
  expect(attempts.hasGap).toBe(true);
  const late = row({ state: "succeeded", attempt: 3, queued_at: 1010, began_at: 1010, ended_at: 1020 });
  attempts.load({ attempts: [attempt(1, "failed", 0, 2), attempt(2, "lost", 3, 5), attempt(3, "running", 9, 11)], critical: [["a", 3]] }, [late]);
  expect(attempts.hasGap).toBe(false);
  expect(told(attempts)).toEqual([
    ["a", 1, "failed", 0, 1, 2],
    ["a", 2, "lost", 3, 4, 5],
    ["a", 3, "succeeded", 9, 10, 20],
  ]);
  expect(attempts.byTask.get("a")!.map(({ critical }) => critical)).toEqual([false, false, true]);
});

it("leaves what the timeline says of an attempt that has ended", () => {
  const attempts = new Attempts(START);
  attempts.load({ attempts: [attempt(1, "lost", 0, 4, { because: "the device is gone" })] }, [row({ state: "ready", attempt: 1, ready_at: 1004 })]);
  expect(told(attempts)).toEqual([
    ["a", 1, "lost", 0, 1, 4],
    ["a", 2, "queued", 4, Infinity, Infinity],
  ]);
});

it("lets a hedged attempt end with the one that won", () => {
  const attempts = new Attempts(START);
  attempts.take(row({ attempt: 1, queued_at: 1000, began_at: 1000 }));
  attempts.take(row({ attempt: 2, queued_at: 1003, began_at: 1003 }));
  attempts.take(row({ state: "succeeded", attempt: 2, queued_at: 1003, began_at: 1003, ended_at: 1005 }));
  expect(told(attempts)).toEqual([
    ["a", 1, "stopped", 0, 0, 5],
    ["a", 2, "succeeded", 3, 3, 5],
  ]);
});
