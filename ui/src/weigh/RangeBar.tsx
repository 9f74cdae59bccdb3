// An estimate as a bar from its low to its high end, with a stroke at its middle and a diamond where it really came out.

import type { Spread } from "../api/types";
import { figure } from "./figures";
import "./weigh.css";

interface Props {
  spreads: readonly { spread: Spread; kind: "written" | "rewritten" }[];
  /** Where a value stands between the ends, in [0, 1]. */
  scale: (value: number) => number;
}

/** From 0 at the left end to `most` at the right. */
export const linear = (most: number) => (value: number) => (most > 0 ? value / most : 0);

/** From `least` to `most` by factors: tasks of milliseconds and of minutes are both to be seen. */
export function byFactors(least: number, most: number): (value: number) => number {
  const width = Math.log(most / least);
  return (value) => (width > 0 ? Math.log(Math.max(value, least) / least) / width : 0);
}

const ROW = 12;

export function RangeBar({ spreads, scale }: Props) {
  const x = (value: number) => `${Math.min(1, Math.max(0, scale(value))) * 100}%`;
  return (
    <svg class="range" height={spreads.length * ROW + 4} role="img" aria-label={spreads.map(({ spread }) => words(spread)).join("; ")}>
      {spreads.map(({ spread, kind }, i) => {
        const { mean, low, high, actual } = spread;
        const middle = 2 + i * ROW + ROW / 2;
        const from = low ?? mean;
        const to = high ?? mean;
        return (
          <g key={kind} class={kind}>
            <line class="axis" x1="0" x2="100%" y1={middle} y2={middle} />
            <line class="spread" x1={x(from)} x2={x(to)} y1={middle} y2={middle} />
            <line class="middle" x1={x(mean)} x2={x(mean)} y1={middle - 5} y2={middle + 5} />
            {actual !== null && actual !== undefined && (
              <svg x={x(actual)} y={middle} class="actual">
                <path d="M0 -5L5 0L0 5L-5 0Z" />
              </svg>
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** The largest value that a bar of these has to show. */
export function mostOf(spreads: readonly (Spread | undefined)[]): number {
  return spreads.reduce((most, spread) => Math.max(most, spread?.mean ?? 0, spread?.high ?? 0, spread?.actual ?? 0), 0);
}

/** The smallest value above 0 that bars of these have to show; 0 where there is none. */
export function leastOf(spreads: readonly Spread[]): number {
  const all = spreads.flatMap(({ mean, low, actual }) => [mean, low ?? 0, actual ?? 0]).filter((value) => value > 0);
  return all.length > 0 ? Math.min(...all) : 0;
}

function words({ name, mean, low, high, actual, unit }: Spread): string {
  const range = low !== null && low !== undefined && high !== null && high !== undefined ? `, between ${figure(low, unit)} and ${figure(high, unit)}` : "";
  const came = actual !== null && actual !== undefined ? `, really ${figure(actual, unit)}` : "";
  return `${name}: about ${figure(mean, unit)}${range}${came}`;
}
