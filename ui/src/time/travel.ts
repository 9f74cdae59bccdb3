// Where in its time a run is looked at: live, or at a moment of its past, which can be played.

import { batch, computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Past } from "../api/types";
import type { GraphSource } from "../graph/source";
import type { RunStore } from "../state/run";
import { seen } from "../state/clock";
import { History, type MarkKind } from "./history";
import { PastView } from "./past";

/** How fast the past is played: a multiple of the time that it took, or every event for as long as the others. */
export type Pace = { kind: "time"; factor: number } | { kind: "events"; perSecond: number };

/** Where a play is after some seconds, as a position that may lie between two events. */
export function played(history: History, from: number, seconds: number, pace: Pace): number {
  if (pace.kind === "events") return Math.min(history.last, Math.floor(from + seconds * pace.perSecond));
  const start = Math.max(history.secondsOf(from), history.secondsOf(1));
  return Math.max(from, history.positionAfter(start + seconds * pace.factor));
}

export class Travel {
  readonly store: RunStore;
  readonly history = signal<History | null>(null);
  /** The position that is looked at; null is live. */
  readonly position = signal<number | null>(null);
  readonly isPlaying = signal(false);
  readonly pace = signal<Pace>({ kind: "time", factor: 1 });
  /** Why the past cannot be read, where it cannot. */
  readonly problem = signal("");
  /** The rows to be shown: of the run as it is, or as it was. */
  readonly source: ReadonlySignal<GraphSource>;
  /** The number of the event that is looked at; null is live. What `at` in the address says. */
  readonly seq: ReadonlySignal<number | null>;
  private readonly view = signal<PastView | null>(null);
  private readonly read: () => Promise<Past>;
  private reading: Promise<void> | null = null;
  private frame = 0;
  private restMs = 2000;

  /** `read` asks for the past of the run. */
  constructor(store: RunStore, read: () => Promise<Past>) {
    this.store = store;
    this.read = read;
    this.source = computed(() => (this.position.value === null ? store : this.view.value) ?? store);
    this.seq = computed(() => {
      const position = this.position.value;
      return position === null ? null : (this.history.value?.seqOf(position) ?? null);
    });
  }

  /** Read the past, unless what was read has all that the run has. */
  async refresh(): Promise<void> {
    const { value: history } = this.history;
    if (history && history.until >= this.store.seq) return;
    this.reading ??= this.take().finally(() => (this.reading = null));
    await this.reading;
  }

  private async take(): Promise<void> {
    const began = performance.now();
    try {
      const history = new History(await this.read());
      this.restMs = Math.max(2000, 50 * (performance.now() - began));
      const seq = this.seq.peek();
      const view = new PastView(history, this.store.rows);
      batch(() => {
        this.problem.value = "";
        this.history.value = history;
        this.view.value = view;
        if (seq !== null) this.show(history.positionOf(seq));
      });
    } catch (error) {
      this.problem.value = error instanceof Error ? error.message : String(error);
    }
  }

  /** Keep what is known of a run that goes on fresh while it is looked at live; call what is returned to end that. Asking
   * takes a fiftieth of the time at the most, so that a big run does not keep its server busy with it. */
  follow(): () => void {
    let timer = 0;
    let ended = false;
    const again = async () => {
      if (this.position.peek() === null && seen.peek()) await this.refresh();
      if (!ended) timer = window.setTimeout(again, this.restMs);
    };
    void again();
    return () => {
      ended = true;
      window.clearTimeout(timer);
      this.pause();
    };
  }

  /** Look at the run as of an event; null is live. */
  async goToEvent(seq: number | null): Promise<void> {
    if (seq === null) return this.goLive();
    if (this.seq.peek() === seq) return;
    await this.refresh();
    const history = this.history.peek();
    if (history) this.go(history.positionOf(seq));
  }

  /** Look at a position, and stop playing. */
  go(position: number): void {
    this.pause();
    this.show(position);
  }

  /** Look at the run as it is. */
  goLive(): void {
    this.pause();
    this.position.value = null;
  }

  /** Go some events on or back; from live, back from the end. */
  step(by: number): void {
    const history = this.history.peek();
    if (!history) return;
    const from = this.position.peek();
    if (from === null && by > 0) return;
    this.go((from ?? history.last) + by);
  }

  /** Go to the next mark of a kind, or the one before; whether there is one. */
  jump(kind: MarkKind, direction: 1 | -1): boolean {
    const history = this.history.peek();
    const mark = history?.markFrom(this.position.peek() ?? history.last + 1, kind, direction);
    if (mark) this.go(mark.position);
    return Boolean(mark);
  }

  /** Play from here; from the end, or from live, the whole. */
  play(): void {
    const history = this.history.peek();
    if (!history || this.isPlaying.peek()) return;
    const at = this.position.peek();
    if (at === null || at >= history.last) this.show(Math.min(1, history.last));
    this.isPlaying.value = true;
    this.run();
  }

  pause(): void {
    if (!this.isPlaying.peek()) return;
    cancelAnimationFrame(this.frame);
    this.isPlaying.value = false;
  }

  toggle(): void {
    if (this.isPlaying.peek()) this.pause();
    else this.play();
  }

  setPace(pace: Pace): void {
    this.pace.value = pace;
    if (!this.isPlaying.peek()) return;
    cancelAnimationFrame(this.frame);
    this.run();
  }

  /** Move with the clock of the screen until the end. A pace counts from where it was chosen, so that nothing adds up. */
  private run(): void {
    const from = this.position.peek() ?? 0;
    let began: number | null = null;
    const draw = (now: number) => {
      const history = this.history.peek()!;
      began ??= now;
      this.show(played(history, from, (now - began) / 1000, this.pace.peek()));
      if (this.position.peek()! < history.last) this.frame = requestAnimationFrame(draw);
      else if (this.store.head.peek()?.live) this.goLive();
      else this.isPlaying.value = false;
    };
    this.frame = requestAnimationFrame(draw);
  }

  private show(position: number): void {
    const view = this.view.peek();
    if (!view) return;
    view.move(position);
    this.position.value = view.position;
  }
}
