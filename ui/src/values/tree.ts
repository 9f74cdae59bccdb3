// JSON as the rows of a tree: only what is open is in it, and of a long list its first hundred, until more is asked for.

export const STEP = 100;

export interface Row {
  /** Where it is: keys and positions from the top, one behind the other. */
  path: string;
  parent: string;
  depth: number;
  /** The key or the position; "" for the value itself. */
  name: string;
  kind: "string" | "number" | "boolean" | "null" | "list" | "map" | "more";
  /** What stands behind the name: the value, or the beginning of what is in it. */
  text: string;
  /** How many are in it; of "more" how many are left. */
  size: number;
  open: boolean;
}

/** What is open, and how many of its items are shown. */
export type Opened = ReadonlyMap<string, number>;

export function rowsOf(value: unknown, opened: Opened): Row[] {
  const rows: Row[] = [];
  add(rows, value, opened, { path: "$", parent: "", depth: 0, name: "" });
  return rows;
}

/** A tree with one of its rows opened or closed; "more" shows the next hundred. */
export function toggled(opened: Opened, row: Row): Opened {
  const next = new Map(opened);
  if (row.kind === "more") next.set(row.parent, (next.get(row.parent) ?? STEP) + STEP);
  else if (row.open) next.delete(row.path);
  else if (row.size > 0) next.set(row.path, STEP);
  return next;
}

/** What is open at first: as many levels as have few rows together. */
export function openedAtFirst(value: unknown, most = 40): Opened {
  let opened: Opened = new Map();
  for (let depth = 0; depth < 6; depth++) {
    const next = new Map(opened);
    for (const row of rowsOf(value, opened)) if (row.depth === depth && row.size > 0 && row.kind !== "more") next.set(row.path, STEP);
    if (next.size === opened.size || (depth > 0 && rowsOf(value, next).length > most)) break;
    opened = next;
  }
  return opened;
}

type Place = Pick<Row, "path" | "parent" | "depth" | "name">;

function add(rows: Row[], value: unknown, opened: Opened, place: Place): void {
  const kind = kindOf(value);
  const size = sizeOf(value);
  const shown = size > 0 ? opened.get(place.path) : undefined;
  rows.push({ ...place, kind, size, open: shown !== undefined, text: shown === undefined ? preview(value) : "" });
  if (shown === undefined) return;
  const names = Array.isArray(value) ? null : Object.keys(value as object);
  const until = Math.min(size, shown);
  for (let i = 0; i < until; i++) {
    const name = names ? names[i]! : String(i);
    const inner = names ? (value as Record<string, unknown>)[name] : (value as unknown[])[i];
    add(rows, inner, opened, { path: `${place.path}/${escaped(name)}`, parent: place.path, depth: place.depth + 1, name });
  }
  if (until < size) {
    const path = `${place.path}/+`;
    rows.push({ path, parent: place.path, depth: place.depth + 1, name: "", kind: "more", size: size - until, open: false, text: "" });
  }
}

/** So that no two paths are alike, and none is that of "more". */
const escaped = (name: string): string => name.replace(/[~/+]/g, (sign) => ({ "~": "~0", "/": "~1", "+": "~2" })[sign]!);

function kindOf(value: unknown): Row["kind"] {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "object") return "map";
  return typeof value as "string" | "number" | "boolean";
}

function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

const MOST_PREVIEW = 80;

/** A value in a line: what a closed row shows. */
export function preview(value: unknown, most = MOST_PREVIEW): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (most < 8 && sizeOf(value) > 0) return "…";
  if (Array.isArray(value)) return value.length ? `[${some(value, (one) => preview(one, most / 2), most)}]` : "[]";
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value);
    return pairs.length ? `{${some(pairs, ([key, one]) => `${key}: ${preview(one, most / 2)}`, most)}}` : "{}";
  }
  return String(value ?? null);
}

function some<Item>(items: readonly Item[], say: (item: Item) => string, most: number): string {
  let text = "";
  for (const [i, item] of items.entries()) {
    if (text.length >= most || i >= 12) return `${text}, …`;
    const said = say(item);
    text += (i ? ", " : "") + (said.length > most ? `${said.slice(0, Math.max(8, most - 1))}…` : said);
  }
  return text;
}
