// The time of a run: of one that goes on it is the browser's clock, set by the times that its events have.

import type { RunHead } from "../api/types";

export class RunClock {
  /** Seconds since the epoch. */
  startedAt = 0;
  private endedAt = 0;
  private goesOn = false;
  /** How far the browser's clock is ahead of the one that wrote the events, at the most. */
  private ahead = Infinity;

  constructor(private readonly clock: () => number = () => Date.now() / 1000) {}

  hear(head: RunHead): void {
    this.startedAt = head.started_at;
    this.endedAt = head.now;
    this.goesOn = head.live;
    this.ahead = Math.min(this.ahead, this.clock() - head.now);
  }

  get isMoving(): boolean {
    return this.goesOn;
  }

  /** Seconds since the start of the run: until now, or until its last event where nobody drives it. */
  seconds(): number {
    const last = this.endedAt - this.startedAt;
    // An old event says nothing of the clock: what is ahead by more than a minute may as well be silence.
    const ahead = this.ahead > 60 ? 0 : this.ahead;
    return Math.max(0, this.goesOn ? Math.max(last, this.clock() - ahead - this.startedAt) : last);
  }
}
