// What the graph reads: rows by id, and word of which of them changed. A live run and a moment of its past both offer it.

import type { TaskRow } from "../api/types";

/** Rows that are new or changed, and tasks that are no more. Both empty or left out: look at everything again. */
export interface Increment {
  tasks?: readonly TaskRow[];
  gone?: readonly string[];
}

export interface GraphSource {
  /** Every task by its id, in the order of addition. */
  readonly rows: ReadonlyMap<string, TaskRow>;
  /** The time at which they are so, in seconds since the epoch: what runs has run until then. */
  now(): number;
  /** Be told of every increment after `rows` has it; call what is returned to end that. */
  listen(heard: (increment: Increment) => void): () => void;
}

/** A graph that does not change. */
export function fixed(rows: Iterable<TaskRow>): GraphSource {
  const byId = new Map<string, TaskRow>();
  for (const row of rows) byId.set(row.id, row);
  return { rows: byId, now: () => Date.now() / 1000, listen: () => () => {} };
}
