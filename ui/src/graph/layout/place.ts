// A place in its layer for every node.
//
// What has a place keeps it. The others are drawn to their neighbours: a few times, to and fro through the layers, they are
// put in the order of what they are drawn to, as near to it as that order and the room between two nodes allow. In the end
// each takes the free place that is nearest.

import { grouped, headsOf, tailsOf } from "./arcs";
import { fit } from "./fit";
import { rowsOfColumn } from "./grid";
import { Slots } from "./slots";
import { noPlaces, type Places, type Shape } from "./shape";

/** Directions of the passes: neighbours on the left, on the right, on both sides. */
const PASSES = ["left", "right", "left", "right", "left", "both"] as const;

interface Neighbours {
  starts: Int32Array;
  others: Int32Array;
}

export function place(shape: Shape, layer: Int32Array): Places {
  const { count, before } = shape;
  const places = { ...noPlaces(count), layer };
  const layers = byLayer(layer);
  const most = rowsOfColumn(layers.map(({ length }) => length));
  const slots = layers.map(() => new Slots());
  const loose = keep(shape, places, slots);
  /** Where a node is, or is drawn to. */
  const row = Float64Array.from(places.row);
  loose.forEach((nodes, at) => {
    const first = slots[at]!.isEmpty ? 1 - nodes.length : slots[at]!.bottom + 2;
    nodes.forEach((v, i) => (row[v] = before.layer[v]! < 0 ? first + 2 * i : before.row[v]!));
  });
  const columns = layers.map(({ length }, at) => Math.max(slots[at]!.columns, Math.ceil(length / most)));
  draw(shape, loose, columns, row);
  loose.forEach((nodes, at) => {
    nodes.forEach((v, i) => {
      const slot = slots[at]!.take(row[v]!, i % columns[at]!, columns[at]!);
      places.row[v] = slot.row;
      places.column[v] = slot.column;
    });
  });
  return places;
}

function byLayer(layer: Int32Array): number[][] {
  const layers: number[][] = [];
  layer.forEach((at, v) => {
    while (layers.length <= at) layers.push([]);
    layers[at]!.push(v);
  });
  return layers;
}

/** Let nodes have the places that they had, those first that stand there now; of every layer the nodes that got none. */
function keep({ count, before, stands }: Shape, places: Places, slots: readonly Slots[]): number[][] {
  const { layer, column, row } = places;
  const isPlaced = new Uint8Array(count);
  for (const standing of [1, 0]) {
    for (let v = 0; v < count; v++) {
      if (stands[v] !== standing || before.layer[v] !== layer[v]) continue;
      if (!slots[layer[v]!]!.claim(before.row[v]!, before.column[v]!)) continue;
      row[v] = before.row[v]!;
      column[v] = before.column[v]!;
      isPlaced[v] = 1;
    }
  }
  const loose = slots.map((): number[] => []);
  for (let v = 0; v < count; v++) if (!isPlaced[v]) loose[layer[v]!]!.push(v);
  return loose;
}

/** Bring the loose nodes of every layer into an order, and draw them to rows that fit it. */
function draw({ count, edges, before }: Shape, loose: readonly number[][], columns: readonly number[], row: Float64Array): void {
  const from = tailsOf(edges);
  const to = headsOf(edges);
  const left = grouped(count, to, from);
  const right = grouped(count, from, to);
  const wanted = new Float64Array(count);
  const weight = new Float64Array(count);
  for (const side of PASSES) {
    const sides = side === "both" ? [left, right] : [side === "left" ? left : right];
    for (let i = 0; i < loose.length; i++) {
      const at = side === "right" ? loose.length - 1 - i : i;
      const nodes = loose[at]!;
      for (const v of nodes) {
        // What only changes its layer stays as high as it was.
        const degree = before.layer[v]! < 0 ? mean(v, sides, row, wanted) : 0;
        if (degree === 0) wanted[v] = row[v]!;
        weight[v] = degree === 0 ? 0.1 : 1;
      }
      nodes.sort((a, b) => wanted[a]! - wanted[b]! || row[a]! - row[b]! || a - b);
      fit(nodes, columns[at]!, wanted, weight, row);
    }
  }
}

/** Where the neighbours of a node are in the mean, into `wanted`; how many it has. */
function mean(v: number, sides: readonly Neighbours[], row: Float64Array, wanted: Float64Array): number {
  let sum = 0;
  let degree = 0;
  for (const { starts, others } of sides) {
    for (let i = starts[v]!; i < starts[v + 1]!; i++) sum += row[others[i]!]!;
    degree += starts[v + 1]! - starts[v]!;
  }
  if (degree > 0) wanted[v] = sum / degree;
  return degree;
}
