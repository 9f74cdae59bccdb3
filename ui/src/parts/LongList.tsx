// A list of rows of one height, of which only those in view are in the document.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
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
  const place = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  // Other rows: from the top.
  useEffect(() => {
    place.current?.scrollTo(0, 0);
    setTop(0);
  }, [rows]);
  const from = Math.max(0, Math.floor(top / height) - AROUND);
  const until = Math.min(rows.length, Math.ceil((top + most) / height) + AROUND);
  return (
    <div
      class="long-list"
      ref={place}
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
