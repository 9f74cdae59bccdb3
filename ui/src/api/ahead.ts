// The rows of the run that the page opens with: they are asked for while the code that shows them is on its way.

import { rows } from "./calls";
import type { Change } from "./types";

let first: { run: string; answer: Promise<Change> } | null = null;

/** Ask for all rows of a run that is about to be shown. */
export function askAhead(run: string): void {
  const answer = rows(run);
  answer.catch(() => undefined); // whoever takes it hears of it
  first = { run, answer };
}

/** The rows of a run after an event: those that were asked for ahead, the first time. */
export function rowsAfter(run: string, after: number): Promise<Change> {
  const ahead = first;
  first = null;
  return ahead?.run === run && after === 0 ? ahead.answer : rows(run, after);
}
