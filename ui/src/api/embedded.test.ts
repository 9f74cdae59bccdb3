import { describe, expect, it } from "vitest";
import { answered, NotInFile } from "./embedded";
import type { Change, Events, Exported, RunList } from "./types";

const told = (seq: number, task = "") => ({ seq, type: "TaskStarted", at: seq, text: `event ${seq}`, task });
const row = (id: string, changed: number) => ({ id, op: "text.count", state: "succeeded", changed, born: 1 });

const FILE: Exported = {
  format: "orrery-run",
  version: 1,
  made_at: 9,
  made_by: "0.1.0",
  notes: [],
  change: {
    seq: 8,
    head: { run: "a/b ?", state: "succeeded", live: false, seq: 8, started_at: 1, now: 9 },
    tasks: [row("load/x", 3), row("count", 8)],
  },
  timeline: { attempts: [] },
  past: { tasks: [], states: [], seq: [], at: [], task: [], state: [], started_at: 1, until: 8 },
  events: { events: [1, 2, 3, 4, 5, 6, 7, 8].map((seq) => told(seq, seq % 2 ? "count" : "load/x")) },
  outputs: { result: { kind: "text", text: "three" } },
  spending: { seconds: 2 },
  panels: { "load/x": { row: row("load/x", 3), story: "it succeeded" } },
  files: {},
};
const RUN = `/runs/${encodeURIComponent("a/b ?")}`;
const seqs = (query: string) => (answered(FILE, `${RUN}/events?${query}`) as Events).events.map(({ seq }) => seq);

describe("a run in a file", () => {
  it("answers what the API would", () => {
    expect((answered(FILE, `/api${RUN}/rows`) as Change).tasks).toHaveLength(2);
    expect((answered(FILE, `${RUN}/rows?after=3`) as Change).tasks?.map(({ id }) => id)).toEqual(["count"]);
    expect(answered(FILE, `${RUN}/tasks/load%2Fx`)).toBe(FILE.panels?.["load/x"]);
    expect(answered(FILE, `${RUN}/outputs`)).toEqual({ outputs: FILE.outputs });
    expect((answered(FILE, "/runs?most=50") as RunList).runs[0]?.run).toBe("a/b ?");
  });

  it("pages through its events from either end", () => {
    expect(seqs("after=2&most=3")).toEqual([3, 4, 5]);
    expect(seqs("before=7&most=2")).toEqual([5, 6]);
    expect(seqs("task=count&most=2")).toEqual([1, 3]);
    expect((answered(FILE, `${RUN}/events?after=5&most=3`) as Events).more).toBe(false);
  });

  it("says so where it holds no answer", () => {
    for (const path of ["/runs/other/rows", `${RUN}/tasks/none`, `${RUN}/explain`, "/fleet", "/runs/.."]) {
      expect(() => answered(FILE, path)).toThrow(NotInFile);
    }
  });
});
