// Attempts of a run as bars: first those of its timeline, then kept current from the rows of its tasks as they change.

import type { AttemptRow, TaskRow, Timeline } from "../api/types";

/** One attempt; times in seconds after the start of the run, those that are not yet are infinite. */
export interface Bar {
  task: string;
  number: number;
  queued: number;
  began: number;
  ended: number;
  /** "queued" before it began, then as the timeline names it. */
  outcome: string;
  where: string;
  because: string;
  money: number;
  tokens: number;
  /** The run waited for it. */
  critical: boolean;
}

const OUTCOMES: Record<string, string> = {
  ready: "lost",
  asking: "lost",
  retrying: "failed",
  cancelled: "stopped",
  skipped: "stopped",
};
const UNDER_WAY = new Set(["running", "stopping"]);

export class Attempts {
  readonly byTask = new Map<string, Bar[]>();
  /** A row has told of a later attempt than the next: those between are in the timeline only. */
  hasGap = false;
  /** Counts what changed. */
  version = 0;

  constructor(private startedAt: number) {}

  /** Begin anew with a timeline, and what the rows know beyond it. */
  load(timeline: Timeline, rows: Iterable<TaskRow>): void {
    this.byTask.clear();
    const critical = new Set((timeline.critical ?? []).map(([task, number]) => keyOf(task, number)));
    for (const attempt of timeline.attempts) this.put(this.barOf(attempt, critical.has(keyOf(attempt.task, attempt.number))));
    for (const row of rows) this.take(row);
    this.hasGap = false;
    this.version++;
  }

  /** Tasks that are no more. */
  drop(tasks: Iterable<string>): void {
    for (const task of tasks) this.byTask.delete(task);
    this.version++;
  }

  /** Take in what a row says of its latest attempt. */
  take(row: TaskRow): void {
    const number = row.attempt ?? 0;
    const known = this.byTask.get(row.id) ?? [];
    if (number > (known.at(-1)?.number ?? 0) + 1) this.hasGap = true;
    if (number > 0) this.takeLatest(row, number, known);
    this.takeWaiting(row, number);
    this.version++;
  }

  private takeLatest(row: TaskRow, number: number, known: readonly Bar[]): void {
    const before = known.find((bar) => bar.number === number);
    const isOpen = UNDER_WAY.has(row.state);
    if (!isOpen) for (const bar of known) if (bar.ended === Infinity && bar !== before) this.close(bar, this.seconds(row.ended_at) ?? bar.began, "stopped");
    if (before && before.ended !== Infinity && !isOpen) return;
    const began = this.seconds(row.began_at);
    const queued = Math.min(before?.queued ?? Infinity, this.seconds(row.queued_at) ?? began ?? Infinity);
    if (queued === Infinity) return;
    const ended = isOpen ? Infinity : (this.seconds(row.ended_at) ?? began ?? queued);
    this.put({
      task: row.id,
      number,
      queued,
      began: Math.min(began ?? Infinity, ended),
      ended,
      outcome: isOpen ? (began === null ? "queued" : "running") : (OUTCOMES[row.state] ?? row.state),
      where: row.where ?? before?.where ?? "",
      because: isOpen ? "" : (row.because ?? ""),
      money: before?.money ?? 0,
      tokens: before?.tokens ?? 0,
      critical: before?.critical ?? false,
    });
  }

  /** A task whose turn it is, and that has no place to run yet: the attempt that is to come. */
  private takeWaiting(row: TaskRow, number: number): void {
    const since = this.seconds(row.ready_at);
    const bars = this.byTask.get(row.id);
    const waiting = bars?.find((bar) => bar.outcome === "queued" && bar.number > number);
    if (row.state !== "ready" || since === null) {
      if (waiting) bars!.splice(bars!.indexOf(waiting), 1);
      if (bars?.length === 0) this.byTask.delete(row.id);
      return;
    }
    const bar = { task: row.id, number: number + 1, queued: since, began: Infinity, ended: Infinity };
    this.put({ ...bar, outcome: "queued", where: "", because: "", money: 0, tokens: 0, critical: false });
  }

  private close(bar: Bar, at: number, outcome: string): void {
    bar.ended = Math.max(at, bar.queued);
    bar.began = Math.min(bar.began, bar.ended);
    bar.outcome = outcome;
  }

  private put(bar: Bar): void {
    const bars = this.byTask.get(bar.task);
    if (!bars) {
      this.byTask.set(bar.task, [bar]);
      return;
    }
    const at = bars.findIndex(({ number }) => number >= bar.number);
    if (at < 0) bars.push(bar);
    else bars.splice(at, bars[at]!.number === bar.number ? 1 : 0, bar);
  }

  private barOf(attempt: AttemptRow, critical: boolean): Bar {
    const { task, number, outcome, where = "", because = "", money = 0, tokens = 0 } = attempt;
    const ended = outcome === "running" ? Infinity : attempt.ended_at - this.startedAt;
    const times = { queued: attempt.queued_at - this.startedAt, began: attempt.began_at - this.startedAt, ended };
    return { task, number, ...times, outcome, where, because, money, tokens, critical };
  }

  private seconds(at: number | null | undefined): number | null {
    return at === null || at === undefined ? null : at - this.startedAt;
  }
}

const keyOf = (task: string, number: number): string => `${number} ${task}`;
