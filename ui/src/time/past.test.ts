import { describe, expect, it } from "vitest";
import type { Past, TaskRow } from "../api/types";
import type { Increment } from "../graph/source";
import { History } from "./history";
import { PastView } from "./past";

const STATES = ["waiting", "ready", "running", "asking", "failed", "succeeded", "gone"];

/** Numbers in [0, 1) that are the same every time (mulberry32). */
function chance(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A past in which tasks are born, change, are taken away and now and then come back; several in one event. */
function somePast(seed: number, entries: number): Past {
  const next = chance(seed);
  const past: Past = { tasks: [], states: STATES, seq: [], at: [], task: [], state: [], started_at: 1000, until: 0 };
  let seq = 0;
  for (let i = 0; i < entries; i++) {
    if (i === 0 || next() < 0.6) seq += 1 + Math.floor(next() * 3);
    const isNew = past.tasks.length === 0 || next() < 0.3;
    const task = isNew ? past.tasks.push(`t${past.tasks.length}`) - 1 : Math.floor(next() * past.tasks.length);
    past.seq.push(seq);
    past.at.push(seq * 0.25);
    past.task.push(task);
    past.state.push(isNew ? 0 : Math.floor(next() * STATES.length));
  }
  past.until = seq + 2;
  return past;
}

/** What the columns say of an event, read from their beginning: each task with its state, those that are gone left out. */
function folded(past: Past, seq: number): [string, string][] {
  const found = new Map<number, string>();
  past.seq.forEach((at, i) => at <= seq && found.set(past.task[i]!, STATES[past.state[i]!]!));
  return [...found]
    .filter(([, state]) => state !== "gone")
    .sort(([a], [b]) => a - b)
    .map(([task, state]) => [past.tasks[task]!, state]);
}

const shown = (rows: ReadonlyMap<string, TaskRow>) => [...rows].map(([id, row]) => [id, row.state]);
const nothing = new Map<string, TaskRow>();

describe("PastView", () => {
  it("says after any move what a fold from the start says", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const past = somePast(seed, 120);
      const next = chance(seed * 7919);
      const view = new PastView(new History(past), nothing);
      for (let move = 0; move < 60; move++) {
        const near = next() < 0.5 ? view.position + Math.round(next() * 4 - 2) : next() * view.history.last;
        view.move(Math.round(near));
        expect(shown(view.rows)).toEqual(folded(past, view.history.seqOf(view.position)));
      }
    }
  });

  it("tells of exactly what changed: whoever applies the increments has the same rows", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const view = new PastView(new History(somePast(seed, 100)), nothing);
      const heard = new Map<string, TaskRow>();
      view.listen(({ tasks = [], gone = [] }: Increment) => {
        for (const row of tasks) heard.set(row.id, row);
        for (const id of gone) expect(heard.delete(id)).toBe(true);
      });
      const next = chance(seed);
      for (let move = 0; move < 40; move++) {
        view.move(Math.floor(next() * (view.history.last + 1)));
        expect(heard).toEqual(view.rows);
      }
    }
  });

  it("touches one task for a step in which one changed", () => {
    const past = somePast(3, 100);
    past.seq = past.seq.map((_, i) => i + 1);
    const view = new PastView(new History(past), nothing);
    view.move(50);
    const sizes: number[] = [];
    view.listen(({ tasks = [], gone = [] }) => sizes.push(tasks.length + gone.length));
    for (let step = 51; step < 80; step++) view.move(step);
    for (let step = 79; step > 20; step--) view.move(step);
    expect(Math.max(...sizes)).toBe(1);
  });

  it("shows the row as it is now at its last change, and before that only what was known then", () => {
    const past: Past = {
      tasks: ["a"],
      states: STATES,
      seq: [1, 4, 6],
      at: [0, 2, 5],
      task: [0, 0, 0],
      state: [0, 2, 5],
      started_at: 100,
      until: 9,
    };
    const now: TaskRow = { id: "a", op: "count", state: "succeeded", changed: 6, born: 1, attempt: 1, money: 3, note: "x" };
    const view = new PastView(new History(past), new Map([["a", now]]));
    view.move(3);
    expect(view.rows.get("a")).toBe(now);
    view.move(2);
    expect(view.rows.get("a")).toMatchObject({ op: "count", state: "running", changed: 4, began_at: 102, ended_at: null });
    expect(view.rows.get("a")).not.toHaveProperty("money");
    view.move(1);
    expect(view.rows.get("a")).toMatchObject({ state: "waiting", attempt: 0, began_at: null });
    view.move(-5);
    expect(view.rows.size).toBe(0);
  });

  it("jumps through a run of 10,000 tasks and 30,000 changes in less than 10 ms", { retry: 2 }, () => {
    const n = 10_000;
    const of = <T>(make: (i: number) => T) => Array.from({ length: 3 * n }, (_, i) => make(i));
    const past: Past = {
      tasks: Array.from({ length: n }, (_, i) => `task/${i}`),
      states: STATES,
      seq: of((i) => (i < n ? 1 : i)),
      at: of((i) => i / 100),
      task: of((i) => (i < n ? i : (i - n) >> 1)),
      state: of((i) => (i < n ? 0 : (i - n) % 2 ? 5 : 2)),
      started_at: 0,
      until: 3 * n,
    };
    const known = new Map(past.tasks.map((id) => [id, { id, op: "f", state: "succeeded", changed: 1, born: 1 }]));
    const view = new PastView(new History(past), known);
    const last = view.history.last;
    const took = [0.5, 1, 0, 0.5, 0.9, 0.1, 0.6, 0.2, 1, 0.3].map((share) => {
      const began = performance.now();
      view.move(Math.round(share * last));
      return performance.now() - began;
    });
    const middle = took.sort((a, b) => a - b)[5]!;
    console.info(`a jump in a run of 10,000 tasks: median ${middle.toFixed(2)} ms, longest ${took.at(-1)!.toFixed(2)} ms`);
    expect(middle).toBeLessThan(10);
  });
});

