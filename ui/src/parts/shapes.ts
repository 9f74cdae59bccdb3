// The shapes of states as paths in a square of 12 pixels, so that a chip, a canvas and a file draw the same.

import type { Shape } from "./states";

/** What is drawn of a shape: thin lines, faint ones, bold ones, and what is filled. */
export interface Strokes {
  line?: string;
  faint?: string;
  bold?: string;
  full?: string;
}

const circle = (x: number, y: number, r: number) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
const RING = circle(6, 6, 4.25);

export const SHAPES: Readonly<Record<Shape, Strokes>> = {
  ring: { line: RING },
  dot: { line: RING, full: circle(6, 6, 1.75) },
  orbit: { faint: RING, line: "M6 1.75A4.25 4.25 0 0 1 10.25 6", full: circle(10.25, 6, 1.6) },
  turn: { line: "M10 6a4 4 0 1 1-1.3-2.95M10.4 1v2.4H8" },
  square: { line: "M3.25 2.25h5.5a1 1 0 0 1 1 1v5.5a1 1 0 0 1-1 1h-5.5a1 1 0 0 1-1-1v-5.5a1 1 0 0 1 1-1z" },
  branch: { line: "M2 6h3l2.5-3H10M5 6l2.5 3H10" },
  question: { bold: "M4.2 4.3a1.9 1.9 0 1 1 2.7 1.8c-.7.3-.9.7-.9 1.4M6 9.7v.1" },
  check: { bold: "M2 6.4 4.8 9.2 10 3" },
  cross: { bold: "M2.6 2.6l6.8 6.8M9.4 2.6 2.6 9.4" },
  dash: { bold: "M2.2 6h7.6" },
  slash: { line: `${RING}M3 9 9 3` },
  bars: { bold: "M4 2.5v7M8 2.5v7" },
  bolt: { full: "M7 1.2 3 6.8h3L5 10.8 9 5.2H6z" },
};
