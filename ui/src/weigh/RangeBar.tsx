// An estimate as a bar from its low to its high end, with a stroke at its middle and a diamond where it really came out.

import type { Spread } from "../api/types";
import { figure } from "./figures";
import "./weigh.css";

interface Props {
  spreads: readonly { spread: Spread; kind: "written" | "rewritten" }[];
  /** The value at the right end. */
  most: number;
}

const ROW = 12;

export function RangeBar({ spreads, most }: Props) {
  const x = (value: number) => `${(most > 0 ? Math.min(1, Math.max(0, value / most)) : 0) * 100}%`;
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

function words({ name, mean, low, high, actual, unit }: Spread): string {
  const range = low !== null && low !== undefined && high !== null && high !== undefined ? `, between ${figure(low, unit)} and ${figure(high, unit)}` : "";
  const came = actual !== null && actual !== undefined ? `, really ${figure(actual, unit)}` : "";
  return `${name}: about ${figure(mean, unit)}${range}${came}`;
}
