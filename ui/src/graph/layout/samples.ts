// Graphs for tests and for measuring: random, but the same for the same seed.

import type { TaskRow } from "../../api/types";
import { noPlaces, type Places, type Shape } from "./shape";

/** Numbers in [0, 1) (mulberry32, a public domain generator by Tommy Ettinger). */
export function chance(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A graph of so many nodes, each with up to three edges from some of the `reach` before it. Some are grown by others, and
 * wait only for what was grown by the same: in a run nothing can wait for what waits for the task that grew it.
 */
export function sample(count: number, seed: number, reach = count): Shape {
  const random = chance(seed);
  const edges: number[] = [];
  const owner = new Int32Array(count).fill(-1);
  for (let v = 1; v < count; v++) {
    const near = () => Math.max(0, v - 1 - Math.floor(random() * reach));
    const kind = random();
    owner[v] = kind < 0.1 ? near() : kind < 0.25 ? owner[v - 1]! : -1;
    if (owner[v]! >= 0) edges.push(owner[v]!, v);
    for (let left = Math.floor(random() * 4); left > 0; left--) {
      const from = owner[v]! >= 0 && owner[v - 1] === owner[v] ? v - 1 : near();
      if (owner[from] === owner[v]) edges.push(from, v);
    }
  }
  return { count, edges: Int32Array.from(edges), owner, before: noPlaces(count), stands: new Uint8Array(count) };
}

/** A graph with the places that a layout of its first nodes gave them. */
export function placed(shape: Shape, places: Places): Shape {
  const before = noPlaces(shape.count);
  const stands = new Uint8Array(shape.count);
  for (let v = 0; v < Math.min(shape.count, places.layer.length); v++) {
    before.layer[v] = places.layer[v]!;
    before.column[v] = places.column[v]!;
    before.row[v] = places.row[v]!;
    stands[v] = 1;
  }
  return { ...shape, before, stands };
}

/** The part of a graph that its first nodes make. */
export function firstOf(shape: Shape, count: number): Shape {
  const edges = [];
  for (let i = 0; i < shape.edges.length; i += 2) if (shape.edges[i + 1]! < count) edges.push(shape.edges[i]!, shape.edges[i + 1]!);
  return { count, edges: Int32Array.from(edges), owner: shape.owner.slice(0, count), before: noPlaces(count), stands: new Uint8Array(count) };
}

/** A row of a task that has succeeded unless `more` says otherwise. */
export function row(id: string, needs: readonly string[] = [], more: Partial<TaskRow> = {}): TaskRow {
  return { id, op: "text.count", state: "succeeded", changed: 1, born: 1, needs: needs.map((task) => ({ task })), ...more };
}
