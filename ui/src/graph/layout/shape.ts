// What a layout is made of: a graph as numbers, and places as numbers. Typed arrays alone, so that they travel to a worker
// and back without being copied.

/** Places of nodes by their positions: of a node without one `layer` is -1. */
export interface Places {
  /** Layers count from the left; what a task waits for is in one before its own. */
  readonly layer: Int32Array;
  /** A layer of many nodes has several columns. */
  readonly column: Int32Array;
  /** The row, in halves of the distance between two nodes: below each other in a column they differ by 2 at least. */
  readonly row: Int32Array;
}

export interface Layout extends Places {
  /** Of every edge whether a way over other nodes says the same. */
  readonly implied: Uint8Array;
}

/** A graph whose nodes are numbers, in the order in which they came. */
export interface Shape {
  readonly count: number;
  /** Pairs: from, to. */
  readonly edges: Int32Array;
  /** Of every node the one whose growth added it, or -1. It lies left of it, and what waits for it right of both. */
  readonly owner: Int32Array;
  /** Where nodes are, or were once. */
  readonly before: Places;
  /** Of every node whether it stands at its place now (1), so that one that comes back makes way for it. */
  readonly stands: Uint8Array;
}

export function noPlaces(count: number): Places {
  return { layer: new Int32Array(count).fill(-1), column: new Int32Array(count), row: new Int32Array(count) };
}

export const buffersOf = ({ layer, column, row, implied }: Layout): Transferable[] =>
  [layer, column, row, implied].map(({ buffer }) => buffer as ArrayBuffer);
