import type { Ref } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Mark } from "../../parts/Badge";
import { Icon } from "../../parts/Icon";
import { count } from "../../parts/format";
import { look, RUN_STATES } from "../../parts/states";
import "../../parts/field.css";

interface Props {
  state: string;
  q: string;
  states: Readonly<Record<string, number>>;
  search: Ref<HTMLInputElement>;
  onState: (state: string | null) => void;
  onSearch: (q: string) => void;
}

const PAUSE_MS = 150;

/** Which runs are listed: of one state, and with a text in their name or target. */
export function RunFilter({ state, q, states, search, onState, onSearch }: Props) {
  const [typed, setTyped] = useState(q);
  const said = useRef(q);
  // Another search came from elsewhere; what was said here has come back, and more may have been typed since.
  useEffect(() => {
    if (q !== said.current) setTyped(q);
    said.current = q;
  }, [q]);
  useEffect(() => {
    if (typed === q) return;
    const timer = setTimeout(() => {
      said.current = typed;
      onSearch(typed);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const others = Object.keys(states).filter((one) => !(RUN_STATES as readonly string[]).includes(one));
  const shown = [...RUN_STATES, ...others].filter((one) => states[one] || one === state);
  const all = Object.values(states).reduce((sum, one) => sum + one, 0);
  return (
    <div class="filter">
      <div class="states" role="group" aria-label="State">
        <button type="button" class="chip" aria-pressed={state === ""} onClick={() => onState(null)}>
          All <span class="count">{count(all)}</span>
        </button>
        {shown.map((one) => (
          <button
            key={one}
            type="button"
            class="chip"
            aria-pressed={state === one}
            onClick={() => onState(state === one ? null : one)}
          >
            <Mark state={one} />
            {look(one).word} <span class="count">{count(states[one] ?? 0)}</span>
          </button>
        ))}
      </div>
      <div class="search">
        <Icon name="search" />
        <input
          ref={search}
          type="search"
          class="control"
          aria-label="Search in names and targets"
          placeholder="Name or target"
          spellcheck={false}
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
      </div>
    </div>
  );
}
