// A node in words, as the keyboard or the pointer comes to it.

import type { TaskRow } from "../api/types";
import { count, plural, span } from "../parts/format";
import { look } from "../parts/states";
import { took } from "./canvas/colours";
import type { GraphNode } from "./model";

/** How the members of a group stand, such as "3 running, 5 succeeded". */
export function statesOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([state, number]) => `${count(number)} ${look(state).word}`)
    .join(", ");
}

const MOST_NAMED = 6;

/** What a task waits for, such as ", after a, b and 9 others"; empty where it waits for nothing. */
export function afterWhat({ needs = [] }: TaskRow): string {
  if (needs.length === 0) return "";
  const named = needs.slice(0, MOST_NAMED).map(({ task }) => task).join(", ");
  const others = needs.length - MOST_NAMED;
  return `, after ${named}${others > 0 ? ` and ${plural(others, "other")}` : ""}`;
}

/** @param now seconds since the epoch */
export function told({ row, counts, members }: GraphNode, now: number): string {
  if (counts) return `${row.id}: group of ${count(members.length)}, ${statesOf(counts)}`;
  const seconds = took(row, now);
  return `${row.id}: ${look(row.state).word}${seconds === null ? "" : `, ${span(seconds)}`}${afterWhat(row)}`;
}
