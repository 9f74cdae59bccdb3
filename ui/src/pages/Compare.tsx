// Two runs beside each other: totals, tasks, graphs, times and outputs.

import { useEffect, useMemo, useState } from "preact/hooks";
import * as calls from "../api/calls";
import type { Comparison, RunLine, Spread } from "../api/types";
import { Outputs } from "../compare/Outputs";
import { differs, drawn } from "../compare/pairs";
import { Tasks } from "../compare/Tasks";
import { Timing } from "../compare/Timing";
import { Button, IconButton } from "../parts/Button";
import { Empty } from "../parts/Empty";
import { Field } from "../parts/Field";
import { Spinner } from "../parts/Spinner";
import { Suggest } from "../parts/Suggest";
import { Table, type Column } from "../parts/Table";
import { Tabs } from "../parts/Tabs";
import { setQuery, type Route } from "../router";
import { usePolled } from "../state/polled";
import { useTitle } from "../state/title";
import { against, figure } from "../weigh/figures";
import { TwoGraphs } from "../weigh/TwoGraphs";
import "../weigh/weigh.css";
import "../compare/compare.css";

const MOST_LISTED = 500;

export default function Compare({ route }: { route: Route }) {
  const { a = "", b = "", show = "tasks" } = route.query;
  useTitle(a && b ? `${a} and ${b}` : "Compare");
  const runs = usePolled((signal) => calls.listRuns({ most: MOST_LISTED }, signal), "", 0);
  return (
    <div class="page weigh compare">
      <div class="top">
        <h1>Compare two runs</h1>
      </div>
      <Sides a={a} b={b} runs={runs.value.value?.runs ?? []} />
      {a && b && a !== b && <Compared key={JSON.stringify([a, b])} a={a} b={b} show={show} />}
      {a && a === b && <Empty title="These are one run">Choose another beside it.</Empty>}
      {!(a && b) && <Empty title="Choose two runs">Two runs of one workflow say most: what was changed in it, what it took, what came out.</Empty>}
    </div>
  );
}

function Sides({ a, b, runs }: { a: string; b: string; runs: readonly RunLine[] }) {
  return (
    <div class="sides">
      <Side label="First run" side="a" value={a} runs={runs} />
      <IconButton icon="compare" label="Exchange the two" onClick={() => setQuery({ a: b, b: a }, { keep: true })} />
      <Side label="Second run" side="b" value={b} runs={runs} />
    </div>
  );
}

function Side({ label, side, value, runs }: { label: string; side: "a" | "b"; value: string; runs: readonly RunLine[] }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const run = runs.find((line) => line.run === value);
  return (
    <Field label={label} hint={run && `${run.state} · ${run.target ?? ""}`}>
      {(tied) => (
        <Suggest
          tied={tied}
          value={typed}
          options={runs.map((line) => ({ value: line.run, label: `${line.state} · ${line.target ?? ""}` }))}
          onValue={setTyped}
          onSettle={(run) => setQuery({ [side]: run.trim() }, { keep: true })}
        />
      )}
    </Field>
  );
}

function Compared({ a, b, show }: { a: string; b: string; show: string }) {
  const asked = usePolled((signal) => calls.compare(a, b, signal), "", 0);
  const { value: found } = asked.value;
  const { value: error } = asked.error;
  if (error && !found) {
    return (
      <Empty title="These cannot be compared" action={<Button onClick={asked.refresh}>Ask again</Button>}>
        {(error as Error).message}
      </Empty>
    );
  }
  if (!found) return <Spinner label="Reading both runs…" />;
  const differing = found.differing ?? found.tasks.filter(differs).length;
  const other = (found.outputs ?? []).filter((output) => !output.same).length;
  return (
    <>
      <Totals totals={found.totals} />
      <Tabs
        label="What differs"
        chosen={show}
        onChoose={(id) => setQuery({ show: id === "tasks" ? null : id })}
        tabs={[
          { id: "tasks", label: "Tasks", count: differing },
          { id: "graph", label: "Graphs" },
          { id: "timing", label: "Time" },
          { id: "outputs", label: "Outputs", count: other },
        ]}
        panel="shown"
      >
        {show === "graph" ? (
          <Graphs found={found} />
        ) : show === "timing" ? (
          <Timing found={found} />
        ) : show === "outputs" ? (
          <Outputs found={found} />
        ) : (
          <Tasks found={found} />
        )}
      </Tabs>
    </>
  );
}

function Totals({ totals }: { totals: readonly Spread[] }) {
  const columns: Column<Spread>[] = [
    { id: "name", head: "", cell: ({ name }) => name },
    { id: "a", head: "First run", cell: ({ mean, unit }) => figure(mean, unit), figure: true },
    { id: "b", head: "Second run", cell: ({ actual, unit }) => figure(actual, unit), figure: true },
    { id: "change", head: "Change", cell: ({ mean, actual }) => against(mean, actual), figure: true },
  ];
  return (
    <section class="totals-of-two">
      <Table label="Totals" columns={columns} rows={totals} keyOf={({ name }) => name} />
    </section>
  );
}

function Graphs({ found }: { found: Comparison }) {
  const sides = useMemo(() => [drawn(found, "a"), drawn(found, "b")] as const, [found]);
  const [first, second] = sides;
  if (!first || !second) return <Empty title="The graphs are too large to stand beside each other">The list of tasks has all that differs.</Empty>;
  return (
    <TwoGraphs
      sides={[
        { title: found.a, ...first },
        { title: found.b, ...second },
      ]}
    />
  );
}
