// Places of the page, as the part of its address behind "#".

import { signal } from "@preact/signals";

export type PageName = "runs" | "run" | "start" | "compare" | "explain" | "fleet";

export interface Route {
  page: PageName | "nowhere";
  /** Of a run's page. */
  run: string;
  tab: string;
  query: Readonly<Record<string, string>>;
}

const PAGES: readonly string[] = ["runs", "start", "compare", "explain", "fleet"];

/** The place that a hash names; a hash that names none is "nowhere". */
export function parse(hash: string): Route {
  const [place = "", words = ""] = split(hash.replace(/^#\/?/, ""), "?");
  const parts = place.split("/").filter(Boolean).map(decoded);
  const query = Object.fromEntries(new URLSearchParams(words));
  const [page = "runs", run = "", tab = ""] = parts;
  if (page === "run" && run && parts.length <= 3) return { page, run, tab, query };
  if (PAGES.includes(page) && parts.length <= 1) return { page: page as PageName, run: "", tab: "", query };
  return { page: "nowhere", run: "", tab: "", query };
}

type Query = Record<string, string | number | null | undefined>;

/** The address of a page; what is empty in the query is left out. */
export function hrefOf(page: Exclude<PageName, "run">, query: Query = {}): string {
  return `#/${page}${queryText(query)}`;
}

/** The address of a run's page. */
export function hrefOfRun(run: string, tab = "", query: Query = {}): string {
  return `#/run/${encodeURIComponent(run)}${tab && `/${encodeURIComponent(tab)}`}${queryText(query)}`;
}

/** The place that is shown. */
export const route = signal<Route>(parse(typeof location === "undefined" ? "" : location.hash));

/** Go to an address of `hrefOf` or `hrefOfRun`; with `replace` the one before is not kept for "back". */
export function go(href: string, { replace = false } = {}): void {
  if (replace) {
    history.replaceState(null, "", href);
    route.value = parse(href);
  } else location.hash = href;
}

/** Show the same place with another query: what is null is taken out. It is not kept for "back". */
export function setQuery(changes: Query, { keep = false } = {}): void {
  const { page, run, tab, query } = route.peek();
  if (page === "nowhere") return;
  const next = { ...query, ...changes };
  go(page === "run" ? hrefOfRun(run, tab, next) : hrefOf(page, next), { replace: !keep });
}

/** Let `route` follow the address; returns what ends that. */
export function startRouter(): () => void {
  const follow = () => {
    route.value = parse(location.hash);
  };
  addEventListener("hashchange", follow);
  return () => removeEventListener("hashchange", follow);
}

function queryText(query: Query): string {
  const words = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
  return words.length ? `?${words.join("&")}` : "";
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function split(text: string, at: string): [string, string] {
  const where = text.indexOf(at);
  return where < 0 ? [text, ""] : [text.slice(0, where), text.slice(where + 1)];
}
