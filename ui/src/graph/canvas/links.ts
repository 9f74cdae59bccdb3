// Who is connected with whom among the nodes that are drawn, and where the keyboard goes from a node.

import type { GraphEdge, GraphNode } from "../model";

const NOBODY: readonly string[] = [];

export class Links {
  private readonly into = new Map<string, string[]>();
  private readonly out = new Map<string, string[]>();

  constructor(edges: readonly GraphEdge[]) {
    for (const { from, to } of edges) {
      append(this.out, from, to);
      append(this.into, to, from);
    }
  }

  needs(id: string): readonly string[] {
    return this.into.get(id) ?? NOBODY;
  }

  dependants(id: string): readonly string[] {
    return this.out.get(id) ?? NOBODY;
  }

  /** A node with those that it needs and those that need it. */
  around(id: string): ReadonlySet<string> {
    return new Set([id, ...this.needs(id), ...this.dependants(id)]);
  }
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const found = lists.get(key);
  if (found) found.push(value);
  else lists.set(key, [value]);
}

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** The node that an arrow leads to: along the edges to the side, to the nearest of the layer up and down; null where none is. */
export function stepped(nodes: ReadonlyMap<string, GraphNode>, links: Links, from: GraphNode, direction: Direction): GraphNode | null {
  if (direction === "ArrowLeft" || direction === "ArrowRight") {
    const ids = direction === "ArrowLeft" ? links.needs(from.id) : links.dependants(from.id);
    return nearest(from, ids.map((id) => nodes.get(id)!));
  }
  const isBeyond = direction === "ArrowUp" ? (node: GraphNode) => node.y < from.y : (node: GraphNode) => node.y > from.y;
  const placed = [...nodes.values()].filter((node) => node !== from && isBeyond(node));
  const column = placed.filter(({ x }) => x === from.x);
  return nearest(from, column.length > 0 ? column : placed.filter(({ layer }) => layer === from.layer));
}

function nearest(from: GraphNode, nodes: readonly GraphNode[]): GraphNode | null {
  let found: GraphNode | null = null;
  let least = Infinity;
  for (const node of nodes) {
    const away = Math.abs(node.y - from.y) + 0.001 * Math.abs(node.x - from.x);
    if (away < least) [found, least] = [node, away];
  }
  return found;
}
