// What is asked again and again while the page is seen.

import { signal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Unreachable, wasAborted } from "../api/refused";
import { seen } from "./clock";
import { isLost } from "./connection";

export interface Polled<Answer> {
  /** The last answer; null before the first. It is the same object as long as the server says the same. */
  value: Signal<Answer | null>;
  /** Why the last request failed; null where it did not. */
  error: Signal<unknown>;
  /** Ask now. */
  refresh: () => void;
}

/**
 * Asks whenever `key` changes, and every `everyMs` while the page is seen (never again where it is 0); where the server did
 * not answer, when it does again. An answer that is like the one before changes nothing.
 */
export function usePolled<Answer>(
  ask: (signal: AbortSignal) => Promise<Answer>,
  key: string,
  everyMs: number,
): Polled<Answer> {
  const value = useMemo(() => signal<Answer | null>(null), []);
  const error = useMemo(() => signal<unknown>(null), []);
  const latest = useRef(ask);
  latest.current = ask;
  const asking = useMemo(() => new Asking(() => latest.current, value, error, everyMs), []);
  useEffect(() => {
    asking.now();
    return () => asking.stop();
  }, [key]);
  useSignalEffect(() => asking.see(seen.value));
  useSignalEffect(() => {
    if (!isLost.value) asking.isBack();
  });
  return { value, error, refresh: () => asking.now() };
}

class Asking<Answer> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private aborter: AbortController | null = null;
  private text = "";

  constructor(
    private readonly ask: () => (signal: AbortSignal) => Promise<Answer>,
    private readonly value: Signal<Answer | null>,
    private readonly error: Signal<unknown>,
    private readonly everyMs: number,
  ) {}

  now(): void {
    this.stop();
    const aborter = new AbortController();
    this.aborter = aborter;
    this.ask()(aborter.signal).then(
      (answer) => aborter === this.aborter && this.took(answer),
      (error: unknown) => aborter === this.aborter && !wasAborted(error) && this.failed(error),
    );
  }

  /** The page is seen: what waited for that is asked now. */
  see(seen: boolean): void {
    if (seen && this.everyMs && this.aborter === null) this.now();
  }

  /** The server answers again: what it did not answer is asked once more. */
  isBack(): void {
    if (this.error.peek() instanceof Unreachable && this.aborter === null) this.now();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.aborter?.abort();
    this.aborter = null;
  }

  private took(answer: Answer): void {
    const text = JSON.stringify(answer);
    if (text !== this.text || this.value.peek() === null) this.value.value = answer;
    this.text = text;
    this.error.value = null;
    this.later();
  }

  private failed(error: unknown): void {
    this.error.value = error;
    this.later();
  }

  private later(): void {
    this.aborter = null;
    if (!this.everyMs) return;
    this.timer = setTimeout(() => {
      if (seen.peek()) this.now();
    }, this.everyMs);
  }
}
