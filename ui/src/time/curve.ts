// What the slider draws behind its thumb: how many tasks ran, and the marks, in a box of WIDTH by HEIGHT.

import type { History, Mark, MarkKind } from "./history";

export const WIDTH = 600;
export const HEIGHT = 32;
const LEAST_SHARE = 0.08;

/** The outline of the tasks that ran at every position, as the path of a filled area; empty where none ever did. */
export function area(history: History): string {
  const columns = Math.min(WIDTH, history.last);
  const most = history.running.reduce((high, count) => Math.max(high, count), 0);
  if (most === 0) return "";
  let path = `M0 ${HEIGHT}`;
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column / columns) * history.last);
    const until = Math.max(from + 1, Math.floor(((column + 1) / columns) * history.last));
    let high = 0;
    for (let position = from; position < until; position++) high = Math.max(high, history.running[position]!);
    // One task among many still shows.
    const share = high === 0 ? 0 : LEAST_SHARE + (1 - LEAST_SHARE) * (high / most);
    const y = round(HEIGHT * (1 - share));
    path += `L${round((column / columns) * WIDTH)} ${y}L${round(((column + 1) / columns) * WIDTH)} ${y}`;
  }
  return `${path}L${WIDTH} ${HEIGHT}Z`;
}

/** The marks of a kind as the path of strokes from `top` to `bottom`, those on one pixel as one. */
export function strokes(history: History, kind: MarkKind, top: number, bottom: number): string {
  const columns = new Set<number>();
  for (const mark of history.marks) if (mark.kind === kind) columns.add(Math.round(share(history, mark.position) * WIDTH));
  return [...columns].map((x) => `M${x} ${top}V${bottom}`).join("");
}

/** The mark nearest to a share of the width, where one is within `reach` of it. */
export function nearest(history: History, at: number, reach: number): Mark | null {
  let found: Mark | null = null;
  let least = reach;
  for (const mark of history.marks) {
    const distance = Math.abs(share(history, mark.position) - at);
    if (distance < least) {
      least = distance;
      found = mark;
    }
  }
  return found;
}

function share(history: History, position: number): number {
  return position / Math.max(1, history.last);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
