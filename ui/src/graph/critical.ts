// The longest path through a run: the chain of tasks that took most time together, which a run that is to be faster must
// make shorter.

import type { TaskRow } from "../api/types";
import { arcsOf } from "./layout/arcs";

/** What a task without an estimate is expected to take, in seconds, as the server leaves it out. */
const USUAL_S = 1;
const ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "skipped", "cancelled"]);

/**
 * Tasks on the longest path, by what each took, takes until `now`, or is expected to take; of equally long ones the path
 * of more tasks.
 *
 * @param now seconds since the epoch
 */
export function critical(rows: ReadonlyMap<string, TaskRow>, now: number): ReadonlySet<string> {
  const tasks = [...rows.values()];
  const positions = new Map(tasks.map(({ id }, at) => [id, at]));
  const edges = tasks.flatMap(({ needs = [] }, to) =>
    needs.flatMap(({ task }) => {
      const from = positions.get(task);
      return from === undefined ? [] : [from, to];
    }),
  );
  const owner = Int32Array.from(tasks, ({ parent }) => positions.get(parent ?? "") ?? -1);
  const { count, sorted, starts, sources } = arcsOf(tasks.length, Int32Array.from(edges), owner);
  const seconds = new Float64Array(2 * count);
  const steps = new Int32Array(2 * count);
  const source = new Int32Array(2 * count).fill(-1);
  const isLonger = (a: number, b: number) => b < 0 || seconds[a]! > seconds[b]! || (seconds[a] === seconds[b] && steps[a]! > steps[b]!);
  let last = -1;
  for (const v of sorted) {
    let best = -1;
    for (let i = starts[v]!; i < starts[v + 1]!; i++) if (isLonger(sources[i]!, best)) best = sources[i]!;
    source[v] = best;
    seconds[v] = (best < 0 ? 0 : seconds[best]!) + (v < count ? secondsOf(tasks[v]!, now) : 0);
    steps[v] = (best < 0 ? 0 : steps[best]!) + (v < count ? 1 : 0);
    if (isLonger(v, last)) last = v;
  }
  const found = new Set<string>();
  for (let v = last, most = 2 * count; v >= 0 && most > 0; v = source[v]!, most--) found.add(tasks[v % count]!.id);
  return found;
}

function secondsOf({ state, began_at, ended_at, estimate_s }: TaskRow, now: number): number {
  if (began_at != null) return Math.max(0, (ended_at ?? now) - began_at);
  return ENDED.has(state) ? 0 : (estimate_s ?? USUAL_S);
}
