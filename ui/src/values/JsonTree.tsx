// JSON as a tree: arrows move and open, as a screen reader expects of one.

import { useMemo, useRef, useState } from "preact/hooks";
import { classes } from "../parts/classes";
import { count, plural } from "../parts/format";
import { openedAtFirst, rowsOf, toggled, type Row } from "./tree";

export function JsonTree({ value, label }: { value: unknown; label: string }) {
  const [opened, setOpened] = useState(() => openedAtFirst(value));
  const [at, setAt] = useState("$");
  const tree = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => rowsOf(value, opened), [value, opened]);
  const current = Math.max(0, rows.findIndex(({ path }) => path === at));
  const toggle = (row: Row) => setOpened(toggled(opened, row));
  const focus = (position: number) => {
    const row = rows[position];
    if (!row) return;
    setAt(row.path);
    tree.current?.querySelectorAll<HTMLElement>("[role=treeitem]")[position]?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    const row = rows[current]!;
    const to = moved(event.key, rows, current);
    if (to !== null) focus(to);
    else if (event.key === "Enter" || event.key === " " || (event.key === "ArrowRight" && !row.open) || (event.key === "ArrowLeft" && row.open))
      toggle(row);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="json" role="tree" aria-label={label} ref={tree} onKeyDown={keys}>
      {rows.map((row, i) => (
        <div
          key={row.path}
          role="treeitem"
          aria-level={row.depth + 1}
          aria-expanded={row.size > 0 && row.kind !== "more" ? row.open : undefined}
          tabIndex={i === current ? 0 : -1}
          class={classes("json-row", (row.size > 0 || row.kind === "more") && "opens")}
          style={{ paddingLeft: `${row.depth * 16 + 16}px` }}
          onClick={() => {
            setAt(row.path);
            toggle(row);
          }}
        >
          {row.size > 0 && row.kind !== "more" && <span class={classes("twist", row.open && "open")} aria-hidden="true" />}
          {row.name !== "" && <span class="name">{row.name}: </span>}
          <span class={classes("value", row.kind)}>{row.kind === "more" ? `${count(row.size)} more …` : row.text}</span>
          {row.open && <span class="size">{plural(row.size, row.kind === "list" ? "item" : "field")}</span>}
        </div>
      ))}
    </div>
  );
}

/** Where a key leads that moves; null for one that opens, closes or does nothing. */
function moved(key: string, rows: readonly Row[], at: number): number | null {
  const row = rows[at]!;
  if (key === "ArrowDown") return Math.min(rows.length - 1, at + 1);
  if (key === "ArrowUp") return Math.max(0, at - 1);
  if (key === "Home") return 0;
  if (key === "End") return rows.length - 1;
  if (key === "ArrowRight" && row.open) return at + 1;
  if (key === "ArrowLeft" && !row.open && row.parent) return rows.findIndex(({ path }) => path === row.parent);
  return null;
}
