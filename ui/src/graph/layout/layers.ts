// Which layer each task is in: one right of all that it waits for, and as far left as that allows.

import type { Arcs } from "./arcs";

export function layersOf({ count, sorted, starts, sources }: Arcs): Int32Array {
  const layer = new Int32Array(2 * count).fill(-1);
  for (const v of sorted) {
    let last = -1;
    for (let i = starts[v]!; i < starts[v + 1]!; i++) last = Math.max(last, layer[sources[i]!]!);
    layer[v] = v < count ? last + 1 : last;
  }
  return layer.slice(0, count);
}
