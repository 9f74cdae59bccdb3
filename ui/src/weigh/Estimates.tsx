// What was expected: of the whole as it is written and rewritten, and of single tasks against what they took.

import { useState } from "preact/hooks";
import type { Explained, Spread } from "../api/types";
import { Button } from "../parts/Button";
import { percent } from "../parts/format";
import { Table, type Column } from "../parts/Table";
import { hrefOfRun } from "../router";
import { against, figure } from "./figures";
import { byFactors, leastOf, linear, mostOf, RangeBar } from "./RangeBar";

interface Pair {
  name: string;
  written?: Spread;
  rewritten?: Spread;
}

/** Totals as written and after the passes, with what a run really took. */
export function Totals({ found }: { found: Explained }) {
  const names = [...new Set([...found.foreseen, ...found.rewritten].map(({ name }) => name))];
  const pairs: Pair[] = names.map((name) => ({
    name,
    written: found.foreseen.find((spread) => spread.name === name),
    rewritten: found.rewritten.find((spread) => spread.name === name),
  }));
  const actual = (pair: Pair) => pair.written?.actual ?? pair.rewritten?.actual;
  const hasActual = pairs.some((pair) => actual(pair) !== undefined && actual(pair) !== null);
  const unit = (pair: Pair) => pair.written?.unit ?? pair.rewritten?.unit ?? "";
  const columns: Column<Pair>[] = [
    { id: "name", head: "", cell: ({ name }) => name },
    { id: "written", head: "As written", cell: ({ written }) => <Range spread={written} />, figure: true },
    { id: "rewritten", head: "Rewritten", cell: ({ rewritten }) => <Range spread={rewritten} />, figure: true },
    { id: "saved", head: "Change", cell: ({ written, rewritten }) => against(written?.mean, rewritten?.mean), figure: true },
  ];
  if (hasActual) columns.push({ id: "actual", head: "Really", cell: (pair) => figure(actual(pair), unit(pair)), figure: true });
  columns.push({
    id: "bar",
    head: "",
    cell: ({ written, rewritten }) => (
      <RangeBar
        scale={linear(mostOf([written, rewritten]))}
        spreads={[
          ...(written ? [{ spread: written, kind: "written" as const }] : []),
          ...(rewritten ? [{ spread: rewritten, kind: "rewritten" as const }] : []),
        ]}
      />
    ),
  });
  return (
    <>
      <Table label="Estimates of the whole" columns={columns} rows={pairs} keyOf={({ name }) => name} />
      <p class="legend">
        <span class="written">as written</span>
        <span class="rewritten">rewritten</span>
        {hasActual && <span class="actual">what it really took</span>}
      </p>
    </>
  );
}

function Range({ spread }: { spread: Spread | undefined }) {
  if (!spread) return <span>–</span>;
  const { mean, low, high, unit } = spread;
  const isRange = low !== null && low !== undefined && high !== null && high !== undefined && low !== high;
  return (
    <>
      {figure(mean, unit)}
      {isRange && <div class="hint">{`${figure(low, unit)} – ${figure(high, unit)}`}</div>}
    </>
  );
}

const FIRST = 15;

/** Single tasks of a run, those first whose estimate was furthest off. */
export function Errors({ found, run }: { found: Explained; run: string }) {
  const [all, setAll] = useState(false);
  const tasks = found.tasks ?? [];
  const [least, most] = [leastOf(tasks), mostOf(tasks)];
  const scale = least > 0 ? byFactors(least, most) : linear(most);
  const unit = tasks[0]?.unit;
  const columns: Column<Spread>[] = [
    { id: "task", head: "Task", cell: ({ name }) => <a href={hrefOfRun(run, "", { task: name })}>{name}</a> },
    { id: "estimate", head: "Expected", cell: (spread) => <Range spread={spread} />, figure: true },
    { id: "actual", head: "Took", cell: ({ actual, unit }) => figure(actual, unit), figure: true },
    { id: "error", head: "Off by", cell: ({ mean, actual }) => against(mean, actual), figure: true },
    {
      id: "bar",
      head: (
        <span class="ends">
          <span>{figure(least, unit)}</span>
          <span>{figure(most, unit)}</span>
        </span>
      ),
      cell: (spread) => <RangeBar scale={scale} spreads={[{ spread, kind: "rewritten" }]} />,
    },
    { id: "source", head: "Known from", cell: ({ source }) => <span class="hint">{source}</span> },
  ];
  return (
    <section>
      <h2>Expected and real, task by task</h2>
      {found.median_error !== null && found.median_error !== undefined && (
        <p class="hint">{`Half of the estimates were off by less than ${off(found.median_error)}. Those furthest off come first; bars are by factors, each with what the task really took.`}</p>
      )}
      <Table
        label="Estimate against actual"
        columns={columns}
        rows={all ? tasks : tasks.slice(0, FIRST)}
        keyOf={({ name }) => name}
      />
      {tasks.length > FIRST && !all && (
        <p>
          <Button small onClick={() => setAll(true)}>{`Show all ${tasks.length}`}</Button>
        </p>
      )}
    </section>
  );
}

/** A distance as a share of what was really taken. */
function off(share: number): string {
  return share < 2 ? percent(share) : `${Math.round(share)} times what they took`;
}
