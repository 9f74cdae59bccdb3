// What a run did over time, from its attempts: how many ran, and what it had cost by then.

import type { AttemptRow } from "../api/types";

export interface Curves {
  /** Seconds since the start, rising. */
  seconds: number[];
  /** Attempts that run from then on. */
  running: number[];
  /** What all attempts that had ended by then cost together. */
  money: number[];
}

/** The curves of a run that began at `start`, until `end`; both in seconds since the epoch. */
export function curves(attempts: readonly AttemptRow[], start: number, end: number): Curves {
  const steps: { at: number; runs: number; cost: number }[] = [];
  for (const { began_at, ended_at, money = 0 } of attempts) {
    steps.push({ at: began_at, runs: 1, cost: 0 });
    // One that goes on has ended no earlier than now.
    if (ended_at < end || money > 0) steps.push({ at: ended_at, runs: -1, cost: money });
  }
  steps.sort((a, b) => a.at - b.at || a.runs - b.runs);
  const found: Curves = { seconds: [0], running: [0], money: [0] };
  let running = 0;
  let money = 0;
  for (const step of steps) {
    running += step.runs;
    money += step.cost;
    const seconds = Math.max(0, step.at - start);
    if (seconds > found.seconds.at(-1)!) found.seconds.push(seconds);
    const last = found.seconds.length - 1;
    found.running[last] = running;
    found.money[last] = money;
  }
  if (end - start > found.seconds.at(-1)!) {
    found.seconds.push(end - start);
    found.running.push(running);
    found.money.push(money);
  }
  return found;
}

/** The same in at most `most` stretches of one length: what ran in each on average, and what it had cost by its end. */
export function thinned(curves: Curves, most: number): Curves {
  const { seconds, running, money } = curves;
  if (seconds.length <= most) return curves;
  const end = seconds.at(-1)!;
  const found: Curves = { seconds: [], running: [], money: [] };
  let step = 0;
  for (let stretch = 0; stretch < most; stretch++) {
    const from = (stretch / most) * end;
    const until = ((stretch + 1) / most) * end;
    let area = 0;
    for (let at = from; at < until; ) {
      while (step + 1 < seconds.length && seconds[step + 1]! <= at) step++;
      const next = Math.min(until, seconds[step + 1] ?? until);
      area += running[step]! * (next - at);
      at = next;
    }
    found.seconds.push(from);
    found.running.push(area / (until - from));
    found.money.push(money[step]!);
  }
  found.seconds.push(end);
  found.running.push(running.at(-1)!);
  found.money.push(money.at(-1)!);
  return found;
}
