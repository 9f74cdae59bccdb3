// A moment of the past of a run, as rows. Moving it touches only tasks that changed in between.

import type { TaskRow } from "../api/types";
import type { GraphSource, Increment } from "../graph/source";
import type { History } from "./history";

export class PastView implements GraphSource {
  readonly history: History;
  /** Every task that there was, by its id, in the order in which the run added them. */
  readonly rows = new Map<string, TaskRow>();
  private at = 0;
  private applied = 0;
  private readonly known: ReadonlyMap<string, TaskRow>;
  /** Of every task: its latest entry at this moment, or -1. */
  private readonly latest: Int32Array;
  /** Of every task: the move that touched it last. */
  private readonly touched: Int32Array;
  private moves = 0;
  /** The task in `rows` that was added last, or -1. */
  private newest = -1;
  private readonly listeners = new Set<(increment: Increment) => void>();

  /** `known` has the rows of tasks as they are now, or were last; what it lacks is shown by its name alone. */
  constructor(history: History, known: ReadonlyMap<string, TaskRow>) {
    this.history = history;
    this.known = known;
    this.latest = new Int32Array(history.tasks.length).fill(-1);
    this.touched = new Int32Array(history.tasks.length);
  }

  get position(): number {
    return this.at;
  }

  now(): number {
    return this.history.startedAt + this.history.secondsOf(this.at);
  }

  listen(heard: (increment: Increment) => void): () => void {
    this.listeners.add(heard);
    return () => this.listeners.delete(heard);
  }

  /** Go to a position of the history; one beyond its ends is its end. */
  move(position: number): void {
    this.at = Math.max(0, Math.min(position, this.history.last));
    const tasks: TaskRow[] = [];
    const gone: string[] = [];
    let isOutOfOrder = false;
    for (const task of this.walk(this.history.entries[this.at]!)) {
      const id = this.history.tasks[task]!;
      if (!this.isThere(task)) {
        if (this.rows.delete(id)) gone.push(id);
        continue;
      }
      isOutOfOrder ||= task < this.newest && !this.rows.has(id);
      this.newest = Math.max(this.newest, task);
      const row = this.row(task);
      this.rows.set(id, row);
      tasks.push(row);
    }
    while (this.newest >= 0 && !this.isThere(this.newest)) this.newest--;
    if (isOutOfOrder) this.sort();
    if (tasks.length + gone.length > 0) for (const heard of this.listeners) heard({ tasks, gone });
  }

  /** Apply entries, or undo them, until `goal` of them are applied; the tasks that they are about. */
  private walk(goal: number): number[] {
    const { task, before } = this.history;
    const met: number[] = [];
    this.moves++;
    while (this.applied !== goal) {
      const forward = this.applied < goal;
      const entry = forward ? this.applied++ : --this.applied;
      const which = task[entry]!;
      this.latest[which] = forward ? entry : before[entry]!;
      if (this.touched[which] !== this.moves) {
        this.touched[which] = this.moves;
        met.push(which);
      }
    }
    return met;
  }

  private isThere(task: number): boolean {
    const entry = this.latest[task]!;
    return entry >= 0 && this.history.state[entry] !== this.history.gone;
  }

  /** A task that a patch took away came back, as one goes back in time: it belongs where it was. */
  private sort(): void {
    const rows = this.history.tasks.flatMap((id) => this.rows.get(id) ?? []);
    this.rows.clear();
    for (const row of rows) this.rows.set(row.id, row);
  }

  private row(task: number): TaskRow {
    const { history } = this;
    const id = history.tasks[task]!;
    const entry = this.latest[task]!;
    const state = history.states[history.state[entry]!]!;
    const known = this.known.get(id);
    if (known?.state === state && history.final[task] === entry) return known;
    return this.asOf(entry, known ?? { id, op: "", state, changed: 0, born: 0 }, state);
  }

  /** The row with what the history says of that time, and without what only became known after it. */
  private asOf(entry: number, known: TaskRow, state: string): TaskRow {
    const { history } = this;
    let attempt = 0;
    let began = -1;
    let born = entry;
    for (let i = entry; i >= 0; i = history.before[i]!) {
      if (history.states[history.state[i]!] === "running") {
        attempt++;
        if (began < 0) began = i;
      }
      born = i;
    }
    const ended = state === "succeeded" || state === "failed" || state === "cancelled";
    return {
      id: known.id,
      op: known.op,
      label: known.label,
      parent: known.parent,
      each: known.each,
      needs: known.needs,
      executor: known.executor,
      model: known.model,
      estimate_s: known.estimate_s,
      where: began < 0 ? undefined : known.where,
      state,
      attempt,
      changed: history.seq[entry]!,
      born: history.seq[born]!,
      began_at: began < 0 ? null : history.startedAt + history.at[began]!,
      ended_at: ended && began >= 0 ? history.startedAt + history.at[entry]! : null,
    };
  }
}
