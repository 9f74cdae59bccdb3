// The shell around the pages: header, keys, palette, and the page that the address names.

import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { listRuns } from "./api/calls";
import { embedded } from "./api/embedded";
import { lazy } from "./lazy";
import { Empty } from "./parts/Empty";
import { LinkButton } from "./parts/Button";
import { useKeys } from "./parts/keys";
import { Toasts } from "./parts/Toast";
import { go, hrefOf, hrefOfRun, route, type PageName, type Route } from "./router";
import { Header, PLACES } from "./shell/Header";
import { KeyList } from "./shell/KeyList";
import { Locked } from "./shell/Locked";
import { Palette } from "./shell/Palette";
import { useCommands } from "./state/commands";
import { keepAsking, locked } from "./state/connection";
import { chooseTheme } from "./state/theme";
import { useTitle } from "./state/title";
import "./shell/shell.css";

const PAGES: Record<PageName, ComponentType<{ route: Route }>> = {
  runs: lazy(() => import("./pages/Runs")),
  run: lazy(() => import("./pages/Run")),
  start: lazy(() => import("./pages/Start")),
  compare: lazy(() => import("./pages/Compare")),
  explain: lazy(() => import("./pages/Explain")),
  fleet: lazy(() => import("./pages/Fleet")),
};

export function App() {
  if (locked.value) return <Locked />;
  return embedded ? <Opened run={embedded.change.head.run} /> : <Shell />;
}

function Shell() {
  const [shown, setShown] = useState<"" | "palette" | "keys">("");
  const close = () => setShown("");
  useKeys("Everywhere", [
    { press: "Mod+k", does: "Find a run, a page or an action", run: () => setShown("palette"), always: true },
    { press: "/", does: "Search", run: () => setShown("palette") },
    { press: "?", does: "Show the keys", run: () => setShown("keys") },
    ...PLACES.map(({ page, label, press }) => ({ press, does: `Go to ${label}`, run: () => go(hrefOf(page)) })),
  ]);
  useCommands([
    ...PLACES.map(({ page, label, press, icon }) => ({
      id: `go-${page}`,
      label: `Go to ${label}`,
      press,
      icon,
      run: () => go(hrefOf(page)),
    })),
    { id: "go-compare", label: "Go to Compare", icon: "compare" as const, run: () => go(hrefOf("compare")) },
    { id: "light", label: "Theme: light", icon: "sun" as const, run: () => chooseTheme("light") },
    { id: "dark", label: "Theme: dark", icon: "moon" as const, run: () => chooseTheme("dark") },
    { id: "system", label: "Theme: as the system has it", icon: "screen" as const, run: () => chooseTheme("system") },
    { id: "keys", label: "Show the keys", icon: "keys" as const, press: "?", run: () => setShown("keys") },
  ]);
  useEffect(() => keepAsking(() => listRuns({ most: 1 })), []);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <Header onSearch={() => setShown("palette")} onKeys={() => setShown("keys")} />
      <Main />
      <Toasts />
      {shown === "palette" && <Palette onClose={close} />}
      {shown === "keys" && <KeyList onClose={close} />}
    </>
  );
}

/** A run that stands in the file itself: its page is the only one. */
function Opened({ run }: { run: string }) {
  useEffect(() => {
    if (route.peek().page !== "run") go(hrefOfRun(run), { replace: true });
  }, [run]);
  return (
    <>
      {embedded?.notes.map((note) => (
        <p key={note} class="notice">
          {note}
        </p>
      ))}
      <Main />
      <Toasts />
    </>
  );
}

function Main() {
  const main = useRef<HTMLElement>(null);
  const now = route.value;
  const place = now.page === "run" ? `run ${now.run}` : now.page;
  const before = useRef(place);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [place]);
  const Page = now.page === "nowhere" ? Nowhere : PAGES[now.page];
  return (
    <main id="main" ref={main} tabIndex={-1}>
      <Page key={place} route={now} />
    </main>
  );
}

function Nowhere() {
  useTitle("No such page");
  return (
    <Empty title="There is no such page" action={<LinkButton href={hrefOf("runs")}>See the runs</LinkButton>}>
      The address may have been cut short.
    </Empty>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
