// Lanes of the timeline: by task, with what a task has grown under it, or by the place where attempts ran and its slots.

import type { TaskRow } from "../api/types";
import type { Attempts, Bar } from "./attempts";

export interface Lane {
  id: string;
  label: string;
  depth: number;
  /** The task that a press chooses; "" for a place and its slots. */
  task: string;
  bars: readonly Bar[];
  /** How many lanes are under it; 0 for one that cannot be opened. */
  inside: number;
  open: boolean;
  /** Of one that is closed: what is under it. */
  density: Density | null;
}

export type By = "task" | "place";

/** How many attempts run at a time, as steps: from `times[i]` on `counts[i]` of them. */
export interface Density {
  times: Float64Array;
  counts: Int32Array;
  most: number;
  failed: Float64Array;
  attempts: number;
}

const NAMES = new Intl.Collator("en", { numeric: true });

/** Groups with more in them are closed at first. */
export const MOST_OPEN = 24;

/** What was opened or closed by hand: the id of a lane, and whether it is open. */
export type Turned = ReadonlyMap<string, boolean>;

export function lanesOf(attempts: Attempts, rows: ReadonlyMap<string, TaskRow>, by: By, turned: Turned): Lane[] {
  return by === "task" ? byTask(attempts, rows, turned) : byPlace(attempts, rows, turned);
}

// --- By task --------------------------------------------------------------------------------------------------------

function byTask(attempts: Attempts, rows: ReadonlyMap<string, TaskRow>, turned: Turned): Lane[] {
  const inside = new Map<string, string[]>();
  const starts = new Map<string, number>();
  for (const [task, bars] of attempts.byTask) {
    const start = Math.min(...bars.slice(0, 2).map(({ queued }) => queued));
    // A parent that has no attempt of its own still holds its children together.
    for (let id = task, up = 0; id !== "" && up < 100; id = parentOf(id, rows), up++) {
      const known = starts.get(id);
      if (known === undefined) {
        const parent = parentOf(id, rows);
        const others = inside.get(parent);
        if (others) others.push(id);
        else inside.set(parent, [id]);
      } else if (known <= start) break;
      starts.set(id, start);
    }
  }
  const lanes: Lane[] = [];
  const add = (ids: readonly string[], depth: number) => {
    for (const id of [...ids].sort((a, b) => starts.get(a)! - starts.get(b)! || NAMES.compare(a, b))) {
      const children = inside.get(id) ?? [];
      const open = children.length > 0 && (turned.get(id) ?? children.length <= MOST_OPEN);
      const bars = attempts.byTask.get(id) ?? [];
      const density = children.length > 0 && !open ? densityOf(under(id, inside, attempts)) : null;
      lanes.push({ id, label: labelOf(id, depth, rows), depth, task: id, bars, inside: children.length, open, density });
      if (open) add(children, depth + 1);
    }
  };
  add(inside.get("") ?? [], 0);
  return lanes;
}

function parentOf(id: string, rows: ReadonlyMap<string, TaskRow>): string {
  const parent = rows.get(id)?.parent ?? "";
  return parent !== id && rows.has(parent) ? parent : "";
}

/** Under its parent a task need not say its parent's name again. */
function labelOf(id: string, depth: number, rows: ReadonlyMap<string, TaskRow>): string {
  const parent = rows.get(id)?.parent ?? "";
  return depth > 0 && id.startsWith(`${parent}/`) ? id.slice(parent.length + 1) : id;
}

function under(id: string, inside: ReadonlyMap<string, string[]>, attempts: Attempts): Bar[] {
  const found: Bar[] = [];
  const left = [...(inside.get(id) ?? [])];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const bar of attempts.byTask.get(next) ?? []) found.push(bar);
    left.push(...(inside.get(next) ?? []));
  }
  return found;
}

// --- By place -------------------------------------------------------------------------------------------------------

function byPlace(attempts: Attempts, rows: ReadonlyMap<string, TaskRow>, turned: Turned): Lane[] {
  const places = new Map<string, Bar[]>();
  for (const [task, bars] of attempts.byTask) {
    const executor = rows.get(task)?.executor ?? "inline";
    for (const bar of bars) {
      if (bar.began === Infinity) continue;
      const place = bar.where || executor;
      const others = places.get(place);
      if (others) others.push(bar);
      else places.set(place, [bar]);
    }
  }
  const lanes: Lane[] = [];
  for (const [place, bars] of [...places].sort(([a], [b]) => NAMES.compare(a, b))) {
    const slots = packed(bars);
    const id = `place ${place}`;
    const open = turned.get(id) ?? slots.length <= MOST_OPEN;
    lanes.push({ id, label: place, depth: 0, task: "", bars: [], inside: slots.length, open, density: densityOf(bars) });
    if (!open) continue;
    slots.forEach((slot, i) =>
      lanes.push({ id: `${id} ${i}`, label: `slot ${i + 1}`, depth: 1, task: "", bars: slot, inside: 0, open: false, density: null }),
    );
  }
  return lanes;
}

/** Bars in as few rows as they overlap: each in the first row that is free when it begins. */
export function packed(bars: readonly Bar[]): Bar[][] {
  const slots: Bar[][] = [];
  for (const bar of [...bars].sort((a, b) => a.began - b.began || a.ended - b.ended)) {
    const free = slots.find((slot) => slot.at(-1)!.ended <= bar.began);
    if (free) free.push(bar);
    else slots.push([bar]);
  }
  return slots;
}

export function densityOf(bars: readonly Bar[]): Density {
  const began = Float64Array.from(bars, (bar) => bar.began).sort();
  const ended = Float64Array.from(bars, (bar) => bar.ended).sort();
  const times = new Float64Array(2 * bars.length);
  const counts = new Int32Array(2 * bars.length);
  let [count, most, size] = [0, 1, 0];
  for (let b = 0, e = 0; b < began.length || e < ended.length; ) {
    const at = Math.min(began[b] ?? Infinity, ended[e] ?? Infinity);
    if (at === Infinity) break;
    for (; ended[e] === at; e++) count--;
    for (; began[b] === at; b++) count++;
    most = Math.max(most, count);
    times[size] = at;
    counts[size++] = count;
  }
  const failed = Float64Array.from(bars.filter(({ outcome }) => outcome === "failed"), (bar) => bar.ended).sort();
  return { times: times.slice(0, size), counts: counts.slice(0, size), most, failed, attempts: bars.length };
}
