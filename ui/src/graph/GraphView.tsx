// A graph as the list of its tasks in the order of addition: what stands here until it is drawn.

import { useEffect, useMemo, useState } from "preact/hooks";
import { Mark } from "../parts/Badge";
import { classes } from "../parts/classes";
import { LongList } from "../parts/LongList";
import type { GraphSource } from "./source";
import "./graphview.css";

interface Props {
  store: GraphSource;
  selected: string | null;
  onSelect: (task: string | null) => void;
  /** What is said of single tasks: "added", "removed" or "changed". */
  marks?: ReadonlyMap<string, string>;
}

const ROW_PX = 28;
const MOST_PX = 400;

export function GraphView({ store, selected, onSelect, marks }: Props) {
  const [version, setVersion] = useState(0);
  useEffect(() => store.listen(() => setVersion((before) => before + 1)), [store]);
  const rows = useMemo(() => [...store.rows.values()], [store, version]);
  return (
    <LongList rows={rows} height={ROW_PX} most={MOST_PX} label="Tasks" keyOf={({ id }) => id}>
      {(row) => (
        <button
          type="button"
          class={classes("task-line", row.id === selected && "chosen")}
          aria-pressed={row.id === selected}
          onClick={() => onSelect(row.id === selected ? null : row.id)}
        >
          <Mark state={row.state} />
          <span>{row.id}</span>
          <span class={classes("change", marks?.get(row.id))}>{marks?.get(row.id)}</span>
        </button>
      )}
    </LongList>
  );
}
