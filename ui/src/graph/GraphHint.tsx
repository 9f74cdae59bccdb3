// What a node is, beside the pointer.

import { money, plural, span, tokens } from "../parts/format";
import { look } from "../parts/states";
import { took } from "./canvas/colours";
import type { GraphNode } from "./model";
import { statesOf } from "./told";

/** @param now seconds since the epoch */
export function GraphHint({ node, x, y, now }: { node: GraphNode; x: number; y: number; now: number }) {
  const isRight = x > window.innerWidth / 2;
  return (
    <div
      class="graph-hint"
      role="tooltip"
      style={{
        top: `${Math.max(8, Math.min(y + 16, window.innerHeight - 200))}px`,
        left: isRight ? undefined : `${x + 14}px`,
        right: isRight ? `${window.innerWidth - x + 14}px` : undefined,
      }}
    >
      <strong>{node.id}</strong>
      {node.row.label && <p>{node.row.label}</p>}
      <dl>
        {factsOf(node, now).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {node.row.because && <p class="because">{node.row.because}</p>}
    </div>
  );
}

function factsOf({ row, counts, members }: GraphNode, now: number): [string, string][] {
  const facts: [string, string][] = [
    ["state", look(row.state).word],
    ["runs", row.op],
  ];
  if (counts) facts.push(["holds", `${plural(members.length, "task")}: ${statesOf(counts)}`]);
  const seconds = took(row, now);
  if (seconds !== null) facts.push(["took", span(seconds)]);
  if ((row.attempt ?? 0) > 1) facts.push(["attempt", String(row.attempt)]);
  if (row.where) facts.push(["on", row.where]);
  if (row.model) facts.push(["model", row.model]);
  if (row.money) facts.push(["money", money(row.money)]);
  if (row.tokens) facts.push(["tokens", tokens(row.tokens)]);
  if (row.note) facts.push(["says", row.note]);
  return facts;
}
