// Ways of edges around nodes: an edge that would run behind one takes lanes between two rows instead.

import { COLUMN_GAP, COLUMN_PX, HALF_ROW_PX, layerSides } from "./grid";
import type { Places } from "./shape";

/** Nearer to the centre of a node than this, in half rows, an edge is behind it. */
const BEHIND = 0.9;

export class Lanes {
  /** Of every layer the rows in which nodes are; between two of them there is room for a lane. */
  private readonly taken: Set<number>[] = [];
  private readonly left: Float64Array;
  private readonly right: Float64Array;

  constructor(private readonly places: Places) {
    const { layer, row } = places;
    for (let v = 0; v < layer.length; v++) {
      while (this.taken.length <= layer[v]!) this.taken.push(new Set());
      this.taken[layer[v]!]!.add(row[v]!);
    }
    ({ left: this.left, right: this.right } = layerSides(places));
  }

  /** Points that an edge between two nodes leads through, x and y of each: where each of its lanes begins and ends. */
  between(from: number, to: number): readonly number[] {
    const { layer, column, row } = this.places;
    const [begin, end] = [layer[from]!, layer[to]!];
    /** Where the next column after that of `from` begins, and where the one before that of `to` ends. */
    const next = this.left[begin]! + (column[from]! + 1) * COLUMN_PX;
    const previous = this.left[end]! + column[to]! * COLUMN_PX - COLUMN_GAP;
    const isInside = next < this.right[begin]! || previous > this.left[end]!;
    if (end <= begin || (!isInside && this.isClear(begin, end, row[from]!, row[to]!))) return [];
    const points: number[] = [];
    let at = row[from]!;
    const take = (lane: number, first: number, last: number) => {
      if (points.length > 0 && lane === at) points[points.length - 2] = last;
      else points.push(first, lane * HALF_ROW_PX, last, lane * HALF_ROW_PX);
      at = lane;
    };
    if (next < this.right[begin]!) take(this.nearest(begin, at, row[to]!), next, this.right[begin]!);
    for (let i = begin + 1; i < end; i++) take(this.nearest(i, at, row[to]!), this.left[i]!, this.right[i]!);
    if (previous > this.left[end]!) take(this.nearest(end, row[to]!, at), this.left[end]!, previous);
    return points;
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
