// Events of a run that are held: one stretch of the log without a hole in it, of which those are kept that fit. What comes
// twice is taken once, whichever way it comes; what is too much is let go at the end where nobody looks.

import type { Events, Told } from "../api/types";

export const MOST = 5000;

/** Which events are wanted; all where both are empty. */
export interface Wanted {
  /** Part of the text, the type or the task, however it is written. */
  words: string;
  types: ReadonlySet<string>;
}

export const isWanted = ({ type, text, task = "" }: Told, { words, types }: Wanted): boolean => {
  if (types.size > 0 && !types.has(type)) return false;
  return words === "" || `${type}\n${task}\n${text}`.toLowerCase().includes(words.toLowerCase());
};

export class EventLog {
  /** In the order of the log. */
  events: readonly Told[] = [];
  /** Every event after `first` up to `last` was looked at: what is not here is not wanted, or was let go. */
  first: number;
  last: number;
  /** Nothing is before `first`. */
  hasBeginning: boolean;
  readonly typesSeen = new Set<string>();

  /** An empty stretch after an event. */
  constructor(
    readonly wanted: Wanted,
    after: number,
    private readonly most = MOST,
  ) {
    this.first = this.last = after;
    this.hasBeginning = after === 0;
  }

  /** Take what comes after `last`; how many of them are wanted. `until` is where the log ended when they were asked for. */
  append(page: Events, until = 0): number {
    const fresh = page.events.filter(({ seq }) => seq > this.last);
    const fitting = this.fitting(fresh);
    this.last = Math.max(this.last, page.events.at(-1)?.seq ?? 0, page.more ? 0 : until);
    this.events = [...this.events, ...fitting];
    if (this.events.length > this.most) {
      this.events = this.events.slice(-this.most);
      this.first = this.events[0]!.seq - 1;
      this.hasBeginning = false;
    }
    return fitting.length;
  }

  /** Take what comes before `first` and on it; how many of them are wanted. */
  prepend(page: Events): number {
    const fresh = page.events.filter(({ seq }) => seq <= this.first);
    const fitting = this.fitting(fresh);
    this.hasBeginning = !page.more;
    this.first = this.hasBeginning ? 0 : Math.min(this.first, (page.events[0]?.seq ?? 1) - 1);
    this.events = [...fitting, ...this.events];
    if (this.events.length > this.most) {
      this.events = this.events.slice(0, this.most);
      this.last = this.events.at(-1)!.seq;
    }
    return fitting.length;
  }

  private fitting(events: readonly Told[]): Told[] {
    for (const { type } of events) this.typesSeen.add(type);
    return events.filter((event) => isWanted(event, this.wanted));
  }
}
