// The open run: its rows as the server sends them. It has no reducer: newer rows replace older ones.

import { signal, type Signal } from "@preact/signals";
import type { Change, RunHead, TaskRow } from "../api/types";

export type Connection = "connecting" | "live" | "lost" | "refused";

export class RunStore {
  readonly run: string;
  /** Every task by its id, in the order of addition. */
  readonly rows = new Map<string, TaskRow>();
  readonly head: Signal<RunHead | null> = signal(null);
  /** Counts changes that were applied; read it to be told of the next. */
  readonly version = signal(0);
  readonly connection: Signal<Connection> = signal("connecting");
  /** Why the run cannot be shown, where its connection is "refused". */
  refusal = "";
  outputs: Record<string, string[]> = {};
  seq = 0;
  private readonly listeners = new Set<(change: Change) => void>();

  constructor(run: string) {
    this.run = run;
  }

  /** The time of its rows, in seconds since the epoch: where nobody drives the run, that of its last event. */
  now(): number {
    const head = this.head.peek();
    return head && !head.live ? head.now : Date.now() / 1000;
  }

  /** Be told of every change as it is applied; call what is returned to end that. */
  listen(heard: (change: Change) => void): () => void {
    this.listeners.add(heard);
    return () => this.listeners.delete(heard);
  }

  apply(change: Change): void {
    for (const row of change.tasks ?? []) this.rows.set(row.id, row);
    for (const id of change.gone ?? []) this.rows.delete(id);
    if (change.outputs) this.outputs = change.outputs;
    this.seq = change.seq;
    this.head.value = change.head;
    for (const heard of this.listeners) heard(change);
    this.version.value++;
  }
}
