// Tasks of two runs, filtered and in order.

import type { Comparison, TaskPair, TaskRow } from "../api/types";
import type { Change } from "../weigh/difference";

/** Whether anything but time and money differs. */
export function differs(pair: TaskPair): boolean {
  return pair.change !== "same" || (pair.state_a ?? "") !== (pair.state_b ?? "") || pair.output === "differs";
}

/** By how many seconds a task took longer in the second run; 0 where it took none. */
export function apart(pair: TaskPair): number {
  return (pair.seconds_b ?? 0) - (pair.seconds_a ?? 0);
}

/** Pairs whose name has a text in it, those only that differ where asked. */
export function chosen(pairs: readonly TaskPair[], only: boolean, text: string): TaskPair[] {
  const wanted = text.trim().toLowerCase();
  return pairs.filter((pair) => (!only || differs(pair)) && (!wanted || pair.task.toLowerCase().includes(wanted)));
}

/** Pairs that took time, the biggest change first. */
export function byTime(pairs: readonly TaskPair[]): TaskPair[] {
  const timed = pairs.filter((pair) => typeof pair.seconds_a === "number" || typeof pair.seconds_b === "number");
  return timed.sort((a, b) => Math.abs(apart(b)) - Math.abs(apart(a)) || (a.task < b.task ? -1 : 1));
}

export interface Drawn {
  tasks: TaskRow[];
  marks: Map<string, Change>;
}

/** The graph of one of the runs, in the states in which its tasks were, and what is marked in it; null where it is too large. */
export function drawn(found: Comparison, side: "a" | "b"): Drawn | null {
  const picture = side === "a" ? found.graph_a : found.graph_b;
  if (!picture) return null;
  const pairs = new Map(found.tasks.map((pair) => [pair.task, pair]));
  const marks = new Map<string, Change>();
  const tasks = picture.tasks.map((row) => {
    const pair = pairs.get(row.id);
    if (pair && pair.change !== "same") marks.set(row.id, pair.change as Change);
    const state = side === "a" ? pair?.state_a : pair?.state_b;
    return state ? { ...row, state } : row;
  });
  return { tasks, marks };
}
