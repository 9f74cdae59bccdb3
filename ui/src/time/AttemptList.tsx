// The timeline as a list: the same attempts for whoever reads rather than looks.

import { useMemo, useState } from "preact/hooks";
import { Mark } from "../parts/Badge";
import { classes } from "../parts/classes";
import { count, span } from "../parts/format";
import { SortHead, sorted, type Sort } from "../parts/Sort";
import { Button } from "../parts/Button";
import type { RunClock } from "../state/elapsed";
import type { Attempts, Bar } from "./attempts";
import { stateOf } from "./outcome";

interface Props {
  attempts: Attempts;
  /** Of the attempts; another one has others. */
  version: number;
  clock: RunClock;
  selected: string | null;
  onSelect: (task: string) => void;
}

interface Line extends Bar {
  waited: number;
  took: number;
}

const STEP = 200;
const COLUMNS: readonly { id: keyof Line & string; label: string; figure?: boolean }[] = [
  { id: "task", label: "Task" },
  { id: "number", label: "Attempt", figure: true },
  { id: "outcome", label: "Outcome" },
  { id: "where", label: "On" },
  { id: "queued", label: "Queued at", figure: true },
  { id: "waited", label: "Waited", figure: true },
  { id: "took", label: "Took", figure: true },
];

export function AttemptList({ attempts, version, clock, selected, onSelect }: Props) {
  const [sort, setSort] = useState<Sort>({ by: "queued", rising: true });
  const [most, setMost] = useState(STEP);
  const lines = useMemo(() => sorted(linesOf(attempts, clock.seconds()), sort), [attempts, version, sort]);
  const words: Record<string, (line: Line) => string> = {
    queued: ({ queued }) => span(Math.max(0, queued)),
    waited: ({ waited }) => span(waited),
    took: (line) => (line.began === Infinity ? "–" : span(line.took)),
  };
  return (
    <div class="attempt-list">
      <table class="table" aria-label="Attempts">
        <thead>
          <tr>
            {COLUMNS.map(({ id, label, figure }) => (
              <th key={id} scope="col" class={classes(figure && "figure")}>
                <SortHead id={id} label={label} sort={sort} onSort={setSort} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.slice(0, most).map((line) => (
            <tr key={`${line.number} ${line.task}`} class={classes("choosable", line.task === selected && "chosen")} onClick={() => onSelect(line.task)}>
              {COLUMNS.map(({ id, figure }) => (
                <td key={id} class={classes(figure && "figure")}>
                  {id === "task" ? (
                    <button type="button" class="as-link" onClick={() => onSelect(line.task)}>
                      {line.task}
                    </button>
                  ) : id === "outcome" ? (
                    <>
                      <Mark state={stateOf(line.outcome)} /> {line.outcome}
                    </>
                  ) : (
                    (words[id]?.(line) ?? String(line[id]))
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {most < lines.length && (
        <p class="foot">
          {count(most)} of {count(lines.length)}{" "}
          <Button small onClick={() => setMost(most + STEP)}>
            Show more
          </Button>
        </p>
      )}
    </div>
  );
}

function linesOf(attempts: Attempts, now: number): Line[] {
  return [...attempts.byTask.values()].flat().map((bar) => {
    const began = Math.min(bar.began, now);
    return { ...bar, waited: Math.max(0, began - bar.queued), took: Math.max(0, Math.min(bar.ended, now) - began) };
  });
}
