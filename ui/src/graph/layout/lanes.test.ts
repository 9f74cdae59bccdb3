import { expect, it } from "vitest";
import { layout } from "./layout";
import { Lanes } from "./lanes";
import { sample } from "./samples";

const places = (...nodes: (readonly [layer: number, row: number])[]) => ({
  layer: Int32Array.from(nodes, ([layer]) => layer),
  column: new Int32Array(nodes.length),
  row: Int32Array.from(nodes, ([, row]) => row),
});

it("lets an edge be a curve where nothing is in its way", () => {
  expect(new Lanes(places([0, 0], [1, 6], [2, 0])).between(0, 2)).toEqual([]);
  expect(new Lanes(places([0, 0], [1, 4])).between(0, 1)).toEqual([]);
});

it("leads an edge past the nodes in its way, on the side of its goal", () => {
  expect(new Lanes(places([0, 0], [1, 0], [2, 0])).between(0, 2)).toEqual([{ first: 1, last: 1, row: 1 }]);
  expect(new Lanes(places([0, 0], [1, 0], [2, 0], [3, -2])).between(0, 3)).toEqual([{ first: 1, last: 2, row: -1 }]);
});

it("keeps to a lane as far as it goes", () => {
  const found = new Lanes(places([0, 0], [1, 0], [2, 4], [3, 1], [4, 0])).between(0, 4);
  expect(found).toEqual([{ first: 1, last: 2, row: 1 }, { first: 3, last: 3, row: 0 }]);
});

it.each([1, 2, 3])("never runs behind a node on its lanes (seed %i)", (seed) => {
  const { edges, ...rest } = sample(200, seed);
  const found = layout({ ...rest, edges });
  const lanes = new Lanes(found);
  const taken = new Set(Array.from(found.layer, (layer, v) => `${layer} ${found.row[v]}`));
  let most = 0;
  for (let i = 0; i < edges.length; i += 2) {
    const way = lanes.between(edges[i]!, edges[i + 1]!);
    most = Math.max(most, way.length);
    for (const { first, last, row } of way) for (let at = first; at <= last; at++) expect(taken.has(`${at} ${row}`)).toBe(false);
  }
  expect(most).toBeGreaterThan(0);
});
