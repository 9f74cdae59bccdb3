// What is drawn of the tasks of a run: those that one task opened may be folded into it, as a for-each over many items is
// at first.

import type { TaskRow } from "../api/types";

/** So many tasks of a for-each are shown as they are, and so many that another task opened, such as an agent. */
const MOST_OF_EACH = 6;
const MOST_OF_OTHERS = 40;
/** What waits for a task waits for all that it opened: so many edges say so. */
const MOST_ENDS = 6;

/** Edges between what is drawn, as positions in `ids`. */
export interface Drawn {
  /** Nodes in the order in which their tasks came. */
  readonly ids: readonly string[];
  /** Of every folded group, the tasks in it. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** Of every task that is in a folded group, that group: the outermost of them. */
  readonly group: ReadonlyMap<string, string>;
  /** Pairs: from, to. */
  readonly edges: Int32Array;
  /** Of every edge whether it orders only. */
  readonly weak: Uint8Array;
  /** Of every node the one whose growth added it, or -1. */
  readonly owner: Int32Array;
}

type Rows = ReadonlyMap<string, TaskRow>;

/** Whether tasks that one task opened are folded into it until somebody asks for them. */
export function isFoldedAtFirst(opener: TaskRow, opened: number): boolean {
  return opened > (opener.each ? MOST_OF_EACH : MOST_OF_OTHERS);
}

/** How many tasks each of those opened that opened any. */
export function openers(rows: Rows): Map<string, number> {
  const found = new Map<string, number>();
  for (const { parent } of rows.values()) if (parent && rows.has(parent)) found.set(parent, (found.get(parent) ?? 0) + 1);
  return found;
}

/** @param isFolded of a task that opened others */
export function drawn(rows: Rows, isFolded: (opener: string) => boolean): Drawn {
  const group = groupsOf(rows, isFolded);
  const members = new Map<string, string[]>();
  const shown: TaskRow[] = [];
  const positions = new Map<string, number>();
  for (const [id, row] of rows) {
    const inside = group.get(id);
    if (inside === undefined) positions.set(id, shown.push(row) - 1);
    else if (members.has(inside)) members.get(inside)!.push(id);
    else members.set(inside, [id]);
  }
  const owner = Int32Array.from(shown, ({ parent }) => (parent ? (positions.get(parent) ?? -1) : -1));
  const came = arrivals(shown);
  const ends = endsOf(shown, positions, owner, came);
  const edges = new Edges(shown.length);
  shown.forEach((row, to) => {
    const above = owner[to]!;
    const implied = above < 0 ? undefined : shown[above]!.needs;
    let isInner = false;
    edges.begin(to);
    for (const { task, hard } of row.needs ?? []) {
      const from = position(task);
      if (from === undefined || from === to) continue;
      if (above >= 0 && owner[from] === above) isInner = true;
      else if (implied?.some((need) => need.task === task)) continue;
      add(from, to, hard);
    }
    if (above >= 0 && !isInner) edges.add(came(row) ?? above, true);
    for (const member of members.get(row.id) ?? []) {
      for (const { task, hard } of rows.get(member)!.needs ?? []) {
        const from = position(task);
        if (from !== undefined && from !== to) add(from, to, hard);
      }
    }
  });
  return { ids: shown.map(({ id }) => id), members, group, owner, ...edges.arrays() };

  function position(task: string): number | undefined {
    return positions.get(task) ?? positions.get(group.get(task) ?? "");
  }
  function add(from: number, to: number, hard: boolean | undefined): void {
    const last = ends.get(from);
    if (!last || isWithin(to, from, owner)) edges.add(from, hard === false);
    else for (const end of last) edges.add(end, hard === false);
  }
}

/** Of every task in a folded group the outermost of them. */
function groupsOf(rows: Rows, isFolded: (opener: string) => boolean): Map<string, string> {
  const found = new Map<string, string>();
  /** Of every task that opened others: the group that these are in. */
  const within = new Map<string, string | undefined>();
  for (const { id, parent } of rows.values()) {
    if (!parent || !rows.has(parent)) continue;
    if (!within.has(parent)) within.set(parent, outermost(parent));
    const group = within.get(parent);
    if (group !== undefined) found.set(id, group);
  }
  return found;

  function outermost(opener: string): string | undefined {
    let group: string | undefined;
    const met = new Set<string>();
    for (let up: string | undefined = opener; up && rows.has(up) && !met.has(up); up = rows.get(up)!.parent) {
      met.add(up);
      if (isFolded(up)) group = up;
    }
    return group;
  }
}

function isWithin(node: number, family: number, owner: Int32Array): boolean {
  for (let up = owner[node]!, most = owner.length; up >= 0 && most > 0; up = owner[up]!, most--) if (up === family) return true;
  return false;
}

/**
 * Which sibling a task came by, by its position. A loop goes on beside itself: a turn of it ends with the very event
 * that adds the next, and all of them count as opened by the task that began the loop.
 */
function arrivals(shown: readonly TaskRow[]): (row: TaskRow) => number | undefined {
  const ended = new Map<string, number>();
  shown.forEach(({ parent, state, born, changed }, at) => {
    if (parent && state === "succeeded" && changed > born) ended.set(`${changed} ${parent}`, at);
  });
  return ({ born, parent }) => (parent ? ended.get(`${born} ${parent}`) : undefined);
}

/** Where edges of those that wait for a node come from: the last of the tasks that it grew; left out if these are many. */
function endsOf(
  shown: readonly TaskRow[],
  positions: ReadonlyMap<string, number>,
  owner: Int32Array,
  came: (row: TaskRow) => number | undefined,
): Map<number, readonly number[]> {
  const isFollowed = new Uint8Array(shown.length);
  shown.forEach((row, at) => {
    if (owner[at]! < 0) return;
    const before = came(row);
    if (before !== undefined) isFollowed[before] = 1;
    for (const { task } of row.needs ?? []) {
      const from = positions.get(task);
      if (from !== undefined && owner[from] === owner[at]) isFollowed[from] = 1;
    }
  });
  const last = new Map<number, number[]>();
  const ends = new Map<number, readonly number[]>();
  // Children come after the tasks that grew them, so that theirs are known by then.
  for (let at = shown.length - 1; at >= 0; at--) {
    const own = last.get(at);
    if (own && own.length <= MOST_ENDS) ends.set(at, own.sort((a, b) => a - b));
    const above = owner[at]!;
    if (above < 0 || isFollowed[at]) continue;
    const siblings = last.get(above);
    const found = ends.get(at) ?? [at];
    if (siblings) siblings.push(...found);
    else last.set(above, [...found]);
  }
  return ends;
}

/** Edges, each once; one that stands for several orders only if all of them do. */
class Edges {
  private readonly pairs: number[] = [];
  private readonly weak: number[] = [];
  private to = 0;
  /** Of every node its edge to the latest one, if it is that: none before `first` is. */
  private readonly latest: Int32Array;
  private first = 0;

  constructor(count: number) {
    this.latest = new Int32Array(count).fill(-1);
  }

  /** What is added from now on leads to this node. */
  begin(to: number): void {
    this.to = to;
    this.first = this.weak.length;
  }

  add(from: number, weak: boolean): void {
    const known = this.latest[from]!;
    if (known >= this.first) {
      if (!weak) this.weak[known] = 0;
      return;
    }
    this.latest[from] = this.weak.length;
    this.pairs.push(from, this.to);
    this.weak.push(weak ? 1 : 0);
  }

  arrays(): { edges: Int32Array; weak: Uint8Array } {
    return { edges: Int32Array.from(this.pairs), weak: Uint8Array.from(this.weak) };
  }
}
