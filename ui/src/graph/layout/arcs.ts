// The order that a graph of growing tasks imposes: each begins after what it waits for has ended and after the task that
// grew it has begun, and a task that grew others has ended when these have.
//
// So there are two vertices to a task: `v` is its beginning, `count + v` its end.

export interface Arcs {
  readonly count: number;
  /** All 2 * count vertices, each after those that it follows. */
  readonly sorted: Int32Array;
  /** Vertex v follows sources[starts[v]] to sources[starts[v + 1] - 1]. */
  readonly starts: Int32Array;
  readonly sources: Int32Array;
}

/**
 * Tasks in a circle, which a run refuses but a fold of tasks into groups may make, are broken up at the first of them.
 *
 * @param edges pairs: from, to
 * @param owner of every task the one whose growth added it, or -1
 */
export function arcsOf(count: number, edges: Int32Array, owner: Int32Array): Arcs {
  const most = 3 * count + edges.length / 2;
  const tails = new Int32Array(most);
  const heads = new Int32Array(most);
  let arcs = 0;
  const arc = (tail: number, head: number) => {
    tails[arcs] = tail;
    heads[arcs++] = head;
  };
  for (let v = 0; v < count; v++) {
    arc(v, count + v);
    const above = owner[v]!;
    if (above < 0) continue;
    arc(above, v);
    arc(count + v, count + above);
  }
  for (let i = 0; i < edges.length; i += 2) {
    const from = edges[i]!;
    const to = edges[i + 1]!;
    if (from !== to) arc(isAbove(from, to, owner) ? from : count + from, to);
  }
  const used = { tails: tails.subarray(0, arcs), heads: heads.subarray(0, arcs) };
  const { starts, others: sources } = grouped(2 * count, used.heads, used.tails);
  return { count, starts, sources, sorted: sort(2 * count, used.tails, used.heads) };
}

export const tailsOf = (edges: Int32Array): Int32Array => Int32Array.from({ length: edges.length / 2 }, (_, edge) => edges[2 * edge]!);
export const headsOf = (edges: Int32Array): Int32Array => Int32Array.from({ length: edges.length / 2 }, (_, edge) => edges[2 * edge + 1]!);

/** Neighbours by vertex: those of v are others[starts[v]] to others[starts[v + 1] - 1], in the order of the arcs. */
export function grouped(vertices: number, by: Int32Array, what: Int32Array): { starts: Int32Array; others: Int32Array } {
  const starts = new Int32Array(vertices + 1);
  for (let i = 0; i < by.length; i++) starts[by[i]! + 1]!++;
  for (let v = 0; v < vertices; v++) starts[v + 1]! += starts[v]!;
  const next = starts.slice();
  const others = new Int32Array(by.length);
  for (let i = 0; i < by.length; i++) others[next[by[i]!]!++] = what[i]!;
  return { starts, others };
}

function isAbove(from: number, to: number, owner: Int32Array): boolean {
  // Owners that own each other would be a fault of whoever made them; as many steps as there are tasks are enough.
  for (let v = owner[to]!, steps = owner.length; v >= 0 && steps > 0; v = owner[v]!, steps--) if (v === from) return true;
  return false;
}

function sort(vertices: number, tails: Int32Array, heads: Int32Array): Int32Array {
  const { starts, others: followers } = grouped(vertices, tails, heads);
  const missing = new Int32Array(vertices);
  for (const head of heads) missing[head]!++;
  const sorted = new Int32Array(vertices);
  const isMet = new Uint8Array(vertices);
  let end = 0;
  const meet = (v: number) => {
    isMet[v] = 1;
    sorted[end++] = v;
  };
  for (let v = 0; v < vertices; v++) if (missing[v] === 0) meet(v);
  for (let at = 0, first = 0; at < vertices; at++) {
    if (at === end) {
      while (isMet[first]) first++;
      meet(first);
    }
    const v = sorted[at]!;
    for (let i = starts[v]!; i < starts[v + 1]!; i++) {
      const follower = followers[i]!;
      if (--missing[follower]! === 0 && !isMet[follower]) meet(follower);
    }
  }
  return sorted;
}
