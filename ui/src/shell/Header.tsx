import { Button, IconButton } from "../parts/Button";
import { Icon, type IconName } from "../parts/Icon";
import { Logo } from "../parts/Logo";
import { Menu } from "../parts/Menu";
import { hrefOf, route, type PageName } from "../router";
import { touch } from "../state/connection";
import { chooseTheme, theme, type Theme } from "../state/theme";

interface Place {
  page: Exclude<PageName, "run" | "compare">;
  label: string;
  press: string;
  icon: IconName;
}

/** The places of the header, and the keys that lead there. */
export const PLACES: readonly Place[] = [
  { page: "runs", label: "Runs", press: "g r", icon: "menu" },
  { page: "start", label: "Start", press: "g s", icon: "play" },
  { page: "explain", label: "Explain", press: "g e", icon: "filter" },
  { page: "fleet", label: "Fleet", press: "g f", icon: "screen" },
];

const THEMES: readonly { id: Theme; label: string; icon: IconName }[] = [
  { id: "system", label: "As the system", icon: "screen" },
  { id: "light", label: "Light", icon: "sun" },
  { id: "dark", label: "Dark", icon: "moon" },
];

export function Header({ onSearch, onKeys }: { onSearch: () => void; onKeys: () => void }) {
  const here = route.value.page;
  return (
    <header class="header">
      <a class="home" href={hrefOf("runs")} aria-label="Orrery: runs">
        <Logo />
        <span class="name" aria-hidden="true">
          Orrery
        </span>
      </a>
      <nav aria-label="Places">
        {PLACES.map(({ page, label }) => (
          <a
            key={page}
            href={hrefOf(page)}
            aria-current={page === here ? "page" : within(here) === page ? "true" : undefined}
          >
            {label}
          </a>
        ))}
      </nav>
      <div class="gap" />
      <Connection />
      <Button class="find" onClick={onSearch} aria-label="Search runs, pages and actions" aria-keyshortcuts="Control+K /">
        <Icon name="search" />
        <span class="words">Search</span>
        <kbd aria-hidden="true">/</kbd>
      </Button>
      <Menu
        label="Theme"
        icon={THEMES.find(({ id }) => id === theme.value)?.icon ?? "screen"}
        items={THEMES.map((one) => ({ ...one, checked: one.id === theme.value, onChoose: () => chooseTheme(one.id) }))}
      />
      <IconButton icon="keys" label="Keys" class="hardware" onClick={onKeys} />
    </header>
  );
}

/** The place of the header to which a page belongs that has none. */
function within(page: Route): string {
  return page === "run" || page === "compare" ? "runs" : page;
}

type Route = PageName | "nowhere";

function Connection() {
  const lost = touch.value === "lost";
  return (
    <div class={lost ? "touch lost" : "touch"} role="status">
      {lost && (
        <>
          <Icon name="warning" />
          <span class="words">Not connected: trying again</span>
        </>
      )}
      {touch.value === "live" && (
        <>
          <span class="light" title="Connected" />
          <span class="unseen">Connected</span>
        </>
      )}
    </div>
  );
}
