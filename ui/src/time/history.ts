// The past of a run as typed arrays: every change of state, and what a slider needs to know of them.
//
// A position counts events that changed something: 0 is before the first, `last` after all of them. Events, not seconds,
// are the axis of the slider: a run that waited a night for an answer would else be two slivers at its ends.

import type { Past } from "../api/types";

export type MarkKind = "failed" | "asking" | "patched";

/** Something worth a look: where it is, and what happened to how many tasks. */
export interface Mark {
  position: number;
  kind: MarkKind;
  task: string;
  more: number;
}

const KINDS: Readonly<Record<string, MarkKind>> = { failed: "failed", asking: "asking" };

export class History {
  readonly tasks: readonly string[];
  readonly states: readonly string[];
  readonly startedAt: number;
  /** The number of the last event that was read, which may have changed no task. */
  readonly until: number;
  /** Of every entry: the event, seconds since the start, the task and its new state, as positions in the names. */
  readonly seq: Float64Array;
  readonly at: Float64Array;
  readonly task: Int32Array;
  readonly state: Uint8Array;
  /** Of every entry: the entry of the same task before it, or -1. With it a step back costs as little as one forward. */
  readonly before: Int32Array;
  /** Of every task: its last entry, or -1. */
  readonly final: Int32Array;
  /** The position in `states` that means that the task is no more, or -1. */
  readonly gone: number;
  /** Of every position: how many entries lie before it. */
  readonly entries: Int32Array;
  /** Of every position: how many tasks run then. */
  readonly running: Int32Array;
  readonly marks: readonly Mark[];

  constructor(past: Past) {
    this.tasks = past.tasks;
    this.states = past.states;
    this.startedAt = past.started_at;
    this.until = past.until;
    this.seq = Float64Array.from(past.seq);
    this.at = Float64Array.from(past.at);
    this.task = Int32Array.from(past.task);
    this.state = Uint8Array.from(past.state);
    this.gone = past.states.indexOf("gone");
    // A clock that was set back must not send a replay back.
    for (let i = 1; i < this.at.length; i++) this.at[i] = Math.max(this.at[i]!, this.at[i - 1]!);
    this.before = new Int32Array(this.seq.length);
    this.final = new Int32Array(this.tasks.length).fill(-1);
    for (let i = 0; i < this.seq.length; i++) {
      this.before[i] = this.final[this.task[i]!]!;
      this.final[this.task[i]!] = i;
    }
    this.entries = this.boundaries();
    this.running = this.countRunning();
    this.marks = this.findMarks();
  }

  /** The position after the last event. */
  get last(): number {
    return this.entries.length - 1;
  }

  /** The number of the event that leads to a position; 0 for the beginning. */
  seqOf(position: number): number {
    return position > 0 ? this.seq[this.entries[position]! - 1]! : 0;
  }

  /** Seconds since the start at a position. */
  secondsOf(position: number): number {
    return position > 0 ? this.at[this.entries[position]! - 1]! : 0;
  }

  /** The position as of an event: what it and those before it did. */
  positionOf(seq: number): number {
    return this.latest((position) => this.seqOf(position) <= seq);
  }

  /** The position some seconds after the start. */
  positionAfter(seconds: number): number {
    return this.latest((position) => this.secondsOf(position) <= seconds);
  }

  /** The first mark of a kind after a position, or before it; null where there is none. */
  markFrom(position: number, kind: MarkKind, direction: 1 | -1): Mark | null {
    const found = this.marks.filter((mark) => mark.kind === kind && (mark.position - position) * direction > 0);
    return found.at(direction > 0 ? 0 : -1) ?? null;
  }

  /** The last position for which `holds`, which holds up to somewhere and not after it. */
  private latest(holds: (position: number) => boolean): number {
    let low = 0;
    let high = this.last;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (holds(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private boundaries(): Int32Array {
    const found = [0];
    for (let i = 0; i < this.seq.length; i++) if (this.seq[i] !== this.seq[i + 1]) found.push(i + 1);
    return Int32Array.from(found);
  }

  private countRunning(): Int32Array {
    const busy = Uint8Array.from(this.states, (state) => (state === "running" || state === "stopping" ? 1 : 0));
    const counts = new Int32Array(this.entries.length);
    let now = 0;
    for (let position = 1; position < counts.length; position++) {
      for (let i = this.entries[position - 1]!; i < this.entries[position]!; i++) {
        now += busy[this.state[i]!]! - (this.before[i]! < 0 ? 0 : busy[this.state[this.before[i]!]!]!);
      }
      counts[position] = now;
    }
    return counts;
  }

  private findMarks(): Mark[] {
    const marks: Mark[] = [];
    for (let position = 1; position <= this.last; position++) {
      const here = new Map<MarkKind, Mark>();
      for (let i = this.entries[position - 1]!; i < this.entries[position]!; i++) {
        const kind = this.kindOf(i, position);
        const mark = kind && here.get(kind);
        if (mark) mark.more++;
        else if (kind) here.set(kind, { position, kind, task: this.tasks[this.task[i]!]!, more: 0 });
      }
      marks.push(...here.values());
    }
    return marks;
  }

  private kindOf(entry: number, position: number): MarkKind | undefined {
    const grew = this.state[entry] === this.gone || (this.before[entry]! < 0 && position > 1);
    return grew ? "patched" : KINDS[this.states[this.state[entry]!]!];
  }
}
