// Whether the server answers, as far as the last request tells; while it does not, it is asked again and again.

import { computed, signal } from "@preact/signals";

export type Touch = "unknown" | "live" | "lost";

export const touch = signal<Touch>("unknown");

/** The server does not know this browser: its token is missing or was changed. */
export const locked = signal(false);

export const isLost = computed(() => touch.value === "lost");

/** An answer came, of that HTTP status. */
export function heard(status: number): void {
  touch.value = "live";
  locked.value = status === 401;
}

/** No answer came. */
export function lostTouch(): void {
  touch.value = "lost";
}

const FIRST_MS = 500;
const LONGEST_MS = 8000;

/** How long to wait before try number `tries`, 0 being the first: it doubles up to 8 s. */
export const backOff = (tries: number): number => Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10));

/** While nothing is heard, ask; returns what ends that. */
export function keepAsking(ask: () => Promise<unknown>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  const again = () => {
    timer = setTimeout(() => {
      timer = undefined;
      ask().catch(() => undefined).then(() => {
        if (isLost.peek()) again();
      });
    }, backOff(tries++));
  };
  const end = isLost.subscribe((lost) => {
    if (lost && timer === undefined) {
      tries = 0;
      again();
    }
  });
  return () => {
    end();
    clearTimeout(timer);
  };
}
