// Ways of edges around nodes: an edge over several layers that would run behind a node takes a lane between two rows instead.

import type { Places } from "./shape";

/** A stretch of a lane: the layers that it crosses, the first and the last, and its row. */
export interface Lane {
  first: number;
  last: number;
  row: number;
}

/** Nearer to the centre of a node than this, in half rows, an edge is behind it. */
const BEHIND = 0.9;

export class Lanes {
  /** Of every layer the rows in which nodes are; between two of them there is room for a lane. */
  private readonly taken: Set<number>[] = [];

  constructor(private readonly places: Places) {
    const { layer, row } = places;
    for (let v = 0; v < layer.length; v++) {
      while (this.taken.length <= layer[v]!) this.taken.push(new Set());
      this.taken[layer[v]!]!.add(row[v]!);
    }
  }

  /** What an edge between two nodes keeps to from left to right; nothing where it need not. */
  between(from: number, to: number): readonly Lane[] {
    const { layer, row } = this.places;
    const [begin, end] = [layer[from]!, layer[to]!];
    if (end - begin < 2 || this.isClear(begin, end, row[from]!, row[to]!)) return [];
    const lanes: Lane[] = [];
    for (let at = begin + 1; at < end; at++) {
      const before = lanes.at(-1);
      const lane = this.nearest(at, before?.row ?? row[from]!, row[to]!);
      if (before?.row === lane) before.last = at;
      else lanes.push({ first: at, last: at, row: lane });
    }
    return lanes;
  }

  /** Whether the curve that an edge is drawn as without lanes leads past the nodes in between. */
  private isClear(begin: number, end: number, from: number, to: number): boolean {
    for (let at = begin + 1; at < end; at++) {
      const part = (at - begin) / (end - begin);
      const row = from + (to - from) * part * part * (3 - 2 * part);
      for (const near of [Math.floor(row), Math.ceil(row)]) {
        if (Math.abs(near - row) < BEHIND && this.taken[at]!.has(near)) return false;
      }
    }
    return true;
  }

  /** The free row of a layer nearest to one; of two equally near the one on the side of the goal. */
  private nearest(layer: number, row: number, goal: number): number {
    const toGoal = goal < row ? -1 : 1;
    for (let distance = 0; ; distance++) {
      for (const found of [row + toGoal * distance, row - toGoal * distance]) if (!this.taken[layer]!.has(found)) return found;
    }
  }
}
