// All about one task: asked for whenever its row has changed, at most twice a second. What is shown stays until the next has come.

import { useEffect, useMemo } from "preact/hooks";
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { panel } from "../api/calls";
import { ApiRefused, wasAborted } from "../api/refused";
import type { TaskPanel } from "../api/types";
import type { RunStore } from "../state/run";

const LEAST_MS = 500;
/** What others do to a task that has not ended is seen when the run has gone on for so long. */
const OTHERS_MS = 2000;
const AGAIN_MS = 2000;

export interface Panel {
  value: ReadonlySignal<TaskPanel | null>;
  problem: ReadonlySignal<string>;
}

export function usePanel(store: RunStore, task: string): Panel {
  const asker = useMemo(() => new Asker(store, task), [store, task]);
  useEffect(() => asker.start(), [asker]);
  return asker;
}

class Asker implements Panel {
  readonly value: Signal<TaskPanel | null> = signal(null);
  readonly problem = signal("");
  private aborter = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isAsking = false;
  private askedAt = -Infinity;
  private seq = 0;

  constructor(
    private readonly store: RunStore,
    private readonly task: string,
  ) {}

  start(): () => void {
    this.aborter = new AbortController();
    void this.ask();
    const end = this.store.listen((change) => {
      const row = change.tasks?.find(({ id }) => id === this.task);
      this.due(row ? LEAST_MS : OTHERS_MS);
    });
    return () => {
      end();
      this.aborter.abort();
      clearTimeout(this.timer);
      this.timer = undefined;
      this.isAsking = false;
    };
  }

  /** Ask so long after the last time. */
  private due(afterMs: number): void {
    if (this.isAsking) return;
    if (afterMs === OTHERS_MS && (this.timer !== undefined || !this.dependsOnOthers())) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), Math.max(0, this.askedAt + afterMs - performance.now()));
  }

  /** What it waits for and what it delays change while the others go on. */
  private dependsOnOthers(): boolean {
    const shown = this.value.peek();
    return shown === null || Boolean(shown.waits_for?.length) || Boolean(shown.delays?.length);
  }

  private async ask(): Promise<void> {
    const { signal } = this.aborter;
    this.timer = undefined;
    this.isAsking = true;
    this.askedAt = performance.now();
    this.seq = this.store.seq;
    try {
      const found = await panel(this.store.run, this.task, signal);
      this.problem.value = "";
      this.value.value = found;
      this.isAsking = false;
      const row = this.store.rows.get(this.task);
      if (row && row.changed > found.row.changed && row.changed > this.seq) this.due(LEAST_MS);
    } catch (error) {
      if (wasAborted(error)) return;
      this.isAsking = false;
      this.problem.value = error instanceof Error ? error.message : String(error);
      if (!(error instanceof ApiRefused && error.status < 500)) this.timer = setTimeout(() => void this.ask(), AGAIN_MS);
    }
  }
}
