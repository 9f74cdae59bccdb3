// A list of rows of one height, of which only those in view are in the document. It stays where it was scrolled to as its rows
// change; give it a `key` of what they are where others are to be shown from the top.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import "./longlist.css";

interface Props<Row> {
  rows: readonly Row[];
  /** Of a row, in pixels. */
  height: number;
  /** How high the list is at the most, in pixels. */
  most: number;
  label: string;
  keyOf: (row: Row) => string | number;
  children: (row: Row) => ComponentChildren;
}

const AROUND = 6;

export function LongList<Row>({ rows, height, most, label, keyOf, children }: Props<Row>) {
  const [top, setTop] = useState(0);
  const from = Math.max(0, Math.floor(top / height) - AROUND);
  const until = Math.min(rows.length, Math.ceil((top + most) / height) + AROUND);
  return (
    <div
      class="long-list"
      role="list"
      aria-label={label}
      tabIndex={0}
      style={{ maxHeight: `${most}px` }}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <div class="whole" style={{ height: `${rows.length * height}px` }}>
        {rows.slice(from, until).map((row, i) => (
          <div
            key={keyOf(row)}
            role="listitem"
            class="one"
            aria-setsize={rows.length}
            aria-posinset={from + i + 1}
            style={{ top: `${(from + i) * height}px`, height: `${height}px` }}
          >
            {children(row)}
          </div>
        ))}
      </div>
    </div>
  );
}
