// A state as a chip: shape, colour and word.

import type { ComponentChildren, JSX } from "preact";
import { classes } from "./classes";
import { look, type Shape } from "./states";
import "./badge.css";

const SHAPES: Record<Shape, JSX.Element> = {
  ring: <circle cx="6" cy="6" r="4.25" class="line" />,
  dot: (
    <>
      <circle cx="6" cy="6" r="4.25" class="line" />
      <circle cx="6" cy="6" r="1.75" class="full" />
    </>
  ),
  orbit: (
    <g class="turning">
      <circle cx="6" cy="6" r="4.25" class="line faint" />
      <path d="M6 1.75 A4.25 4.25 0 0 1 10.25 6" class="line" />
      <circle cx="10.25" cy="6" r="1.6" class="full" />
    </g>
  ),
  turn: <path d="M10 6a4 4 0 1 1-1.3-2.95M10.4 1v2.4H8" class="line" />,
  square: <rect x="2.25" y="2.25" width="7.5" height="7.5" rx="1" class="line" />,
  branch: <path d="M2 6h3l2.5-3H10M5 6l2.5 3H10" class="line" />,
  question: <path d="M4.2 4.3a1.9 1.9 0 1 1 2.7 1.8c-.7.3-.9.7-.9 1.4M6 9.7v.1" class="line bold" />,
  check: <path d="M2 6.4 4.8 9.2 10 3" class="line bold" />,
  cross: <path d="M2.6 2.6l6.8 6.8M9.4 2.6 2.6 9.4" class="line bold" />,
  dash: <path d="M2.2 6h7.6" class="line bold" />,
  slash: (
    <>
      <circle cx="6" cy="6" r="4.25" class="line" />
      <path d="M3 9 9 3" class="line" />
    </>
  ),
  bars: <path d="M4 2.5v7M8 2.5v7" class="line bold" />,
  bolt: <path d="M7 1.2 3 6.8h3L5 10.8 9 5.2H6z" class="full" />,
};

/** The shape of a state alone, 12 px wide, in its colour. It says nothing to a screen reader: put the word beside it. */
export function Mark({ state, size = 12 }: { state: string; size?: number }) {
  const { colour, shape } = look(state);
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 12 12" aria-hidden="true" style={{ color: `var(${colour})` }}>
      {SHAPES[shape]}
    </svg>
  );
}

interface Props {
  state: string;
  /** Shown instead of the word of the state. */
  children?: ComponentChildren;
  /** No border around it, for dense lists. */
  bare?: boolean;
}

export function Badge({ state, children, bare }: Props) {
  const { colour, word } = look(state);
  return (
    <span class={classes("badge", bare && "bare")} style={{ color: `var(${colour})` }}>
      <Mark state={state} />
      <span>{children ?? word}</span>
    </span>
  );
}
