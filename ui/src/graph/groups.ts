// What is drawn of the tasks of a run: a for-each over many items is one node until somebody opens it.

import type { TaskRow } from "../api/types";

/** Of siblings made by a for-each so many are drawn as they are. */
export const MOST_SIBLINGS = 6;

/** Edges between what is drawn, as positions in `ids`. */
export interface Drawn {
  /** Nodes in the order in which their tasks came. */
  readonly ids: readonly string[];
  /** Of every group that is not expanded, the tasks in it. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** Of every task that is in such a group, its group. */
  readonly group: ReadonlyMap<string, string>;
  /** Pairs: from, to. */
  readonly edges: Int32Array;
  /** Of every edge whether it orders only. */
  readonly weak: Uint8Array;
  /** Of every node the one whose growth added it, or -1. */
  readonly owner: Int32Array;
}

type Rows = ReadonlyMap<string, TaskRow>;

export function drawn(rows: Rows, expanded: ReadonlySet<string>): Drawn {
  const children = childrenOf(rows);
  const isFolded = (id: string) => !expanded.has(id) && isGroup(rows.get(id), children.get(id));
  const group = groupsOf(rows, isFolded);
  const members = new Map<string, string[]>();
  const ids: string[] = [];
  const positions = new Map<string, number>();
  for (const id of rows.keys()) {
    const inside = group.get(id);
    if (inside === undefined) positions.set(id, ids.push(id) - 1);
    else if (members.has(inside)) members.get(inside)!.push(id);
    else members.set(inside, [id]);
  }
  const owner = Int32Array.from(ids, (id) => positions.get(rows.get(id)!.parent ?? "") ?? -1);
  const ends = endsOf(ids, positions, rows, owner);
  const edges = new Edges(ids.length);
  for (const row of rows.values()) {
    const to = positions.get(group.get(row.id) ?? row.id)!;
    const above = group.has(row.id) ? -1 : owner[to]!;
    const implied = above < 0 ? undefined : rows.get(ids[above]!)!.needs;
    let isInner = false;
    for (const { task, hard } of row.needs ?? []) {
      const from = positions.get(group.get(task) ?? task);
      if (from === undefined || from === to) continue;
      if (above >= 0 && owner[from] === above) isInner = true;
      else if (implied?.some((need) => need.task === task)) continue;
      for (const end of isWithin(to, from, owner) ? [from] : ends[from]!) edges.add(end, to, hard === false);
    }
    if (above >= 0 && !isInner) edges.add(above, to, true);
  }
  return { ids, members, group, owner, ...edges.arrays() };
}

/** Whether tasks that one task opened are a group. */
function isGroup(opener: TaskRow | undefined, opened: readonly string[] | undefined): boolean {
  return opener?.each === true && opened !== undefined && opened.length > MOST_SIBLINGS;
}

function childrenOf(rows: Rows): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { id, parent } of rows.values()) {
    if (!parent || !rows.has(parent)) continue;
    const siblings = found.get(parent);
    if (siblings) siblings.push(id);
    else found.set(parent, [id]);
  }
  return found;
}

/** Of every task in a folded group the outermost of them. */
function groupsOf(rows: Rows, isFolded: (id: string) => boolean): Map<string, string> {
  const found = new Map<string, string>();
  const folded = new Map<string, boolean>();
  const above = (id: string): string | undefined => {
    let outermost: string | undefined;
    const met = new Set<string>();
    for (let up = rows.get(id)?.parent; up && rows.has(up) && !met.has(up); up = rows.get(up)!.parent) {
      met.add(up);
      if (!folded.has(up)) folded.set(up, isFolded(up));
      if (folded.get(up)) outermost = up;
    }
    return outermost;
  };
  for (const { id, parent } of rows.values()) {
    const inside = parent ? above(id) : undefined;
    if (inside !== undefined) found.set(id, inside);
  }
  return found;
}

function isWithin(node: number, family: number, owner: Int32Array): boolean {
  for (let up = owner[node]!, most = owner.length; up >= 0 && most > 0; up = owner[up]!, most--) if (up === family) return true;
  return false;
}

/** Where edges of those that wait for a node come from: the last of the tasks that it grew, if they are few, else itself. */
function endsOf(ids: readonly string[], positions: ReadonlyMap<string, number>, rows: Rows, owner: Int32Array): number[][] {
  const isFollowed = new Uint8Array(ids.length);
  ids.forEach((id, at) => {
    if (owner[at]! < 0) return;
    for (const { task } of rows.get(id)!.needs ?? []) {
      const from = positions.get(task);
      if (from !== undefined && owner[from] === owner[at]) isFollowed[from] = 1;
    }
  });
  const last: number[][] = ids.map(() => []);
  const ends: number[][] = ids.map((_, at) => [at]);
  // Children come after the tasks that grew them, so that theirs are known by then.
  for (let at = ids.length - 1; at >= 0; at--) {
    const own = last[at]!;
    if (own.length > 0 && own.length <= MOST_SIBLINGS) ends[at] = own.sort((a, b) => a - b);
    if (owner[at]! >= 0 && !isFollowed[at]) last[owner[at]!]!.push(...ends[at]!);
  }
  return ends;
}

/** Edges, each once; one that stands for several orders only if all of them do. */
class Edges {
  private readonly found = new Map<number, number>();
  private readonly pairs: number[] = [];
  private readonly weak: number[] = [];

  constructor(private readonly count: number) {}

  add(from: number, to: number, weak: boolean): void {
    const key = from * this.count + to;
    const known = this.found.get(key);
    if (known !== undefined) {
      if (!weak) this.weak[known] = 0;
      return;
    }
    this.found.set(key, this.weak.length);
    this.pairs.push(from, to);
    this.weak.push(weak ? 1 : 0);
  }

  arrays(): { edges: Int32Array; weak: Uint8Array } {
    return { edges: Int32Array.from(this.pairs), weak: Uint8Array.from(this.weak) };
  }
}
