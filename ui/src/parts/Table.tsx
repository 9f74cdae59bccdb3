// A table of rows that are things: columns say what a cell shows.

import type { ComponentChildren } from "preact";
import { classes } from "./classes";
import "./table.css";

export interface Column<Row> {
  id: string;
  head: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  /** Figures stand at the right, with digits of one width. */
  figure?: boolean;
  /** Takes what width is left, and cuts what is longer. */
  wide?: boolean;
}

interface Props<Row> {
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  /** What the table is of, for a screen reader. */
  label: string;
  chosen?: (row: Row) => boolean;
  onChoose?: (row: Row) => void;
}

/** A table. Where rows can be chosen, a cell has a button or a link for it as well: a press on the row is a short cut. */
export function Table<Row>({ columns, rows, keyOf, label, chosen, onChoose }: Props<Row>) {
  return (
    <div class="scrolls">
      <table class="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" class={classes(column.figure && "figure", column.wide && "wide")}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={keyOf(row)}
              class={classes(chosen?.(row) && "chosen", onChoose && "choosable")}
              onClick={onChoose && (() => onChoose(row))}
            >
              {columns.map((column) => (
                <td key={column.id} class={classes(column.figure && "figure", column.wide && "wide")}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
