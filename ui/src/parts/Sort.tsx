// Tables that can be sorted: the head of a column is a button that sorts by it, and turns the order round.

import { classes } from "./classes";
import "./sort.css";

export interface Sort {
  by: string;
  rising: boolean;
}

export const descending = (by: string): Sort => ({ by, rising: false });

interface Props {
  id: string;
  label: string;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

export function SortHead({ id, label, sort, onSort }: Props) {
  const chosen = sort.by === id;
  const words = chosen ? `${label}, sorted ${sort.rising ? "upwards" : "downwards"}` : `Sort by ${label}`;
  return (
    <button
      type="button"
      class={classes("sort-head", chosen && "chosen")}
      aria-label={words}
      onClick={() => onSort({ by: id, rising: chosen ? !sort.rising : false })}
    >
      {label}
      <span aria-hidden="true">{chosen ? (sort.rising ? "↑" : "↓") : ""}</span>
    </button>
  );
}

/** Rows by one of their fields; what is missing counts as 0, or as no text. Rows that are alike stay as they were. */
export function sorted<Row extends object>(rows: readonly Row[], { by, rising }: Sort): Row[] {
  const sign = rising ? 1 : -1;
  const of = (row: Row): unknown => (row as Record<string, unknown>)[by];
  return [...rows].sort((a, b) => {
    const [first, second] = [of(a), of(b)];
    if (typeof first === "string" || typeof second === "string") {
      // Downwards is what one wants of figures; of names it is from a to z.
      return -sign * String(first ?? "").localeCompare(String(second ?? ""), "en", { numeric: true });
    }
    return sign * (Number(first ?? 0) - Number(second ?? 0));
  });
}
