// Everything about the task that is selected, what one asks first on top: what is with it, what went wrong, what it delays.

import type { ComponentChildren } from "preact";
import { valueAddress } from "../api/calls";
import { embedded } from "../api/embedded";
import type { TaskPanel as Panel, TaskRow } from "../api/types";
import { isQuestion } from "../act/AnswerDialog";
import { Badge } from "../parts/Badge";
import { Button, IconButton } from "../parts/Button";
import { Empty } from "../parts/Empty";
import { money, plural, span, tokens } from "../parts/format";
import { Meter } from "../parts/Meter";
import { Spinner } from "../parts/Spinner";
import type { RunClock } from "../state/elapsed";
import type { RunStore } from "../state/run";
import { now } from "../state/clock";
import { copy } from "../values/copy";
import { ValueView } from "../values/ValueView";
import { AttemptTable } from "./AttemptTable";
import { FailureView } from "./FailureView";
import { Logs } from "./Logs";
import { TaskLinks } from "./TaskLinks";
import { usePanel } from "./usePanel";
import "./panel.css";

interface Props {
  store: RunStore;
  clock: RunClock;
  task: string;
  onSelect: (task: string) => void;
  onClose: () => void;
  onAnswer: (task: string) => void;
  onEdit: (task: string) => void;
}

export function TaskPanel({ store, clock, task, onSelect, onClose, onAnswer, onEdit }: Props) {
  const { value, problem } = usePanel(store, task);
  void store.version.value;
  const panel = value.value;
  const row = store.rows.get(task) ?? panel?.row;
  return (
    <div class="task-panel">
      <header>
        <h2 title={task}>{task}</h2>
        {row && <Badge state={row.state} />}
        <IconButton icon="close" label="Close the panel (Escape)" small onClick={onClose} />
      </header>
      <div class="panel-content">
        {problem.value && !panel && (
          <Empty title={row ? "This task cannot be shown" : "There is no such task"}>{problem.value}</Empty>
        )}
        {!panel && !problem.value && <Spinner label="Reading the task" />}
        {panel && row && (
          <>
            <About row={row} clock={clock} />
            <p class="story" aria-live="polite">
              {panel.story}
            </p>
            {!embedded && <Actions panel={panel} row={row} onAnswer={onAnswer} onEdit={onEdit} />}
            <Body store={store} panel={panel} onSelect={onSelect} />
          </>
        )}
      </div>
    </div>
  );
}

function About({ row, clock }: { row: TaskRow; clock: RunClock }) {
  const began = row.began_at;
  const isRunning = row.state === "running" || row.state === "stopping";
  if (isRunning) void now.value;
  const ended = row.ended_at ?? null;
  const started = clock.startedAt;
  const took = began === null || began === undefined ? null : isRunning ? clock.seconds() + started - began : ended === null ? null : ended - began;
  const facts = [
    row.op,
    row.model && `model ${row.model}`,
    row.where && `on ${row.where}`,
    took !== null && took >= 0 && (isRunning ? `running for ${span(took)}` : `took ${span(took)}`),
    (row.attempt ?? 0) > 1 && `attempt ${row.attempt}`,
    (row.tokens ?? 0) > 0 && `${tokens(row.tokens)} tokens`,
    (row.money ?? 0) > 0 && money(row.money),
  ].filter((fact) => fact !== false && fact !== "" && fact !== undefined);
  return (
    <>
      {row.label && row.label !== row.id && <p class="label">{row.label}</p>}
      <p class="facts">{facts.join(" · ")}</p>
      {isRunning && row.fraction !== undefined && row.fraction !== null && <Meter share={row.fraction} label="How far it is" small />}
      {isRunning && row.note && <p class="note">{row.note}</p>}
    </>
  );
}

function Actions({ panel, row, onAnswer, onEdit }: { panel: Panel; row: TaskRow; onAnswer: (task: string) => void; onEdit: (task: string) => void }) {
  const asks = row.state === "asking";
  if (!asks && !panel.editable) return null;
  return (
    <div class="actions">
      {asks && (
        <Button kind="main" icon="check" onClick={() => onAnswer(row.id)}>
          {isQuestion(row) ? "Answer" : "Say what became of it"}
        </Button>
      )}
      {panel.editable && (
        <Button icon="edit" onClick={() => onEdit(row.id)}>
          Change it
        </Button>
      )}
    </div>
  );
}

function Body({ store, panel, onSelect }: { store: RunStore; panel: Panel; onSelect: (task: string) => void }) {
  const { row, inputs = [], output, failure, detail = "", attempts = [], waits_for = [], delays = [], logs = [] } = panel;
  const ended = ["succeeded", "failed", "skipped", "cancelled"].includes(row.state);
  const whole = (kind: string, path?: string) =>
    kind === "none" || kind === "error" ? "" : valueAddress(store.run, { task: row.id, path });
  return (
    <>
      {failure && (
        <Section title="What went wrong">
          <FailureView failure={failure} detail={detail} />
        </Section>
      )}
      {delays.length > 0 && (
        <Section title={`${ended ? "It delayed" : "It delays"} ${plural(delays.length, "task")}${delays.length >= 1000 ? " or more" : ""}`}>
          <TaskLinks tasks={delays} store={store} onSelect={onSelect} />
        </Section>
      )}
      {waits_for.length > 0 && (
        <Section title={`It waits for ${plural(waits_for.length, "task")}${waits_for.length >= 100 ? " or more" : ""}`}>
          <TaskLinks tasks={waits_for} store={store} onSelect={onSelect} />
        </Section>
      )}
      {output && (row.state === "succeeded" || output.kind !== "none") && (
        <Section title="Output">
          <ValueView value={output} whole={whole(output.kind)} label={`output of ${row.id}`} />
        </Section>
      )}
      {inputs.length > 0 && (
        <Section title="Inputs">
          {inputs.map((input) => (
            <div key={input.name} class="input">
              <h4>
                {input.name}
                {input.sources?.length ? (
                  <span class="sources">
                    {" from "}
                    <TaskLinks tasks={input.sources} store={store} onSelect={onSelect} inline />
                  </span>
                ) : null}
              </h4>
              <ValueView value={input.value} label={`input ${input.name}`} whole="" />
            </div>
          ))}
        </Section>
      )}
      {attempts.length > 0 && (
        <Section title={attempts.length === 1 ? "Attempt" : `${attempts.length} attempts`}>
          <AttemptTable attempts={attempts} startedAt={store.head.peek()?.started_at ?? 0} />
        </Section>
      )}
      {logs.length > 0 && (
        <Section title="Log">
          <Logs logs={logs} follows={!ended} startedAt={store.head.peek()?.started_at ?? 0} />
        </Section>
      )}
      <Definition panel={panel} />
    </>
  );
}

function Definition({ panel }: { panel: Panel }) {
  const { definition = "", effects = "", children = 0, locked = "", row } = panel;
  if (!definition && !effects && !children && !locked) return null;
  return (
    <Section title="Definition">
      {definition && (
        <div class="definition">
          <pre tabIndex={0} aria-label={`Definition of ${row.id}`}>
            {definition}
          </pre>
          <IconButton icon="copy" small label="Copy the definition" onClick={() => void copy(definition)} />
        </div>
      )}
      {effects && <p class="hint">Effects: {effects}</p>}
      {children > 0 && <p class="hint">It has added {plural(children, "task")}.</p>}
      {locked && <p class="hint">It cannot be changed: {locked}</p>}
    </Section>
  );
}

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section>
      <h3>{title}</h3>
      {children}
    </section>
  );
}
