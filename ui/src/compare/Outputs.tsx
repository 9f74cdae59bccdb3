// What two runs returned, line by line where it differs.

import type { Comparison } from "../api/types";
import { Empty } from "../parts/Empty";
import { DiffLines } from "../weigh/DiffLines";

export function Outputs({ found }: { found: Comparison }) {
  const outputs = [...(found.outputs ?? [])].sort((a, b) => Number(a.same ?? false) - Number(b.same ?? false));
  if (outputs.length === 0) return <Empty title="Neither run has returned anything" />;
  return (
    <>
      {outputs.map((output) => (
        <section key={output.name} class="output">
          <h3>{output.name}</h3>
          {output.same ? (
            <p class="hint">The same in both.</p>
          ) : output.lines?.length ? (
            <DiffLines lines={output.lines} label={`Difference of ${output.name}`} />
          ) : (
            <p class="hint">They differ, and cannot be shown line by line.</p>
          )}
        </section>
      ))}
    </>
  );
}
