import { signal } from "@preact/signals";

/** The time in seconds since the epoch; it moves once a second while the page is seen. */
export const now = signal(Date.now() / 1000);

/** Whether the page is seen: its tab is in front. */
export const seen = signal(typeof document === "undefined" || document.visibilityState === "visible");

/** Let `now` and `seen` move; returns what ends that. */
export function startClock(): () => void {
  const tick = () => {
    if (seen.peek()) now.value = Date.now() / 1000;
  };
  const look = () => {
    seen.value = document.visibilityState === "visible";
    tick();
  };
  const timer = setInterval(tick, 1000);
  document.addEventListener("visibilitychange", look);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  };
}
