import { now } from "../state/clock";
import { ago, exact } from "./format";

/** A time as "5 m ago"; the exact one on hover and for a screen reader. */
export function Ago({ at }: { at: number | null | undefined }) {
  if (at === null || at === undefined) return <span>–</span>;
  const whole = exact(at);
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={whole}>
      <span aria-hidden="true">{ago(at, now.value)}</span>
      <span class="unseen">{whole}</span>
    </time>
  );
}
