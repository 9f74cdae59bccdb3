// What a workflow or a run would take, what passes make of it, and how far the estimates were off.

import { useMemo, useState } from "preact/hooks";
import * as calls from "../api/calls";
import type { Explained, PassDone } from "../api/types";
import { Button } from "../parts/Button";
import { Empty } from "../parts/Empty";
import { Field } from "../parts/Field";
import { Spinner } from "../parts/Spinner";
import { Suggest } from "../parts/Suggest";
import { go, hrefOf, hrefOfRun, type Route } from "../router";
import { usePolled } from "../state/polled";
import { useTitle } from "../state/title";
import { difference } from "../weigh/difference";
import { Errors, Totals } from "../weigh/Estimates";
import { Passes } from "../weigh/Passes";
import { TwoGraphs } from "../weigh/TwoGraphs";
import "../weigh/weigh.css";

const RECENT = 12;

export default function Explain({ route }: { route: Route }) {
  const { target = "", run = "" } = route.query;
  useTitle(`Explain ${run || target}`.trim());
  if (!target && !run) return <Chooser />;
  return <Explanation key={`${run} ${target}`} target={target} run={run} />;
}

function Explanation({ target, run }: { target: string; run: string }) {
  const asked = usePolled((signal) => (run ? calls.explainRun(run, signal) : calls.explain(target, signal)), "", 0);
  const { value: found } = asked.value;
  const { value: error } = asked.error;
  if (error && !found) {
    return (
      <Empty title="This cannot be explained" action={<Button onClick={asked.refresh}>Ask again</Button>}>
        {(error as Error).message}
      </Empty>
    );
  }
  if (!found) return <Spinner label="Working out what it would take…" />;
  return (
    <div class="page weigh">
      <div class="top">
        <h1>{run ? "What the run was expected to take" : "What it would take"}</h1>
      </div>
      <p class="target">
        {run && (
          <>
            <a href={hrefOfRun(run)}>{run}</a>{" of "}
          </>
        )}
        <code>{found.target || target}</code>
      </p>
      {found.problem && <p class="notice">{found.problem}</p>}
      <section>
        <h2>Estimate</h2>
        <Totals found={found} />
      </section>
      <section>
        <h2>What the passes did</h2>
        <Passes passes={found.passes} />
      </section>
      <section>
        <h2>The graph before and after</h2>
        <Graphs found={found} />
      </section>
      {run && (found.tasks?.length ?? 0) > 0 && <Errors found={found} run={run} />}
    </div>
  );
}

function Graphs({ found }: { found: Explained }) {
  const marks = useMemo(() => difference(found.before.tasks, found.after.tasks), [found]);
  if (marks.before.size + marks.after.size === 0) {
    return (
      <>
        <p class="hint">{untouched(found.passes)}</p>
        <TwoGraphs sides={[{ title: "As written, and as it runs", tasks: found.before.tasks, marks: marks.before }]} />
      </>
    );
  }
  return (
    <TwoGraphs
      sides={[
        { title: "As written", tasks: found.before.tasks, marks: marks.before },
        { title: "Rewritten", tasks: found.after.tasks, marks: marks.after },
      ]}
    />
  );
}

function untouched(passes: readonly PassDone[]): string {
  return passes.length === 0 ? "No pass ran." : "The passes found nothing to change.";
}

/** Asks what is to be explained. */
function Chooser() {
  const workflows = usePolled((signal) => calls.workflows(signal), "", 0);
  const runs = usePolled((signal) => calls.listRuns({ most: RECENT }, signal), "", 0);
  const [target, setTarget] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (target.trim()) go(hrefOf("explain", { target: target.trim() }));
  };
  const options = (workflows.value.value?.workflows ?? []).map(({ target, name }) => ({ value: target, label: name }));
  const recent = runs.value.value?.runs ?? [];
  return (
    <div class="page weigh">
      <div class="top">
        <h1>Explain</h1>
      </div>
      <p>What a workflow would take before it runs, what the passes would make of it, and of a run, how far that was off.</p>
      <form class="ask" onSubmit={submit}>
        <Field label="Workflow" hint="A file below the folder, or module:flow that a run was started from.">
          {(tied) => <Suggest tied={tied} value={target} options={options} onValue={setTarget} />}
        </Field>
        <Button kind="main" type="submit" disabled={!target.trim()}>
          Explain
        </Button>
      </form>
      {recent.length > 0 && (
        <section>
          <h2>Or a run</h2>
          <ul class="plain-list">
            {recent.map(({ run, target: of }) => (
              <li key={run}>
                <a href={hrefOf("explain", { run })}>{run}</a> <span class="hint">{of}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}
