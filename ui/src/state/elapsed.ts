// The time of a run: of one that goes on it is the browser's clock, set by the times that its events have.

import type { RunHead } from "../api/types";

export class RunClock {
  /** Seconds since the epoch. */
  startedAt = 0;
  private endedAt = 0;
  private goesOn = false;
  /** How far the browser's clock is behind the one that wrote the events, at the least. */
  private behind = 0;

  constructor(private readonly clock: () => number = () => Date.now() / 1000) {}

  hear(head: RunHead): void {
    this.startedAt = head.started_at;
    this.endedAt = head.now;
    this.goesOn = head.live;
    // An event of the future tells of the clock; one of the past may as well be followed by silence.
    this.behind = Math.max(this.behind, head.now - this.clock());
  }

  get isMoving(): boolean {
    return this.goesOn;
  }

  /** Seconds since the start of the run: until now, or until its last event where nobody drives it. */
  seconds(): number {
    const last = this.endedAt - this.startedAt;
    return Math.max(0, this.goesOn ? Math.max(last, this.clock() + this.behind - this.startedAt) : last);
  }
}
