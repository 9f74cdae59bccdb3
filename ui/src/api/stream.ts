// Follows a run: rows come into its store as they change. First load, live updates and reconnects are one path, since
// the store's number of the last event says what it has, and asks for what is after it.
//
// While the page is seen it holds a stream. In the background it asks now and then instead: a browser has six
// connections for a server, and streams of forgotten tabs would use them up. For the same reason it holds none of a run
// that has ended: nothing follows.

import { effect } from "@preact/signals";
import { backOff, heard, lostTouch } from "../state/connection";
import { seen } from "../state/clock";
import type { RunStore } from "../state/run";
import { rowsAfter } from "./ahead";
import { streamAddress } from "./calls";
import { embedded } from "./embedded";
import { ApiRefused } from "./refused";
import type { Change } from "./types";

const UNSEEN_MS = 5000;

/** What of an EventSource is used. */
export interface Source {
  onopen: (() => void) | null;
  onerror: (() => void) | null;
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

/** What reaches the server; a test has its own. */
export interface Line {
  open(run: string, after: number): Source;
  rows(run: string, after: number): Promise<Change>;
}

const LINE: Line = {
  open: (run, after) => new EventSource(streamAddress(run, after)) as Source,
  rows: rowsAfter,
};

/** Let the store follow its run; returns what ends that. */
export function follow(store: RunStore, line: Line = LINE): () => void {
  const follower = new Follower(store, embedded ? { ...line, open: noStream } : line);
  const end = effect(() => follower.see(seen.value));
  return () => {
    end();
    follower.end();
  };
}

function noStream(): Source {
  return { onopen: null, onerror: null, addEventListener: () => undefined, close: () => undefined };
}

export class Follower {
  private source: Source | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  private seen = true;
  /** Nothing follows any more: the run has ended and all of it was heard, or nobody wants it. */
  private over = false;
  /** Counts what was begun, so that what comes late from before is not taken. */
  private turn = 0;

  constructor(
    private readonly store: RunStore,
    private readonly line: Line,
  ) {}

  /** The page is seen from now on, or is not. */
  see(seen: boolean): void {
    if (this.over) return;
    this.seen = seen;
    this.tries = 0;
    this.begin();
  }

  end(): void {
    this.over = true;
    this.stop();
  }

  private stop(): void {
    this.turn++;
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  /** Ask for what is new, which tells why where it is refused; then hold a stream, or ask again later. */
  private begin(): void {
    this.stop();
    const turn = this.turn;
    this.line.rows(this.store.run, this.store.seq).then(
      (change) => {
        if (turn !== this.turn) return;
        this.take(change);
        if (this.seen) this.open();
        else this.timer = setTimeout(() => this.begin(), UNSEEN_MS);
      },
      (error: unknown) => {
        if (turn === this.turn) this.failed(error);
      },
    );
  }

  private open(): void {
    const source = this.line.open(this.store.run, this.store.seq);
    this.source = source;
    source.onopen = () => {
      heard(200);
    };
    source.addEventListener("change", (event) => {
      if (source === this.source) this.take(JSON.parse(event.data) as Change);
    });
    source.addEventListener("ended", () => {
      if (source === this.source) this.end();
    });
    source.addEventListener("gone", () => {
      if (source === this.source) this.refuse("There is no such run any more.");
    });
    source.onerror = () => {
      if (source !== this.source) return;
      lostTouch();
      this.failed(null);
    };
  }

  private take(change: Change): void {
    this.tries = 0;
    this.store.connection.value = "live";
    this.store.apply(change);
  }

  private failed(error: unknown): void {
    if (error instanceof ApiRefused && error.status >= 400 && error.status < 500) return this.refuse(error.message);
    this.stop();
    this.store.connection.value = "lost";
    this.timer = setTimeout(() => this.begin(), backOff(this.tries++));
  }

  private refuse(because: string): void {
    this.stop();
    this.store.refusal = because;
    this.store.connection.value = "refused";
  }
}
