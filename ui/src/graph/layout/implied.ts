// Edges that say nothing new: a to c, where a leads to b and b to c. A picture without them shows the same order.

import { grouped, headsOf, tailsOf, type Arcs } from "./arcs";

/** Of more nodes than this nothing is left out: what leads to what is kept as a bit for each pair, 32 MB of them here. */
const MOST_NODES = 16_384;

/** Of every edge whether others imply it. */
export function impliedOf({ count, sorted }: Arcs, edges: Int32Array): Uint8Array {
  const implied = new Uint8Array(edges.length / 2);
  if (count > MOST_NODES) return implied;
  const tails = tailsOf(edges);
  const { starts, others: incoming } = grouped(count, headsOf(edges), Int32Array.from(implied, (_, edge) => edge));
  // Bits are given in order, so that what leads to a node lies in the words up to its own.
  const rank = new Int32Array(count);
  let ranked = 0;
  for (const v of sorted) if (v < count) rank[v] = ranked++;
  const words = (count + 31) >> 5;
  /** Of every node those that lead to it. */
  const leading = new Int32Array(count * words);
  const isLeading = new Uint8Array(count);
  for (const tail of tails) isLeading[tail] = 1;
  for (const v of sorted) {
    if (v >= count) continue;
    const [begin, end] = [starts[v]!, starts[v + 1]!];
    // Of a single edge nothing can be said, and nobody asks what leads to a node that leads nowhere.
    if (end === begin || (end === begin + 1 && !isLeading[v])) continue;
    const base = rank[v]! * words;
    for (let i = begin; i < end; i++) {
      const bit = rank[tails[incoming[i]!]!]!;
      const from = bit * words;
      for (let word = bit >> 5; word >= 0; word--) leading[base + word]! |= leading[from + word]!;
    }
    for (let i = begin; i < end; i++) {
      const bit = rank[tails[incoming[i]!]!]!;
      if ((leading[base + (bit >> 5)]! >>> (bit & 31)) & 1) implied[incoming[i]!] = 1;
    }
    for (let i = begin; i < end; i++) {
      const bit = rank[tails[incoming[i]!]!]!;
      leading[base + (bit >> 5)]! |= 1 << (bit & 31);
    }
  }
  return implied;
}
