import { expect, it } from "vitest";
import { HALF_ROW_PX, layerSides, NODE_HEIGHT } from "./grid";
import { Lanes } from "./lanes";
import { layout } from "./layout";
import { sample } from "./samples";
import type { Places } from "./shape";

const places = (...nodes: (readonly [layer: number, row: number, column?: number])[]): Places => ({
  layer: Int32Array.from(nodes, ([layer]) => layer),
  column: Int32Array.from(nodes, ([, , column]) => column ?? 0),
  row: Int32Array.from(nodes, ([, row]) => row),
});

/** Lanes as their rows, with the layers in which they begin and end. */
function lanes(found: Places, from: number, to: number): string[] {
  const points = new Lanes(found).between(from, to);
  const { left, right } = layerSides(found);
  return Array.from({ length: points.length / 4 }, (_, at) => {
    const [first, y, last] = points.slice(4 * at, 4 * at + 3) as [number, number, number];
    return `${left.findLastIndex((x) => x <= first)}-${right.findIndex((x) => x >= last)}: ${y / HALF_ROW_PX}`;
  });
}

it("lets an edge be a curve where nothing is in its way", () => {
  expect(lanes(places([0, 0], [1, 6], [2, 0]), 0, 2)).toEqual([]);
  expect(lanes(places([0, 0], [1, 4]), 0, 1)).toEqual([]);
  expect(lanes(places([1, 0], [0, 0]), 0, 1)).toEqual([]);
});

it("leads an edge past the nodes in its way, on the side of its goal", () => {
  expect(lanes(places([0, 0], [1, 0], [2, 0]), 0, 2)).toEqual(["1-1: 1"]);
  expect(lanes(places([0, 0], [1, 0], [2, 0], [3, -2]), 0, 3)).toEqual(["1-2: -1"]);
});

it("keeps to a lane as far as it goes", () => {
  expect(lanes(places([0, 0], [1, 0], [2, 4], [3, 1], [4, 0]), 0, 4)).toEqual(["1-2: 1", "3-3: 0"]);
});

it("leads an edge to and from a node inside a layer of several columns", () => {
  const wide = places([0, 0], [1, 0, 0], [1, 0, 1], [1, 0, 2], [2, 0]);
  expect(lanes(wide, 0, 1)).toEqual([]);
  expect(lanes(wide, 0, 3)).toEqual(["1-1: 1"]);
  expect(lanes(wide, 2, 4)).toEqual(["1-1: 1"]);
  expect(lanes(wide, 3, 4)).toEqual([]);
});

it.each([1, 2, 3, 4])("never runs behind a node on its lanes (seed %i)", (seed) => {
  const { edges, ...rest } = sample(300, seed, seed % 2 ? 300 : 8);
  const found = layout({ ...rest, edges });
  const { left } = layerSides(found);
  const boxes = Array.from(found.layer, (layer, v) => ({ left: left[layer]! + found.column[v]! * 208, y: found.row[v]! * HALF_ROW_PX }));
  const all = new Lanes(found);
  let most = 0;
  for (let i = 0; i < edges.length; i += 2) {
    const points = all.between(edges[i]!, edges[i + 1]!);
    most = Math.max(most, points.length);
    for (let at = 0; at < points.length; at += 4) {
      const [first, y, last] = points.slice(at, at + 3) as [number, number, number];
      const behind = boxes.filter((box) => box.left < last && box.left + 184 > first && Math.abs(box.y - y) <= NODE_HEIGHT / 2);
      expect(behind).toEqual([]);
    }
  }
  expect(most).toBeGreaterThan(0);
});
