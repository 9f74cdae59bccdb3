// Where time and money of a run went: totals, a chart over time, and shares by what one asks for.

import { useMemo, useRef, useState } from "preact/hooks";
import * as calls from "../api/calls";
import type { Share, Spending, Timeline } from "../api/types";
import { lazy } from "../lazy";
import { Choice } from "../parts/Choice";
import { Empty } from "../parts/Empty";
import { count, money, percent, plural, span, tokens } from "../parts/format";
import { descending, SortHead, sorted, type Sort } from "../parts/Sort";
import { Spinner } from "../parts/Spinner";
import { Table, type Column } from "../parts/Table";
import { usePolled } from "../state/polled";
import type { RunStore } from "../state/run";
import type { Line } from "./Chart";
import { curves, thinned } from "./curves";
import "../parts/field.css";
import "./spending.css";

const Chart = lazy(() => import("./Chart"));

type By = "by_op" | "by_model" | "by_device" | "by_task";
type Measure = "seconds" | "waited_s" | "money" | "tokens";

const BY: readonly { id: By; label: string; one: string }[] = [
  { id: "by_op", label: "Operation", one: "operation" },
  { id: "by_model", label: "Model", one: "model" },
  { id: "by_device", label: "Device", one: "device" },
  { id: "by_task", label: "Task", one: "task" },
];
const MEASURES: readonly { id: Measure; label: string; say: (value: number) => string }[] = [
  { id: "waited_s", label: "Waited for", say: span },
  { id: "seconds", label: "Busy", say: span },
  { id: "money", label: "Money", say: money },
  { id: "tokens", label: "Tokens", say: tokens },
];
const LIVE_MS = 3000;
const LIVE_BIG_MS = 15_000;
const BIG = 2000;
const MOST_STEPS = 300;

interface Props {
  store: RunStore;
  onSelect: (task: string) => void;
}

export function SpendingView({ store, onSelect }: Props) {
  const live = store.head.value?.live ?? false;
  // A new run, and one that has ended meanwhile, are asked anew: how often is settled at the start.
  return <Spent key={`${store.run} ${live}`} store={store} live={live} onSelect={onSelect} />;
}

async function ask(run: string, signal: AbortSignal): Promise<{ spending: Spending; timeline: Timeline }> {
  const [spending, timeline] = await Promise.all([calls.spending(run, signal), calls.timeline(run, signal)]);
  return { spending, timeline };
}

function Spent({ store, live, onSelect }: Props & { live: boolean }) {
  const every = !live ? 0 : store.rows.size > BIG ? LIVE_BIG_MS : LIVE_MS;
  const asked = usePolled((signal) => ask(store.run, signal), store.run, every);
  const { value } = asked.value;
  const latest = useRef(onSelect);
  latest.current = onSelect;
  // Drawn as often as there is an answer, not as often as the run changes.
  const shown = useMemo(
    () =>
      value && (
        <div class="spending">
          <Totals spending={value.spending} />
          <OverTime store={store} timeline={value.timeline} />
          <Shares spending={value.spending} onSelect={(task) => latest.current(task)} />
        </div>
      ),
    [value, store],
  );
  if (!shown) {
    const { value: error } = asked.error;
    return error ? <Empty title="This cannot be shown">{String((error as Error).message)}</Empty> : <Spinner label="Adding up…" />;
  }
  return shown;
}

