// What every pass did to a graph, and why; those that found nothing to do in one line.

import type { PassDone } from "../api/types";
import { classes } from "../parts/classes";
import { plural, span } from "../parts/format";

export function Passes({ passes }: { passes: readonly PassDone[] }) {
  const told = passes.filter((pass) => pass.skipped || pass.notes?.length || changed(pass));
  const idle = passes.filter((pass) => !told.includes(pass));
  return (
    <>
      <ol class="passes">
        {told.map((pass) => (
          <li key={pass.name} class={classes(pass.skipped ? "skipped" : !changed(pass) && "idle")}>
            <h3>{pass.name}</h3>
            <span class="sizes">{sizes(pass)}</span>
            {pass.skipped && <p class="hint">{`Skipped: ${pass.skipped}`}</p>}
            {pass.notes && pass.notes.length > 0 && (
              <ul>
                {pass.notes.map((note, i) => (
                  <li key={i}>{note.replace(/ {2,}/g, " · ")}</li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ol>
      {idle.length > 0 && (
        <p class="hint">{`Found nothing to do: ${idle.map(({ name }) => name).join(", ")}.`}</p>
      )}
    </>
  );
}

function changed(pass: PassDone): boolean {
  return pass.tasks_before !== pass.tasks_after || pass.edges_before !== pass.edges_after || Boolean(pass.notes?.some((note) => !note.startsWith("left: ")));
}

function sizes(pass: PassDone): string {
  const turn = (before: number, after: number, one: string) =>
    before === after ? plural(after, one) : `${before.toLocaleString("en")} → ${plural(after, one)}`;
  return [
    turn(pass.tasks_before, pass.tasks_after, "task"),
    turn(pass.edges_before ?? 0, pass.edges_after ?? 0, "edge"),
    span(pass.seconds ?? 0),
  ].join(" · ");
}
