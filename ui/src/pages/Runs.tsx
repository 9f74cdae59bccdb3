// The runs of the store, the newest first: filtered, searched, two of them chosen to be compared.

import { useRef, useState } from "preact/hooks";
import { listRuns } from "../api/calls";
import { Button, LinkButton } from "../parts/Button";
import { Empty } from "../parts/Empty";
import { count, plural } from "../parts/format";
import { useKeys } from "../parts/keys";
import { Spinner } from "../parts/Spinner";
import { go, hrefOf, setQuery, type Route } from "../router";
import { useCommands } from "../state/commands";
import { usePolled } from "../state/polled";
import { useTitle } from "../state/title";
import { RunFilter } from "./runs/RunFilter";
import { RunTable } from "./runs/RunTable";
import "./runs/runs.css";

const STEP = 50;
/** The server tells of so many at once; older ones are a page of their own. */
const MOST = 500;
const EVERY_MS = 2000;

export default function Runs({ route }: { route: Route }) {
  useTitle("Runs");
  const { state = "", q = "" } = route.query;
  const skip = wholeNumber(route.query.skip, 0);
  const most = Math.min(MOST, Math.max(STEP, wholeNumber(route.query.most, STEP)));
  const asked = { state, q, skip, most };
  const { value, error } = usePolled((signal) => listRuns(asked, signal), JSON.stringify(asked), EVERY_MS);
  const { chosen, toggle, forget } = useChosen();
  const table = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const compare = () => {
    if (chosen.length === 2) go(hrefOf("compare", { a: chosen[0], b: chosen[1] }));
  };
  const move = (by: number) => focusNeighbour(table.current, by);
  useKeys("Runs", [
    { press: "j", does: "Next run", run: () => move(1) },
    { press: "k", does: "Run before", run: () => move(-1) },
    { press: "Enter", does: "Open the run", run: () => undefined },
    { press: "x", does: "Choose the run, or let it go", run: () => withFocus(table.current, toggle) },
    { press: "c", does: "Compare the two chosen", run: compare },
    { press: "/", does: "Search in the runs", run: () => search.current?.focus() },
  ]);
  useCommands(chosen.length === 2 ? [{ id: "compare", label: "Compare the two chosen runs", icon: "compare", press: "c", run: compare }] : []);
  const list = value.value;
  const filtered = state !== "" || q !== "";
  return (
    <div class="page runs">
      <div class="top">
        <h1>Runs</h1>
        <LinkButton kind="main" icon="play" href={hrefOf("start")}>
          Start a run
        </LinkButton>
      </div>
      <RunFilter
        state={state}
        q={q}
        states={list?.states ?? {}}
        search={search}
        onState={(next) => setQuery({ state: next, skip: null, most: null })}
        onSearch={(next) => setQuery({ q: next, skip: null, most: null })}
      />
      {list === null && (error.value ? <Failed error={error.value} /> : <Spinner label="Loading the runs" />)}
      {list !== null && list.runs.length === 0 && (filtered ? <NoneFits /> : <NoRuns />)}
      {list !== null && list.runs.length > 0 && (
        <>
          <div ref={table}>
            <RunTable runs={list.runs} chosen={chosen} onToggle={toggle} />
          </div>
          <div class="foot">
            <span class="quiet-text" role="status">
              {skip > 0 || list.runs.length < list.total
                ? `${count(skip + 1)}–${count(skip + list.runs.length)} of ${plural(list.total, "run")}`
                : plural(list.total, "run")}
            </span>
            {skip > 0 && (
              <Button small onClick={() => setQuery({ skip: Math.max(0, skip - MOST) || null, most: MOST }, { keep: true })}>
                Newer
              </Button>
            )}
            {skip + list.runs.length < list.total &&
              (most < MOST ? (
                <Button small onClick={() => setQuery({ most: Math.min(MOST, most + STEP) })}>
                  Show more
                </Button>
              ) : (
                <Button small onClick={() => setQuery({ skip: skip + MOST, most: null }, { keep: true })}>
                  Older
                </Button>
              ))}
          </div>
        </>
      )}
      {chosen.length > 0 && (
        <div class="chosen-bar" role="region" aria-label="Chosen runs">
          <span>{chosen.length === 2 ? "Two runs chosen" : "One run chosen; choose another to compare them"}</span>
          <Button small onClick={forget}>
            Let go
          </Button>
          <Button small kind="main" icon="compare" disabled={chosen.length !== 2} onClick={compare}>
            Compare
          </Button>
        </div>
      )}
    </div>
  );
}

/** Up to two runs; a third takes the place of the one that was chosen first. */
function useChosen() {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  return {
    chosen,
    toggle: (run: string) =>
      setChosen((before) => (before.includes(run) ? before.filter((one) => one !== run) : [...before, run].slice(-2))),
    forget: () => setChosen([]),
  };
}

function focusNeighbour(table: HTMLElement | null, by: number): void {
  const links = [...(table?.querySelectorAll<HTMLElement>("[data-run]") ?? [])];
  const at = links.findIndex((link) => link === document.activeElement);
  const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[to]?.focus();
}

function withFocus(table: HTMLElement | null, does: (run: string) => void): void {
  const row = document.activeElement?.closest("tr")?.querySelector<HTMLElement>("[data-run]");
  if (row?.dataset.run && table?.contains(row)) does(row.dataset.run);
}

function wholeNumber(text: string | undefined, otherwise: number): number {
  const number = Number(text);
  return text && Number.isSafeInteger(number) && number >= 0 ? number : otherwise;
}

function Failed({ error }: { error: unknown }) {
  return <Empty title="The runs cannot be shown">{error instanceof Error ? error.message : String(error)}</Empty>;
}

function NoneFits() {
  return (
    <Empty
      title="No run fits"
      action={<Button onClick={() => setQuery({ state: null, q: null, skip: null })}>Show all runs</Button>}
    >
      Another state may have it, or another word.
    </Empty>
  );
}

function NoRuns() {
  return (
    <Empty
      title="No run yet"
      action={
        <LinkButton kind="main" icon="play" href={hrefOf("start")}>
          Start a run
        </LinkButton>
      }
    >
      <p>Start one here, or in a terminal in the same folder; it shows up by itself.</p>
      <p>
        <code>orrery demo</code> runs a real workflow over the repository around you.
      </p>
    </Empty>
  );
}
