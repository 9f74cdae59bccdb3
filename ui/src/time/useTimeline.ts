// Reads the timeline of a run, keeps it current from the rows, and makes lanes of it no more often than they are worth.

import { useEffect, useMemo, useState } from "preact/hooks";
import { timeline } from "../api/calls";
import { wasAborted } from "../api/refused";
import type { Change } from "../api/types";
import type { RunStore } from "../state/run";
import { Attempts } from "./attempts";
import { lanesOf, type By, type Lane, type Turned } from "./lanes";

const LEAST_MS = 150;
/** Between two looks at the whole timeline while the run goes on. */
const LOOK_AGAIN_MS = 5000;

interface Shown {
  attempts: Attempts;
  version: number;
  lanes: readonly Lane[];
  loaded: boolean;
  problem: string;
  hasCritical: boolean;
}

export function useTimeline(store: RunStore, by: By, turned: Turned): Shown {
  const keeper = useMemo(() => new Keeper(store), [store]);
  const [version, setVersion] = useState(0);
  useEffect(() => keeper.start(() => setVersion(keeper.attempts.version)), [keeper]);
  const { attempts } = keeper;
  const lanes = useMemo(() => keeper.lanes(by, turned), [keeper, by, turned, version, attempts]);
  return { attempts, version, lanes, loaded: keeper.loaded, problem: keeper.problem, hasCritical: keeper.hasCritical };
}

class Keeper {
  readonly attempts: Attempts;
  loaded = false;
  problem = "";
  hasCritical = false;
  private costMs = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private aborter = new AbortController();
  private wasLive = false;
  private loadMs = 0;
  private tell: () => void = () => undefined;

  constructor(private readonly store: RunStore) {
    this.attempts = new Attempts(store.head.peek()?.started_at ?? 0);
  }

  start(tell: () => void): () => void {
    this.tell = tell;
    this.aborter = new AbortController();
    this.wasLive = this.store.head.peek()?.live ?? false;
    void this.load();
    const end = this.store.listen((change) => this.take(change));
    return () => {
      end();
      this.aborter.abort();
      clearTimeout(this.timer);
      clearTimeout(this.again);
      this.timer = this.again = undefined;
    };
  }

  lanes(by: By, turned: Turned): Lane[] {
    const began = performance.now();
    const lanes = lanesOf(this.attempts, this.store.rows, by, turned);
    this.costMs = performance.now() - began;
    return lanes;
  }

  private async load(): Promise<void> {
    const { signal } = this.aborter;
    const began = performance.now();
    try {
      const found = await timeline(this.store.run, signal);
      this.loadMs = performance.now() - began;
      this.attempts.load(found, this.store.rows.values());
      this.hasCritical = (found.critical ?? []).length > 0;
      this.problem = "";
    } catch (error) {
      if (wasAborted(error)) return;
      this.problem = error instanceof Error ? error.message : String(error);
      this.attempts.version++;
    }
    if (signal.aborted) return;
    this.loaded = true;
    this.tell();
  }

  private take(change: Change): void {
    for (const row of change.tasks ?? []) this.attempts.take(row);
    if (change.gone?.length) this.attempts.drop(change.gone);
    // At its end the run knows what it waited for.
    const hasEnded = this.wasLive && !change.head.live;
    this.wasLive = change.head.live;
    if (hasEnded || this.attempts.hasGap) this.lookAgain(hasEnded ? 0 : Math.max(LOOK_AGAIN_MS, 20 * this.loadMs));
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.tell();
    }, Math.max(LEAST_MS, 8 * this.costMs));
  }

  private lookAgain(inMs: number): void {
    if (this.again !== undefined && inMs > 0) return;
    clearTimeout(this.again);
    this.again = setTimeout(() => {
      this.again = undefined;
      void this.load();
    }, inMs);
  }
}
