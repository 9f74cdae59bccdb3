// Which nodes are where: a grid over the picture.

import { NODE_HEIGHT, NODE_WIDTH, type GraphBounds, type GraphNode } from "../model";

const CELL_PX = 512;
const key = (column: number, row: number) => column * 65_536 + row;
const cell = (at: number) => Math.floor(at / CELL_PX) + 16_384;

export class NodeGrid {
  private readonly cells = new Map<number, GraphNode[]>();

  constructor(nodes: Iterable<GraphNode>) {
    for (const node of nodes) {
      if (Number.isNaN(node.x)) continue;
      const at = key(cell(node.x), cell(node.y));
      const found = this.cells.get(at);
      if (found) found.push(node);
      else this.cells.set(at, [node]);
    }
  }

  /** Nodes of which something is within. */
  within({ left, top, right, bottom }: GraphBounds): GraphNode[] {
    const [halfWidth, halfHeight] = [NODE_WIDTH / 2, NODE_HEIGHT / 2];
    const found: GraphNode[] = [];
    const columns = [cell(left - halfWidth), cell(right + halfWidth)] as const;
    const rows = [cell(top - halfHeight), cell(bottom + halfHeight)] as const;
    const take = (nodes: readonly GraphNode[]) => {
      for (const node of nodes) {
        if (node.x + halfWidth < left || node.x - halfWidth > right) continue;
        if (node.y + halfHeight < top || node.y - halfHeight > bottom) continue;
        found.push(node);
      }
    };
    if ((columns[1] - columns[0] + 1) * (rows[1] - rows[0] + 1) > this.cells.size) {
      for (const nodes of this.cells.values()) take(nodes);
      return found;
    }
    for (let column = columns[0]; column <= columns[1]; column++) {
      for (let row = rows[0]; row <= rows[1]; row++) take(this.cells.get(key(column, row)) ?? []);
    }
    return found;
  }

  /** The node at a place, or one that is at most `slack` away. */
  at({ x, y }: { x: number; y: number }, slack = 0): GraphNode | null {
    const near = this.within({ left: x - slack, top: y - slack, right: x + slack, bottom: y + slack });
    let found: GraphNode | null = null;
    let least = Infinity;
    for (const node of near) {
      const away = Math.max(0, Math.abs(node.x - x) - NODE_WIDTH / 2) + Math.max(0, Math.abs(node.y - y) - NODE_HEIGHT / 2);
      if (away < least) [found, least] = [node, away];
    }
    return found;
  }
}
