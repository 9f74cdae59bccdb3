// Start a run: a workflow with its inputs, or a request in plain words.

import { workflows } from "../api/calls";
import type { Workflows } from "../api/types";
import { Empty } from "../parts/Empty";
import { Spinner } from "../parts/Spinner";
import { Tabs } from "../parts/Tabs";
import { setQuery, type Route } from "../router";
import { usePolled } from "../state/polled";
import { useTitle } from "../state/title";
import { Sentence } from "./start/Sentence";
import { WorkflowForm } from "./start/WorkflowForm";
import { WorkflowList } from "./start/WorkflowList";
import "./start/start.css";

const TABS = [
  { id: "workflow", label: "A workflow" },
  { id: "words", label: "In plain words" },
] as const;

export default function Start({ route }: { route: Route }) {
  useTitle("Start");
  const { value, error } = usePolled(workflows, "", 0);
  const found = value.value;
  return (
    <div class="page start">
      <div class="top">
        <h1>Start a run</h1>
      </div>
      <Tabs
        tabs={TABS}
        chosen={route.query.by === "words" ? "words" : "workflow"}
        onChoose={(by) => setQuery({ by: by === "words" ? by : null })}
        label="What to start"
      >
        {found ? (
          route.query.by === "words" ? (
            <Sentence planners={found.planners ?? []} />
          ) : (
            <OfWorkflow found={found} target={route.query.target ?? ""} />
          )
        ) : error.value ? (
          <Empty title="The workflows cannot be shown">
            {error.value instanceof Error ? error.value.message : String(error.value)}
          </Empty>
        ) : (
          <Spinner label="Looking for workflows" />
        )}
      </Tabs>
    </div>
  );
}

function OfWorkflow({ found, target }: { found: Workflows; target: string }) {
  return (
    <div class="columns">
      <WorkflowList found={found} target={target} onChoose={(next) => setQuery({ target: next })} />
      <div class="chosen">
        {target ? (
          <WorkflowForm key={target} target={target} />
        ) : (
          <p class="quiet-text">Choose a workflow; a form for its inputs comes here.</p>
        )}
      </div>
    </div>
  );
}
