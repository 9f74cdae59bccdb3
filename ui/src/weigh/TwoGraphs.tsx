// Graphs beside each other: what differs is marked, and a task chosen in one is chosen in all.

import { useMemo, useState } from "preact/hooks";
import type { TaskRow } from "../api/types";
import { fixed } from "../graph/source";
import { GraphView } from "../graph/GraphView";
import { classes } from "../parts/classes";
import { plural } from "../parts/format";
import type { Change } from "./difference";

interface Side {
  title: string;
  tasks: readonly TaskRow[];
  marks: ReadonlyMap<string, Change>;
}

export function TwoGraphs({ sides, onSelect }: { sides: readonly Side[]; onSelect?: (task: string | null) => void }) {
  const [selected, setSelected] = useState<string | null>(null);
  const select = (task: string | null) => {
    setSelected(task);
    onSelect?.(task);
  };
  return (
    <div class={classes("two-graphs", sides.length === 1 && "alone")}>
      {sides.map((side) => (
        <Graph key={side.title} side={side} selected={selected} onSelect={select} />
      ))}
      {sides.some((side) => side.marks.size > 0) && <Legend />}
    </div>
  );
}

function Legend() {
  return (
    <p class="legend">
      {(["added", "changed", "removed"] as const).map((change) => (
        <span key={change} class={change}>
          {change}
        </span>
      ))}
    </p>
  );
}

function Graph({ side, selected, onSelect }: { side: Side; selected: string | null; onSelect: (task: string | null) => void }) {
  const { title, tasks, marks } = side;
  const source = useMemo(() => fixed(tasks), [tasks]);
  return (
    <figure>
      <figcaption>
        <strong>{title}</strong> {plural(tasks.length, "task")}
        {marks.size > 0 && `, ${marks.size} of them differ`}
      </figcaption>
      <div class="graph-place">
        <GraphView store={source} selected={selected} onSelect={onSelect} marks={marks} name={title} />
      </div>
    </figure>
  );
}
