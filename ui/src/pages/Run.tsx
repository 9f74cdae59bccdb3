// A run: its header, what wants attention, and tabs that show it; beside them the task that is selected.

import { useEffect, useMemo, useState } from "preact/hooks";
import * as calls from "../api/calls";
import { RunActions, type Open } from "../act/RunActions";
import { lazy } from "../lazy";
import { LinkButton } from "../parts/Button";
import { Empty } from "../parts/Empty";
import { useKeys } from "../parts/keys";
import { Spinner } from "../parts/Spinner";
import { Tabs } from "../parts/Tabs";
import { go, hrefOf, hrefOfRun, setQuery, type Route } from "../router";
import { RunClock } from "../state/elapsed";
import { useTitle } from "../state/title";
import { useRun } from "../state/useRun";
import { Travel } from "../time/travel";
import { Banners } from "./run/Banners";
import { GraphTab } from "./run/GraphTab";
import { RunHeader } from "./run/RunHeader";
import { Split } from "./run/Split";
import "./run/run.css";

// What is not shown at first comes when it is.
const EventList = lazy(async () => ({ default: (await import("../events/EventList")).EventList }));
const Gantt = lazy(async () => ({ default: (await import("../time/Gantt")).Gantt }));
const OutputsView = lazy(async () => ({ default: (await import("./run/OutputsView")).OutputsView }));
const SpendingView = lazy(async () => ({ default: (await import("../spending/SpendingView")).SpendingView }));
const TaskPanel = lazy(async () => ({ default: (await import("../panel/TaskPanel")).TaskPanel }));

const TABS = [
  { id: "graph", label: "Graph" },
  { id: "timeline", label: "Timeline" },
  { id: "events", label: "Events" },
  { id: "outputs", label: "Outputs" },
  { id: "spending", label: "Spending" },
] as const;

export default function Run({ route }: { route: Route }) {
  const { run, query } = route;
  const tab = TABS.some(({ id }) => id === route.tab) ? route.tab : "graph";
  const selected = query.task || null;
  const store = useRun(run);
  const clock = useMemo(() => new RunClock(), [store]);
  const travel = useMemo(() => new Travel(store, () => calls.past(run)), [store]);
  const [open, setOpen] = useState<Open>(null);
  const head = store.head.value;
  if (head) clock.hear(head);
  useTitle(head ? `${run}: ${head.state}` : run);
  useEffect(() => () => travel.pause(), [travel]);

  const select = (task: string | null) => {
    if (task !== selected) setQuery({ task }, { keep: true });
  };
  const choose = (id: string) => go(hrefOfRun(run, id === "graph" ? "" : id, query));
  useKeys("Run", [
    ...TABS.map(({ id, label }, i) => ({ press: String(i + 1), does: `Show ${label.toLowerCase()}`, run: () => choose(id) })),
    { press: "f", does: "Show what failed first", run: () => head?.failed?.[0] && select(head.failed[0]) },
    { press: "Escape", does: "Close the task", run: () => select(null) },
  ]);

  if (store.connection.value === "refused" && !head) {
    return (
      <Empty title="This run cannot be shown" action={<LinkButton href={hrefOf("runs")}>See the runs</LinkButton>}>
        {store.refusal}
      </Empty>
    );
  }
  if (!head) return <Spinner label={store.connection.value === "lost" ? "Waiting for the server" : "Reading the run"} />;
  const answer = (task: string) => setOpen({ kind: "answer", task });
  return (
    <div class="run-page">
      <RunHeader
        head={head}
        clock={clock}
        connection={store.connection.value}
        actions={<RunActions store={store} head={head} selected={selected} open={open} onOpen={setOpen} />}
      />
      <Banners store={store} head={head} onSelect={select} onAnswer={answer} />
      <Split
        label="Task"
        side={
          selected && (
            <TaskPanel
              key={selected}
              store={store}
              clock={clock}
              task={selected}
              onSelect={select}
              onClose={() => select(null)}
              onAnswer={answer}
              onEdit={(task) => setOpen({ kind: "edit", task })}
            />
          )
        }
      >
        <Tabs tabs={TABS} chosen={tab} onChoose={choose} label="Views of the run" panel={`run-view ${tab}`}>
          {tab === "graph" && <GraphTab travel={travel} at={query.at ?? ""} selected={selected} onSelect={select} />}
          {tab === "timeline" && <Gantt store={store} clock={clock} selected={selected} onSelect={select} />}
          {tab === "events" && <EventList store={store} selected={selected} onSelect={select} />}
          {tab === "outputs" && <OutputsView store={store} onSelect={select} />}
          {tab === "spending" && <SpendingView store={store} onSelect={select} />}
        </Tabs>
      </Split>
    </div>
  );
}
