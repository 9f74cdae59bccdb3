// What a run is, how it stands and what it has taken, in two lines.

import type { ComponentChildren } from "preact";
import type { RunHead } from "../../api/types";
import { Badge } from "../../parts/Badge";
import { count, money, span, tokens } from "../../parts/format";
import { Icon } from "../../parts/Icon";
import { hasEnded, look, TASK_STATES } from "../../parts/states";
import { Ago } from "../../parts/Time";
import { now } from "../../state/clock";
import type { RunClock } from "../../state/elapsed";
import type { Connection } from "../../state/run";

interface Props {
  head: RunHead;
  clock: RunClock;
  connection: Connection;
  actions: ComponentChildren;
}

export function RunHeader({ head, clock, connection, actions }: Props) {
  const { counts = {}, money: spent = 0, tokens: used = 0 } = head;
  return (
    <header class="run-header">
      <div class="run-title">
        <h1 title={head.run}>{head.run}</h1>
        <Badge state={head.state} />
        {!head.live && !hasEnded(head.state) && head.state !== "interrupted" && <Badge state="interrupted">nobody drives it</Badge>}
        {connection === "lost" && (
          <span class="run-lost" role="status">
            <Icon name="warning" /> not connected: what is shown is as it was
          </span>
        )}
        <span class="gap" />
        {actions}
      </div>
      <dl class="run-facts">
        {head.target && (
          <Fact name="Target" wide>
            <code title={head.target}>{head.target}</code>
          </Fact>
        )}
        <Fact name="Started">
          <Ago at={head.started_at} />
        </Fact>
        <Fact name={hasEnded(head.state) ? "Took" : "For"}>
          <Elapsed clock={clock} />
          {head.budget_wall_s ? ` of ${span(head.budget_wall_s)}` : ""}
        </Fact>
        {(spent > 0 || head.budget_money) && (
          <Fact name="Money">
            {money(spent)}
            {head.budget_money ? ` of ${money(head.budget_money)}` : ""}
          </Fact>
        )}
        {(used > 0 || head.budget_tokens) && (
          <Fact name="Tokens">
            {tokens(used)}
            {head.budget_tokens ? ` of ${tokens(head.budget_tokens)}` : ""}
          </Fact>
        )}
        <Progress counts={counts} />
      </dl>
    </header>
  );
}

function Fact({ name, children, wide }: { name: string; children: ComponentChildren; wide?: boolean }) {
  return (
    <div class={wide ? "fact wide" : "fact"}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Elapsed({ clock }: { clock: RunClock }) {
  if (clock.isMoving) void now.value;
  return <span class="figure">{span(clock.seconds())}</span>;
}

const ENDED = ["succeeded", "failed", "skipped", "cancelled"];
const ORDER = [...ENDED, ...TASK_STATES.filter((state) => !ENDED.includes(state))];

/** Tasks by state, those that have ended first. */
function Progress({ counts }: { counts: Record<string, number> }) {
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const done = ENDED.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const states = ORDER.filter((state) => counts[state]);
  const words = states.map((state) => `${count(counts[state])} ${look(state).word}`).join(", ");
  return (
    <div class="fact progress">
      <dt>Tasks</dt>
      <dd>
        <span class="figure">
          {count(done)} of {count(total)}
        </span>
        <span class="state-bar" role="img" aria-label={words} title={words}>
          {states.map((state) => (
            <span key={state} style={{ flexGrow: String(counts[state]), background: `var(${look(state).colour})` }} class={ENDED.includes(state) ? "" : "open"} />
          ))}
        </span>
      </dd>
    </div>
  );
}
