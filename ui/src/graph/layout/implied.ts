// Edges that say nothing new: a to c, where a leads to b and b to c. A picture without them shows the same order.

import { grouped, headsOf, type Arcs } from "./arcs";

/** Of more nodes than this nothing is left out: what leads to what is kept as a bit for each pair, 32 MB of them here. */
const MOST_NODES = 16_384;

/** Of every edge whether others imply it. */
export function impliedOf({ count, sorted }: Arcs, edges: Int32Array): Uint8Array {
  const implied = new Uint8Array(edges.length / 2);
  if (count > MOST_NODES) return implied;
  const { starts, others } = grouped(count, headsOf(edges), Int32Array.from(implied, (_, edge) => edge));
  const words = Math.ceil(count / 32);
  /** Of every node those that lead to it. */
  const sources = new Uint32Array(count * words);
  for (const v of sorted) {
    if (v >= count) continue;
    const base = v * words;
    for (let i = starts[v]!; i < starts[v + 1]!; i++) {
      const from = edges[2 * others[i]!]! * words;
      for (let word = 0; word < words; word++) sources[base + word]! |= sources[from + word]!;
    }
    for (let i = starts[v]!; i < starts[v + 1]!; i++) {
      const from = edges[2 * others[i]!]!;
      if ((sources[base + (from >> 5)]! >>> (from & 31)) & 1) implied[others[i]!] = 1;
    }
    for (let i = starts[v]!; i < starts[v + 1]!; i++) {
      const from = edges[2 * others[i]!]!;
      sources[base + (from >> 5)]! |= 1 << (from & 31);
    }
  }
  return implied;
}
