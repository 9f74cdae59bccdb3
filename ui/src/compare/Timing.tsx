// How long tasks took in two runs, as pairs of bars on one scale, the biggest change first.

import { useMemo } from "preact/hooks";
import type { Comparison, TaskPair } from "../api/types";
import { Empty } from "../parts/Empty";
import { span } from "../parts/format";
import { LongList } from "../parts/LongList";
import { hrefOfRun } from "../router";
import { against, figure } from "../weigh/figures";
import { apart, byTime } from "./pairs";

const ROW_PX = 44;
const MOST_PX = 572;

export function Timing({ found }: { found: Comparison }) {
  const pairs = useMemo(() => byTime(found.tasks), [found]);
  const most = pairs.reduce((high, pair) => Math.max(high, pair.seconds_a ?? 0, pair.seconds_b ?? 0), 0);
  if (pairs.length === 0) return <Empty title="No task took any time" />;
  return (
    <>
      <p class="legend">
        <span class="a">{`first run: ${found.a}`}</span>
        <span class="b">{`second run: ${found.b}`}</span>
      </p>
      <LongList rows={pairs} height={ROW_PX} most={MOST_PX} label="Time of tasks in the two runs" keyOf={({ task }) => task}>
        {(pair) => <Bars pair={pair} most={most} run={found.b} />}
      </LongList>
    </>
  );
}

function Bars({ pair, most, run }: { pair: TaskPair; most: number; run: string }) {
  const bar = (side: "a" | "b", seconds: number | null | undefined) =>
    typeof seconds === "number" ? <div class={side} style={{ width: `${(seconds / (most || 1)) * 100}%` }} /> : <div class="none" />;
  const seconds = apart(pair);
  const isBoth = typeof pair.seconds_a === "number" && typeof pair.seconds_b === "number";
  return (
    <div class="timing">
      <a class="name" href={hrefOfRun(run, "", { task: pair.task })}>
        {pair.task}
      </a>
      <div class="pair-bars" aria-hidden="true">
        {bar("a", pair.seconds_a)}
        {bar("b", pair.seconds_b)}
      </div>
      <span class="figure">{`${figure(pair.seconds_a, "s")} → ${figure(pair.seconds_b, "s")}`}</span>
      <span class="figure apart">
        {isBoth && Math.abs(seconds) >= 0.0005 && `${seconds > 0 ? "+" : "−"}${span(Math.abs(seconds))}`}
      </span>
      <span class="figure ratio">{against(pair.seconds_a, pair.seconds_b)}</span>
    </div>
  );
}
