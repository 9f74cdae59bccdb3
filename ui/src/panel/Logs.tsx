import { useLayoutEffect, useRef } from "preact/hooks";
import type { Told } from "../api/types";
import { exact, span } from "../parts/format";

/** What the attempts said, line by line; while more comes the end stays in view, unless somebody reads further up. */
export function Logs({ logs, follows, startedAt }: { logs: readonly Told[]; follows: boolean; startedAt: number }) {
  const place = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const last = logs.at(-1)?.seq;
  useLayoutEffect(() => {
    if (follows && isAtEnd.current && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [last, follows]);
  return (
    <div
      class="logs"
      ref={place}
      role="log"
      aria-label="Log of the task"
      tabIndex={0}
      onScroll={({ currentTarget: list }) => {
        isAtEnd.current = list.scrollHeight - list.scrollTop - list.clientHeight < 20;
      }}
    >
      {logs.map((line) => (
        <div key={line.seq} class="log-line">
          <time title={exact(line.at)}>{span(Math.max(0, line.at - startedAt))}</time>
          <span>{line.text}</span>
        </div>
      ))}
    </div>
  );
}
