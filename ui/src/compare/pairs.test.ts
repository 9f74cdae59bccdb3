import { describe, expect, it } from "vitest";
import type { Comparison, TaskPair } from "../api/types";
import { byTime, chosen, drawn } from "./pairs";

const pair = (task: string, more: Partial<TaskPair> = {}): TaskPair => ({ task, change: "same", state_a: "succeeded", state_b: "succeeded", ...more });
const names = (pairs: readonly TaskPair[]) => pairs.map(({ task }) => task);

describe("pairs of two runs", () => {
  const pairs = [
    pair("same", { seconds_a: 1, seconds_b: 1.5, output: "same" }),
    pair("new", { change: "added", state_a: undefined, seconds_b: 0.2 }),
    pair("broken", { state_b: "failed", seconds_a: 4, seconds_b: 1 }),
    pair("other", { output: "differs" }),
  ];

  it("are those that differ in more than time, where only those are wanted", () => {
    expect(names(chosen(pairs, true, ""))).toEqual(["new", "broken", "other"]);
    expect(names(chosen(pairs, false, " SAM"))).toEqual(["same"]);
    expect(names(chosen(pairs, true, "sam"))).toEqual([]);
  });

  it("come by how much longer or shorter they took, without those that took nothing", () => {
    expect(names(byTime(pairs))).toEqual(["broken", "same", "new"]);
  });

  it("are drawn in the states of their run, and marked", () => {
    const rows = ["broken", "new"].map((id) => ({ id, op: "f", state: "waiting", changed: 0, born: 0 }));
    const found: Comparison = { a: "1", b: "2", totals: [], tasks: pairs, total: 4, graph_b: { tasks: rows } };
    expect(drawn(found, "a")).toBeNull();
    expect(drawn(found, "b")?.tasks.map(({ state }) => state)).toEqual(["failed", "succeeded"]);
    expect([...drawn(found, "b")!.marks]).toEqual([["new", "added"]]);
  });
});
