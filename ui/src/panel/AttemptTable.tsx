import type { AttemptRow } from "../api/types";
import { Mark } from "../parts/Badge";
import { exact, money, span, tokens } from "../parts/format";
import { Table, type Column } from "../parts/Table";
import { stateOf } from "../time/outcome";

/** The tries at a task: when, how long, with what outcome, and where. */
export function AttemptTable({ attempts, startedAt }: { attempts: readonly AttemptRow[]; startedAt: number }) {
  const has = (field: "where" | "money" | "tokens") => attempts.some((attempt) => attempt[field]);
  const columns: Column<AttemptRow>[] = [
    { id: "number", head: "No.", cell: ({ number }) => number, figure: true },
    {
      id: "outcome",
      head: "Outcome",
      cell: ({ outcome }) => (
        <span class="outcome">
          <Mark state={stateOf(outcome)} /> {outcome}
        </span>
      ),
    },
    {
      id: "began",
      head: "Began",
      cell: ({ began_at }) => <span title={exact(began_at)}>{span(Math.max(0, began_at - startedAt))}</span>,
      figure: true,
    },
    { id: "took", head: "Took", cell: ({ began_at, ended_at }) => span(ended_at - began_at), figure: true },
    { id: "queued", head: "Queued", cell: ({ queued_at, began_at }) => span(began_at - queued_at), figure: true },
  ];
  if (has("where")) columns.push({ id: "where", head: "On", cell: ({ where = "" }) => where });
  if (has("money")) columns.push({ id: "money", head: "Money", cell: (attempt) => money(attempt.money ?? 0), figure: true });
  if (has("tokens")) columns.push({ id: "tokens", head: "Tokens", cell: (attempt) => tokens(attempt.tokens ?? 0), figure: true });
  const told = attempts.filter(({ because }) => because);
  return (
    <>
      <Table columns={columns} rows={attempts} keyOf={({ number }) => number} label="Attempts" />
      {told.length > 0 && (
        <ul class="attempt-words">
          {told.map(({ number, because }) => (
            <li key={number}>
              {attempts.length > 1 && `${number}: `}
              {because}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