function Totals({ spending }: { spending: Spending }) {
  const duration = spending.duration_s ?? 0;
  const facts: [string, string, string][] = [
    ["Took", span(duration), "from the first event to the last"],
    ["Busy", span(spending.seconds), "all attempts together; they overlap"],
    ["At once", duration > 0 ? (spending.seconds / duration).toFixed(1) : "–", "attempts that ran at a time, on average"],
    ["Queued", span(spending.queued_s ?? 0), "between ready and begun, all tasks together"],
    ["Money", money(spending.money ?? 0), ""],
    ["Tokens", tokens(spending.tokens ?? 0), ""],
  ];
  return (
    <dl class="totals">
      {facts.map(([name, value, hint]) => (
        <div key={name} title={hint || undefined}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function OverTime({ store, timeline }: { store: RunStore; timeline: Timeline }) {
  const head = store.head.peek();
  const start = head?.started_at ?? 0;
  const end = head?.now ?? start;
  const found = useMemo(() => curves(timeline.attempts, start, end), [timeline, start, end]);
  if (timeline.attempts.length === 0) return null;
  const thin = thinned(found, MOST_STEPS);
  const lines: Line[] = [
    { label: thin === found ? "running" : "running on average", values: thin.running, colour: "--running", say: few, filled: true },
  ];
  const spent = found.money.at(-1)!;
  if (spent > 0) lines.push({ label: "money", values: thin.money, colour: "--asking", say: money });
  const most = found.running.reduce((high, value) => Math.max(high, value), 0);
  const words = `Over ${span(end - start)}, ${plural(most, "attempt")} at once at the most${spent > 0 ? `, ${money(spent)} in the end` : ""}`;
  return (
    <section aria-label="Over time">
      <h2>Over time</h2>
      <Chart seconds={thin.seconds} lines={lines} label={words} />
    </section>
  );
}

/** A count that may be an average. */
function few(value: number): string {
  return Number.isInteger(value) || value >= 100 ? count(value) : value.toFixed(1);
}

function Shares({ spending, onSelect }: { spending: Spending; onSelect: (task: string) => void }) {
  const [by, setBy] = useState<By>("by_op");
  const [measure, setMeasure] = useState<Measure>("waited_s");
  const [sort, setSort] = useState<Sort>(descending("waited_s"));
  const shares = spending[by] ?? [];
  const asked = MEASURES.find(({ id }) => id === measure)!;
  const total = shares.reduce((sum, share) => sum + (share[measure] ?? 0), 0);
  const most = shares.reduce((high, share) => Math.max(high, share[measure] ?? 0), 0);
  const figure = (id: keyof Share & string, label: string, say: (value: number) => string): Column<Share> => ({
    id,
    head: <SortHead id={id} label={label} sort={sort} onSort={setSort} />,
    cell: (share) => say((share[id] as number | undefined) ?? 0),
    figure: true,
  });
  const columns: Column<Share>[] = [
    {
      id: "name",
      head: <SortHead id="name" label={BY.find(({ id }) => id === by)!.label} sort={sort} onSort={setSort} />,
      cell: (share) =>
        by === "by_task" && !share.name.startsWith("(") ? (
          <button type="button" class="as-link" onClick={() => onSelect(share.name)}>
            {share.name}
          </button>
        ) : (
          <Name of={share.name} />
        ),
    },
    {
      id: "bar",
      head: `${asked.label}: share`,
      cell: (share) => {
        const value = share[measure] ?? 0;
        return (
          <div class="share">
            {value > 0 && <div class="bar" style={{ width: `${(value / most) * 100}%` }} />}
            <span>{total > 0 ? percent(value / total) : ""}</span>
          </div>
        );
      },
    },
    ...MEASURES.map(({ id, label, say }) => figure(id, label, say)),
    figure("queued_s", "Queued", span),
    ...(by === "by_task" ? [] : [figure("tasks", "Tasks", count)]),
    figure("attempts", "Attempts", count),
  ];
  return (
    <section aria-label="Where it went">
      <div class="bar-of-choices">
        <h2>Where it went</h2>
        <Choice label="By" options={BY} chosen={by} onChoose={setBy} />
        <Choice
          label="Measure"
          options={MEASURES}
          chosen={measure}
          onChoose={(id) => {
            setMeasure(id);
            setSort(descending(id));
          }}
        />
      </div>
      <p class="hint">
        {measure === "waited_s"
          ? "What the run waited for: its critical path, which adds up to how long it took. Making anything else faster does not help."
          : measure === "seconds"
            ? "How long attempts ran. They overlap, so that they add up to more than the run took."
            : `What attempts consumed, those that failed as well.`}
      </p>
      {shares.length === 0 ? (
        <Empty title="Nothing yet">No attempt has ended.</Empty>
      ) : (
        <Table
          label={`Shares by ${BY.find(({ id }) => id === by)!.one}`}
          columns={columns}
          rows={sorted(shares, sort)}
          keyOf={(share) => share.name}
        />
      )}
    </section>
  );
}

/** A name; of a function of a module the function first, since the module is the same for most of them. */
function Name({ of }: { of: string }) {
  const at = of.startsWith("py:") ? of.lastIndexOf(":") : -1;
  if (at <= 2) return <>{of}</>;
  return (
    <>
      {of.slice(at + 1)}
      <div class="hint">{of.slice(3, at)}</div>
    </>
  );
}
