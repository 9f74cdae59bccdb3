// Which layer each task is in: one right of all that it waits for, and as far left as that allows.

import { arcsOf } from "./arcs";

export function layersOf(count: number, edges: Int32Array, owner: Int32Array): Int32Array {
  const { sorted, starts, sources } = arcsOf(count, edges, owner);
  const layer = new Int32Array(2 * count).fill(-1);
  for (const v of sorted) {
    let last = -1;
    for (let i = starts[v]!; i < starts[v + 1]!; i++) last = Math.max(last, layer[sources[i]!]!);
    layer[v] = v < count ? last + 1 : last;
  }
  return layer.subarray(0, count);
}
