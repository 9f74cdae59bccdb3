import type { RunLine } from "../../api/types";
import { Badge } from "../../parts/Badge";
import { classes } from "../../parts/classes";
import { count, money, span, tokens } from "../../parts/format";
import { Meter } from "../../parts/Meter";
import { hasEnded, look } from "../../parts/states";
import { Ago } from "../../parts/Time";
import { hrefOfRun } from "../../router";
import { now } from "../../state/clock";

interface Props {
  runs: readonly RunLine[];
  chosen: readonly string[];
  onToggle: (run: string) => void;
}

// The roles are written out since a narrow screen shows rows as blocks, and some browsers forget then that it is a table.
export function RunTable({ runs, chosen, onToggle }: Props) {
  return (
    <table class="runtable" role="table" aria-label="Runs, the newest first">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col" class="pick">
            <span class="unseen">Chosen</span>
          </th>
          <th role="columnheader" scope="col" class="state">
            State
          </th>
          <th role="columnheader" scope="col" class="run">
            Run
          </th>
          <th role="columnheader" scope="col" class="started">
            Started
          </th>
          <th role="columnheader" scope="col" class="took figure">
            Took
          </th>
          <th role="columnheader" scope="col" class="tasks">
            Tasks
          </th>
          <th role="columnheader" scope="col" class="money figure">
            Money
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {runs.map((line) => (
          <Row key={line.run} line={line} chosen={chosen.includes(line.run)} onToggle={onToggle} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ line, chosen, onToggle }: { line: RunLine; chosen: boolean; onToggle: (run: string) => void }) {
  return (
    <tr role="row" class={classes(chosen && "chosen")}>
      <td role="cell" class="pick">
        <input type="checkbox" aria-label={`Choose ${line.run}`} checked={chosen} onChange={() => onToggle(line.run)} />
      </td>
      <td role="cell" class="state">
        <Badge state={line.state} />
      </td>
      <td role="cell" class="run">
        <a href={hrefOfRun(line.run)} data-run={line.run}>
          {line.run}
        </a>
        {line.target && (
          <div class="target" title={line.target}>
            {line.target}
          </div>
        )}
      </td>
      <td role="cell" class="started">
        <Ago at={line.created_at} />
      </td>
      <td role="cell" class="took figure">
        <Took line={line} />
      </td>
      <td role="cell" class="tasks">
        <Tasks line={line} />
      </td>
      <td role="cell" class="money figure" title={line.tokens ? `${tokens(line.tokens)} tokens` : undefined}>
        {line.money ? money(line.money) : ""}
      </td>
    </tr>
  );
}

function Took({ line }: { line: RunLine }) {
  const until = line.state === "running" ? Math.max(now.value, line.updated_at) : line.updated_at;
  const seconds = until - line.created_at;
  return <>{span(line.state === "running" ? Math.floor(seconds) : seconds)}</>;
}

function Tasks({ line }: { line: RunLine }) {
  const { tasks, done, failed } = line;
  if (tasks === null || tasks === undefined) return null;
  const share = tasks ? (done ?? 0) / tasks : 0;
  const said = `${count(done ?? 0)} of ${count(tasks)} tasks done${failed ? `, ${count(failed)} failed` : ""}`;
  return (
    <div class="progress" title={said}>
      <Meter share={share} label={said} small colour={hasEnded(line.state) ? look(line.state).colour : "--running"} />
      <span class="figure" aria-hidden="true">
        {count(done ?? 0)}/{count(tasks)}
        {failed ? <span class="failed"> · {count(failed)} failed</span> : null}
      </span>
    </div>
  );
}
