// A value that is a table: its head stays in view, a press on it sorts, figures stand at the right.

import { useMemo, useState } from "preact/hooks";
import type { Value } from "../api/types";
import { classes } from "../parts/classes";
import { count, plural } from "../parts/format";
import { SortHead, type Sort } from "../parts/Sort";
import { preview } from "./tree";

export function TableView({ value, label }: { value: Value; label: string }) {
  const { columns = [], rows = [], total = rows.length } = value;
  const [sort, setSort] = useState<Sort>({ by: "", rising: true });
  const figures = useMemo(() => columns.map((_, i) => areFigures(rows.map((row) => row[i]))), [value]);
  const shown = useMemo(() => ordered(rows, sort), [rows, sort]);
  return (
    <>
      <div class="value-table" tabIndex={0} role="region" aria-label={label}>
        <table class="table">
          <thead>
            <tr>
              {columns.map((column, i) => (
                <th key={i} scope="col" class={classes(figures[i] && "figure")}>
                  <SortHead id={String(i)} label={column} sort={sort} onSort={setSort} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, r) => (
              <tr key={r}>
                {columns.map((_, i) => (
                  <td key={i} class={classes(figures[i] && "figure")}>
                    {cell(row[i])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="hint">
        {rows.length < total ? `The first ${count(rows.length)} of ${plural(total, "row")}` : plural(total, "row")}, {plural(columns.length, "column")}
        {rows.length < total && sort.by !== "" && "; only these are sorted"}
      </p>
    </>
  );
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? preview(value) : String(value);
}

/** Whether there is a number, and nothing but numbers. */
export function areFigures(cells: readonly unknown[]): boolean {
  const told = cells.filter((one) => one !== null && one !== undefined && one !== "");
  return told.length > 0 && told.every((one) => typeof one === "number");
}

/** Rows by one column: numbers by size, the rest by name, what is missing last. Rows that are alike stay as they were. */
export function ordered(rows: readonly unknown[][], { by, rising }: Sort): readonly unknown[][] {
  if (by === "") return rows;
  const column = Number(by);
  const sign = rising ? 1 : -1;
  const isMissing = (one: unknown) => one === null || one === undefined || one === "";
  return [...rows].sort(({ [column]: a }, { [column]: b }) => {
    if (isMissing(a) || isMissing(b)) return Number(isMissing(a)) - Number(isMissing(b));
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * cell(a).localeCompare(cell(b), "en", { numeric: true });
  });
}
