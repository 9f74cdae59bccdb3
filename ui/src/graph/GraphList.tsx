// A graph as the list of its tasks in the order in which they came: the same for who cannot see the drawing.

import { useMemo } from "preact/hooks";
import { Mark } from "../parts/Badge";
import { classes } from "../parts/classes";
import { LongList } from "../parts/LongList";
import { look } from "../parts/states";
import type { GraphSource } from "./source";
import { afterWhat } from "./told";

interface Props {
  store: GraphSource;
  /** Counts the changes of the source. */
  version: number;
  selected: string | null;
  onSelect: (task: string | null) => void;
  marks: ReadonlyMap<string, string>;
  /** Only these; null for all. */
  found: ReadonlySet<string> | null;
  /** How high it may be, in pixels. */
  most: number;
}

const ROW_PX = 28;

export function GraphList({ store, version, selected, onSelect, marks, found, most }: Props) {
  const rows = useMemo(() => [...store.rows.values()].filter(({ id }) => found?.has(id) ?? true), [store, version, found]);
  return (
    <LongList rows={rows} height={ROW_PX} most={most} label="Tasks" keyOf={({ id }) => id}>
      {(row) => (
        <button
          type="button"
          class={classes("task-line", row.id === selected && "chosen")}
          aria-pressed={row.id === selected}
          onClick={() => onSelect(row.id === selected ? null : row.id)}
        >
          <Mark state={row.state} />
          <span>{row.id}</span>
          <span class="quiet-text">
            {look(row.state).word}
            {afterWhat(row)}
          </span>
          {marks.has(row.id) && <span class={classes("change", marks.get(row.id))}>{marks.get(row.id)}</span>}
        </button>
      )}
    </LongList>
  );
}