describe("History", () => {
  const past: Past = {
    tasks: ["a", "b", "c"],
    states: STATES,
    seq: [2, 2, 3, 5, 5, 8, 9],
    at: [0, 0, 1, 4, 4, 3, 9],
    task: [0, 1, 0, 0, 2, 1, 2],
    state: [0, 0, 2, 4, 0, 3, 6],
    started_at: 50,
    until: 12,
  };
  const history = new History(past);

  it("has a position for every event that changed something", () => {
    expect(history.last).toBe(5);
    expect([0, 1, 2, 3, 4, 5].map((position) => history.seqOf(position))).toEqual([0, 2, 3, 5, 8, 9]);
    expect([1, 2, 4, 5, 7, 8, 99].map((seq) => history.positionOf(seq))).toEqual([0, 1, 2, 3, 3, 4, 5]);
  });

  it("lets what runs have run until the moment that is looked at", () => {
    const view = new PastView(history, nothing);
    view.move(2);
    expect(view.now()).toBe(history.startedAt + history.secondsOf(2));
    expect(view.now()).toBeLessThan(Date.now() / 1000 - 1e6);
  });

  it("never goes back in time, whatever the clocks said", () => {
    expect(history.secondsOf(4)).toBe(4);
    expect([-1, 0, 3.9, 4, 100].map((seconds) => history.positionAfter(seconds))).toEqual([0, 1, 2, 4, 5]);
  });

  it("counts what runs, and marks failures, questions and changes of the graph", () => {
    expect([...history.running]).toEqual([0, 0, 1, 0, 0, 0]);
    expect(history.marks.map(({ position, kind, task }) => [position, kind, task])).toEqual([
      [3, "failed", "a"],
      [3, "patched", "c"],
      [4, "asking", "b"],
      [5, "patched", "c"],
    ]);
    expect(history.markFrom(0, "failed", 1)?.position).toBe(3);
    expect(history.markFrom(3, "failed", 1)).toBeNull();
    expect(history.markFrom(9, "patched", -1)?.position).toBe(5);
  });
});
