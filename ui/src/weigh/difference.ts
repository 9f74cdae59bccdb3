// What differs between two graphs, task by task.

import type { Need, TaskRow } from "../api/types";

export type Change = "added" | "removed" | "changed";

/** The tasks of each graph that differ from the other: those of `before` are removed or changed, of `after` added or changed. */
export function difference(before: readonly TaskRow[], after: readonly TaskRow[]): Record<"before" | "after", Map<string, Change>> {
  const [old, now] = [byId(before), byId(after)];
  const found = { before: new Map<string, Change>(), after: new Map<string, Change>() };
  for (const [id, row] of old) {
    const other = now.get(id);
    if (!other) found.before.set(id, "removed");
    else if (!isAlike(row, other)) found.before.set(id, "changed");
  }
  for (const [id, row] of now) {
    const other = old.get(id);
    if (!other) found.after.set(id, "added");
    else if (!isAlike(other, row)) found.after.set(id, "changed");
  }
  return found;
}

function byId(rows: readonly TaskRow[]): Map<string, TaskRow> {
  return new Map(rows.map((row) => [row.id, row]));
}

function isAlike(a: TaskRow, b: TaskRow): boolean {
  return (
    a.op === b.op &&
    (a.model ?? "") === (b.model ?? "") &&
    (a.executor ?? "") === (b.executor ?? "") &&
    (a.where ?? "") === (b.where ?? "") &&
    Boolean(a.each) === Boolean(b.each) &&
    needsOf(a) === needsOf(b)
  );
}

/** What a task waits for, as one text; the order of edges says nothing. */
function needsOf({ needs = [] }: TaskRow): string {
  const said = ({ task, on = "success", hard = true }: Need) => JSON.stringify([task, on, hard]);
  return needs.map(said).sort().join();
}
