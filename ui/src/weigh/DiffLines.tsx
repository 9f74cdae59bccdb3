// Lines of a difference: "- " was, "+ " is, "  " stays. The signs stand, so that nobody needs the colours.

import { classes } from "../parts/classes";
import "./weigh.css";

export function DiffLines({ lines, label }: { lines: readonly string[]; label: string }) {
  return (
    <pre class="lines" tabIndex={0} aria-label={label}>
      {lines.map((line, i) => (
        <span key={i} class={classes(line.startsWith("+") && "plus", line.startsWith("-") && "minus")}>
          {line || " "}
        </span>
      ))}
    </pre>
  );
}
