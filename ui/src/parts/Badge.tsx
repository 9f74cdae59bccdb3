// A state as a chip: shape, colour and word.

import type { ComponentChildren } from "preact";
import { classes } from "./classes";
import { SHAPES } from "./shapes";
import { look } from "./states";
import "./badge.css";

/** The shape of a state alone, 12 px wide, in its colour. It says nothing to a screen reader: put the word beside it. */
export function Mark({ state, size = 12 }: { state: string; size?: number }) {
  const { colour, shape } = look(state);
  const { faint, line, bold, full } = SHAPES[shape];
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 12 12" aria-hidden="true" style={{ color: `var(${colour})` }}>
      <g class={shape === "orbit" ? "turning" : undefined}>
        {faint && <path d={faint} class="line faint" />}
        {line && <path d={line} class="line" />}
        {bold && <path d={bold} class="line bold" />}
        {full && <path d={full} class="full" />}
      </g>
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
