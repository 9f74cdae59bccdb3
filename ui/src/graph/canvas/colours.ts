// What the colour of a node says: its state, where it ran, which model it asked, or how long it took.

import type { TaskRow } from "../../api/types";
import type { Ink } from "../../parts/ink";
import { span } from "../../parts/format";
import { look, TASK_STATES } from "../../parts/states";

export type Mode = "state" | "place" | "model" | "time";

export const MODES: readonly { value: Mode; label: string }[] = [
  { value: "state", label: "state" },
  { value: "place", label: "device" },
  { value: "model", label: "model" },
  { value: "time", label: "time taken" },
];

export interface Entry {
  readonly colour: string;
  readonly words: string;
}

/** A way to colour nodes. */
export interface Colouring {
  /** Of a task as it is at a time, in seconds since the epoch. */
  of(row: TaskRow, now: number): string;
  /** What the colours mean. */
  readonly legend: readonly Entry[];
}

/** How long a task has run, in seconds; null where it has not begun. */
export const took = ({ began_at, ended_at }: TaskRow, now: number): number | null =>
  began_at == null ? null : Math.max(0, (ended_at ?? now) - began_at);

const MOST_NAMES = 12;

export function colouring(mode: Mode, rows: Iterable<TaskRow>, ink: Ink, isDark: boolean): Colouring {
  if (mode === "state") return byState(rows, ink);
  if (mode === "time") return byTime(rows, ink, isDark);
  return byName(mode === "model" ? (row) => row.model ?? "" : placeOf, rows, ink, isDark);
}

const placeOf = ({ where, executor }: TaskRow): string => where || executor || "";

function byState(rows: Iterable<TaskRow>, ink: Ink): Colouring {
  const met = new Set<string>();
  for (const { state } of rows) met.add(state);
  const states = TASK_STATES.filter((state) => met.has(state));
  return {
    of: ({ state }) => ink.colour(look(state).colour),
    legend: states.map((state) => ({ colour: ink.colour(look(state).colour), words: look(state).word })),
  };
}

/** Hues that lie far from each other however many of them are taken. */
const hue = (at: number): number => (212 + at * 137.508) % 360;

function byName(nameOf: (row: TaskRow) => string, rows: Iterable<TaskRow>, ink: Ink, isDark: boolean): Colouring {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + 1);
  counts.delete("");
  // By name, so that a name has one colour in every run that has the same ones.
  const names = [...counts.keys()].sort().slice(0, MOST_NAMES);
  const colours = new Map(names.map((name, at) => [name, `hsl(${hue(at).toFixed(0)} ${isDark ? "70% 68%" : "62% 38%"})`]));
  const none = ink.colour("--skipped");
  const others = counts.size > names.length ? [{ colour: none, words: `${counts.size - names.length} more` }] : [];
  return {
    of: (row) => colours.get(nameOf(row)) ?? none,
    legend: [...names.map((name) => ({ colour: colours.get(name)!, words: name })), ...others],
  };
}

const STEPS = [0.01, 0.1, 1, 10, 60, 600] as const;

/** From light work to heavy, a step for every tenfold or so. */
function byTime(rows: Iterable<TaskRow>, ink: Ink, isDark: boolean): Colouring {
  const colours = [...STEPS, Infinity].map((_, at) => {
    const share = at / STEPS.length;
    return `hsl(${(205 - 190 * share).toFixed(0)} ${isDark ? "72% 66%" : "70% 36%"})`;
  });
  const step = (seconds: number): number => STEPS.findIndex((most) => seconds <= most);
  const colourOf = (seconds: number): string => colours[step(seconds)] ?? colours.at(-1)!;
  const none = ink.colour("--skipped");
  let most = 0;
  for (const row of rows) if (row.began_at != null && row.ended_at != null) most = Math.max(most, row.ended_at - row.began_at);
  const last = step(most) < 0 ? STEPS.length : step(most);
  return {
    of: (row, now) => {
      const seconds = took(row, now);
      return seconds === null ? none : colourOf(seconds);
    },
    legend: colours.slice(0, last + 1).map((colour, at) => ({
      colour,
      words: at < STEPS.length ? `up to ${span(STEPS[at]!)}` : `over ${span(STEPS.at(-1)!)}`,
    })),
  };
}
