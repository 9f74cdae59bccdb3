// The tasks of two runs beside each other; a press on one shows what differs in it.

import { useMemo, useState } from "preact/hooks";
import type { Comparison, TaskPair } from "../api/types";
import { Mark } from "../parts/Badge";
import { Check, TextInput } from "../parts/Field";
import { classes } from "../parts/classes";
import { Empty } from "../parts/Empty";
import { money, plural } from "../parts/format";
import { LongList } from "../parts/LongList";
import { look } from "../parts/states";
import { hrefOfRun } from "../router";
import { DiffLines } from "../weigh/DiffLines";
import { against, figure } from "../weigh/figures";
import { chosen } from "./pairs";

const ROW_PX = 36;
const MOST_PX = 540;

export function Tasks({ found }: { found: Comparison }) {
  const [only, setOnly] = useState(true);
  const [text, setText] = useState("");
  const [open, setOpen] = useState("");
  const pairs = useMemo(() => chosen(found.tasks, only, text), [found, only, text]);
  const shown = pairs.find((pair) => pair.task === open);
  return (
    <>
      <div class="filters">
        <TextInput aria-label="Find a task" placeholder="Find a task" value={text} onValue={setText} />
        <Check checked={only} onChecked={setOnly} label="Only what differs" />
        <span class="hint" role="status">
          {`${plural(pairs.length, "task")} of ${found.total.toLocaleString("en")}`}
          {found.total > found.tasks.length && `; only the first ${found.tasks.length.toLocaleString("en")} are here`}
        </span>
      </div>
      {pairs.length === 0 ? (
        <Empty title={only ? "No task differs" : "No such task"}>
          {only && !text && "The two runs have the same tasks, which ended alike and returned the same."}
        </Empty>
      ) : (
        <div class={classes("tasks-and-one", shown && "open")}>
          <LongList key={`${only} ${text}`} rows={pairs} height={ROW_PX} most={MOST_PX} label="Tasks of the two runs" keyOf={({ task }) => task}>
            {(pair) => <Line pair={pair} open={pair.task === open} onOpen={() => setOpen(pair.task === open ? "" : pair.task)} />}
          </LongList>
          {shown && <One pair={shown} found={found} />}
        </div>
      )}
    </>
  );
}

function Line({ pair, open, onOpen }: { pair: TaskPair; open: boolean; onOpen: () => void }) {
  return (
    <button type="button" class={classes("pair", open && "open")} aria-expanded={open} onClick={onOpen}>
      <span class={classes("change", pair.change)}>{pair.change === "same" ? "" : pair.change}</span>
      <span class="name">{pair.task}</span>
      <span class="states">
        <States pair={pair} />
      </span>
      <span class="output">{pair.output === "differs" ? "other result" : ""}</span>
    </button>
  );
}

function States({ pair: { state_a: a = "", state_b: b = "" } }: { pair: TaskPair }) {
  const words = [a, b].map((state) => (state ? look(state).word : "not there"));
  return (
    <span title={a === b ? words[0] : words.join(" → ")}>
      {a ? <Mark state={a} /> : <span aria-hidden="true">·</span>}
      {a !== b && (
        <>
          <span aria-hidden="true"> → </span>
          {b ? <Mark state={b} /> : <span aria-hidden="true">·</span>}
        </>
      )}
      <span class="unseen">{a === b ? words[0] : words.join(", then ")}</span>
    </span>
  );
}

/** What differs in one task. */
function One({ pair, found }: { pair: TaskPair; found: Comparison }) {
  const lines = pair.definition ?? [];
  const facts: [string, string, string, string][] = [
    ["State", pair.state_a ? look(pair.state_a).word : "–", pair.state_b ? look(pair.state_b).word : "–", ""],
    ["Took", figure(pair.seconds_a, "s"), figure(pair.seconds_b, "s"), against(pair.seconds_a, pair.seconds_b)],
  ];
  if (pair.money_a || pair.money_b) facts.push(["Money", money(pair.money_a ?? 0), money(pair.money_b ?? 0), against(pair.money_a, pair.money_b)]);
  return (
    <section class="one-pair" aria-label={`What differs in ${pair.task}`}>
      <h3>{pair.task}</h3>
      <table class="table">
        <thead>
          <tr>
            <th scope="col" />
            <th scope="col">
              <a href={hrefOfRun(found.a, "", { task: pair.task })}>first run</a>
            </th>
            <th scope="col">
              <a href={hrefOfRun(found.b, "", { task: pair.task })}>second run</a>
            </th>
            <th scope="col" />
          </tr>
        </thead>
        <tbody>
          {facts.map(([name, a, b, change]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{a}</td>
              <td>{b}</td>
              <td>{change}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {pair.output && <p>{pair.output === "same" ? "It returned the same." : "It returned something else."}</p>}
      {lines.length > 0 ? (
        <DiffLines lines={lines} label="Difference of the definitions" />
      ) : (
        <p class="hint">{pair.change === "same" ? "Its definition is the same." : `It was ${pair.change} in the second run.`}</p>
      )}
    </section>
  );
}
