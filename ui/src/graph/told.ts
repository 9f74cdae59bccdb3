// A node in words, as the keyboard or the pointer comes to it.

import { count, span } from "../parts/format";
import { look } from "../parts/states";
import { took } from "./canvas/colours";
import type { GraphNode } from "./model";

/** How the members of a group stand, such as "3 running, 5 succeeded". */
export function statesOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([state, number]) => `${count(number)} ${look(state).word}`)
    .join(", ");
}

/** @param now seconds since the epoch */
export function told({ row, counts, members }: GraphNode, now: number): string {
  if (counts) return `${row.id}: group of ${count(members.length)}, ${statesOf(counts)}`;
  const seconds = took(row, now);
  const needs = row.needs?.length ? `, after ${row.needs.map(({ task }) => task).join(", ")}` : "";
  return `${row.id}: ${look(row.state).word}${seconds === null ? "" : `, ${span(seconds)}`}${needs}`;
}
