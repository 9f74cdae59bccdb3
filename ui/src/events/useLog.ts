// Tails the events of a run while they are followed, and reads back on demand.

import { useEffect, useMemo, useState } from "preact/hooks";
import { events } from "../api/calls";
import { wasAborted } from "../api/refused";
import type { RunStore } from "../state/run";
import { EventLog, type Wanted } from "./log";

const PAGE = 500;
/** Pages in a row that are looked through for events that are wanted, before somebody is asked whether to go on. */
const MOST_PAGES = 10;
const ENOUGH = 60;
const AGAIN_MS = 1000;

export interface Tail {
  log: EventLog;
  /** Something is being read: from the end, or further back. */
  reading: "" | "new" | "old";
  problem: string;
  older: () => void;
  /** Let what is shown go, and begin at the end of the log. */
  toEnd: () => void;
}

export function useLog(store: RunStore, task: string, wanted: Wanted, follows: boolean): Tail {
  const [, setVersion] = useState(0);
  const tail = useMemo(() => new Reader(store, task, wanted), [store, task, wanted]);
  useEffect(() => tail.start(() => setVersion((before) => before + 1)), [tail]);
  useEffect(() => tail.follow(follows), [tail, follows]);
  const { log, reading, problem } = tail;
  return { log, reading, problem, older: () => void tail.older(), toEnd: () => tail.toEnd() };
}

class Reader {
  log: EventLog;
  reading: "" | "new" | "old" = "";
  problem = "";
  private follows = true;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private aborter = new AbortController();
  private tell: () => void = () => undefined;

  constructor(
    private readonly store: RunStore,
    private readonly task: string,
    private readonly wanted: Wanted,
  ) {
    this.log = new EventLog(wanted, store.seq);
  }

  start(tell: () => void): () => void {
    this.tell = tell;
    this.aborter = new AbortController();
    void this.older();
    const end = this.store.listen(() => this.look());
    return () => {
      end();
      this.aborter.abort();
      clearTimeout(this.timer);
      this.timer = undefined;
      this.reading = "";
    };
  }

  follow(follows: boolean): void {
    this.follows = follows;
    this.look();
  }

  toEnd(): void {
    this.aborter.abort();
    this.aborter = new AbortController();
    this.reading = "";
    this.log = new EventLog(this.wanted, this.store.seq);
    void this.older();
  }

  /** Read back until there is something to see. */
  async older(): Promise<void> {
    const { log } = this;
    if (this.reading === "old" || log.hasBeginning) return;
    await this.read("old", async (signal) => {
      let found = 0;
      for (let pages = 0; pages < MOST_PAGES && found < ENOUGH && !log.hasBeginning; pages++) {
        const page = await events(this.store.run, { before: log.first + 1, most: PAGE, task: this.task || undefined }, signal);
        if (log !== this.log) return;
        found += log.prepend(page);
      }
    });
  }

  private look(): void {
    if (!this.follows || this.reading || this.store.seq <= this.log.last) return;
    void this.newer();
  }

  private async newer(): Promise<void> {
    const { log } = this;
    await this.read("new", async (signal) => {
      for (let more = true; more && this.follows; ) {
        const until = this.store.seq;
        const page = await events(this.store.run, { after: log.last, most: PAGE, task: this.task || undefined }, signal);
        if (log !== this.log) return;
        log.append(page, until);
        more = page.more ?? false;
        this.tell();
      }
    });
  }

  private async read(what: "new" | "old", does: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.aborter;
    this.reading = what;
    this.tell();
    try {
      await does(signal);
      this.problem = "";
    } catch (error) {
      if (wasAborted(error)) return;
      this.problem = error instanceof Error ? error.message : String(error);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), AGAIN_MS);
    }
    if (signal.aborted) return;
    this.reading = "";
    this.tell();
    // What came while it was read.
    if (!this.problem) this.look();
  }
}
