// Rows for nodes whose order is given: as near to where each is wanted as that order allows.

/** Of two nodes below each other. */
const SPACING = 2;

/**
 * Write rows of nodes, so that the squares of how far each is from where it is wanted sum up to the least.
 *
 * Neighbours that would come too near are joined into a block, which lies where its nodes want it in the mean (pool adjacent
 * violators: Barlow et al., "Statistical Inference under Order Restrictions", 1972).
 *
 * @param nodes in their order
 * @param columns so many nodes share a row
 */
export function fit(nodes: readonly number[], columns: number, wanted: Float64Array, weight: Float64Array, row: Float64Array): void {
  const rows = Math.ceil(nodes.length / columns);
  // Of every block: where its first row is wanted, how much it weighs, and the first row after it.
  const firsts = new Float64Array(rows);
  const weights = new Float64Array(rows);
  const ends = new Int32Array(rows);
  let blocks = 0;
  for (let at = 0; at < rows; at++) {
    let first = 0;
    let weighs = 0;
    for (let i = at * columns; i < Math.min(nodes.length, (at + 1) * columns); i++) {
      first += wanted[nodes[i]!]! * weight[nodes[i]!]!;
      weighs += weight[nodes[i]!]!;
    }
    // Where the row would be if all rows above it were closed up to it: that must not fall.
    first = first / weighs - SPACING * at;
    while (blocks > 0 && firsts[blocks - 1]! >= first) {
      blocks--;
      first = (first * weighs + firsts[blocks]! * weights[blocks]!) / (weighs + weights[blocks]!);
      weighs += weights[blocks]!;
    }
    firsts[blocks] = first;
    weights[blocks] = weighs;
    ends[blocks++] = at + 1;
  }
  for (let block = 0, at = 0; block < blocks; block++) {
    for (; at < ends[block]!; at++) {
      const found = firsts[block]! + SPACING * at;
      for (let i = at * columns; i < Math.min(nodes.length, (at + 1) * columns); i++) row[nodes[i]!] = found;
    }
  }
}
