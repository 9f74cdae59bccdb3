// A text with numbered lines; those with a fault are marked, and named below.

import { useEffect, useRef } from "preact/hooks";
import { classes } from "../parts/classes";

interface Props {
  text: string;
  onText: (text: string) => void;
  /** Of a line, counted from 1, what is wrong in it. */
  faults: ReadonlyMap<number, string>;
  label: string;
  describedBy: string;
  /** A line to go to, and a count so that the same one can be gone to again. */
  goTo: { line: number; turn: number } | null;
}

export const LINE_PX = 20;
const PADDING_PX = 8;

export function Editor({ text, onText, faults, label, describedBy, goTo }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const lines = text.split("\n").length;
  const follow = () => {
    if (gutter.current && area.current) gutter.current.style.transform = `translateY(${-area.current.scrollTop}px)`;
  };
  useEffect(() => area.current?.focus(), []);
  useEffect(() => {
    const field = area.current;
    if (!goTo || !field) return;
    const all = field.value.split("\n");
    const from = all.slice(0, goTo.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
    field.focus();
    field.setSelectionRange(from, from + (all[goTo.line - 1]?.length ?? 0));
    field.scrollTop = Math.max(0, (goTo.line - 1) * LINE_PX - field.clientHeight / 2);
  }, [goTo]);
  return (
    <div class="editor">
      <div class="gutter" aria-hidden="true">
        <div ref={gutter} style={{ padding: `${PADDING_PX}px 0` }}>
          {Array.from({ length: lines }, (_, i) => (
            <div key={i} class={classes("number", faults.has(i + 1) && "faulty")} title={faults.get(i + 1)}>
              {i + 1}
            </div>
          ))}
        </div>
      </div>
      <textarea
        ref={area}
        value={text}
        aria-label={label}
        aria-describedby={describedBy}
        aria-invalid={faults.size > 0 ? true : undefined}
        spellcheck={false}
        autocomplete="off"
        wrap="off"
        onInput={(event) => onText(event.currentTarget.value)}
          onScroll={follow}
      />
    </div>
  );
}
