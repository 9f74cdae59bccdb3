import { describe, expect, it } from "vitest";
import { layout } from "./layout";
import { firstOf, placed, sample } from "./samples";
import type { Places, Shape } from "./shape";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const sizeOf = (seed: number) => [1, 7, 40, 150, 400][seed % 5]!;
const plain = ({ layer, column, row }: Places) => ({ layer: [...layer], column: [...column], row: [...row] });

function shape(count: number, edges: readonly (readonly [number, number])[], owners: Readonly<Record<number, number>> = {}): Shape {
  const empty = firstOf(sample(count, 1), count);
  const owner = Int32Array.from({ length: count }, (_, v) => owners[v] ?? -1);
  return { ...empty, owner, edges: Int32Array.from(edges.flat()) };
}

/** Pairs of nodes that are in one place, or nearer to each other than there is room for. */
function overlaps({ layer, column, row }: Places): string[] {
  const columns = new Map<string, number[]>();
  layer.forEach((at, v) => {
    const key = `${at}:${column[v]}`;
    columns.set(key, [...(columns.get(key) ?? []), row[v]!]);
  });
  return [...columns].flatMap(([key, rows]) => {
    rows.sort((a, b) => a - b);
    return rows.flatMap((at, i) => (i > 0 && at - rows[i - 1]! < 2 ? [`${key} ${rows[i - 1]} ${at}`] : []));
  });
}

function backwards({ edges }: Shape, { layer }: Places): string[] {
  const found = [];
  for (let i = 0; i < edges.length; i += 2) if (layer[edges[i]!]! >= layer[edges[i + 1]!]!) found.push(`${edges[i]} to ${edges[i + 1]}`);
  return found;
}

describe("any graph", () => {
  it.each(SEEDS)("has its edges pointing right, and no two nodes in one place (seed %i)", (seed) => {
    const graph = sample(sizeOf(seed), seed);
    const places = layout(graph);
    expect(backwards(graph, places)).toEqual([]);
    expect(overlaps(places)).toEqual([]);
  });

  it.each(SEEDS)("gets the same places again (seed %i)", (seed) => {
    const graph = sample(sizeOf(seed), seed);
    expect(plain(layout(graph))).toEqual(plain(layout(graph)));
  });

  it.each(SEEDS)("stays where it is as long as nothing comes (seed %i)", (seed) => {
    const graph = sample(sizeOf(seed), seed);
    const places = layout(graph);
    expect(plain(layout(placed(graph, places)))).toEqual(plain(places));
  });

  it.each(SEEDS)("grows beside what is there: only what changes its layer moves (seed %i)", (seed) => {
    const whole = sample(sizeOf(seed) + 50, seed, 60);
    let places = layout(firstOf(whole, sizeOf(seed)));
    for (let count = sizeOf(seed) + 10; count <= whole.count; count += 10) {
      const graph = firstOf(whole, count);
      const grown = layout(placed(graph, places));
      places.layer.forEach((layer, v) => {
        if (grown.layer[v] !== layer) return;
        expect([grown.row[v], grown.column[v]]).toEqual([places.row[v], places.column[v]]);
      });
      expect(backwards(graph, grown)).toEqual([]);
      expect(overlaps(grown)).toEqual([]);
      expect(plain(layout(placed(graph, places)))).toEqual(plain(grown));
      places = grown;
    }
  });
});

it("lays nothing out", () => {
  expect(plain(layout(shape(0, [])))).toEqual({ layer: [], column: [], row: [] });
});

it("draws a chain as a line", () => {
  const { layer, row } = layout(shape(4, [[0, 1], [1, 2], [2, 3]]));
  expect([...layer]).toEqual([0, 1, 2, 3]);
  expect(new Set(row).size).toBe(1);
});

it("spreads what follows one task around it, in their order", () => {
  const { row } = layout(shape(6, [[0, 1], [0, 2], [0, 3], [1, 4], [2, 4], [3, 4], [4, 5]]));
  expect([...row].map((at) => at - row[0]!)).toEqual([0, -2, 0, 2, 0, 0]);
});

it("does not let two branches cross that need not", () => {
  const { row } = layout(shape(6, [[0, 3], [1, 2], [2, 5], [3, 4]]));
  const isAbove = (a: number, b: number) => row[a]! < row[b]!;
  expect([isAbove(0, 1), isAbove(3, 2), isAbove(4, 5)]).toEqual(Array(3).fill(isAbove(0, 1)));
});

it("puts what a task grew right of it, and what waits for it right of both", () => {
  // 1 and 2 are grown by 0, 3 is grown by 2, and 4 waits for 0 alone.
  const { layer } = layout(shape(5, [[1, 2], [0, 4]], { 1: 0, 2: 0, 3: 2 }));
  expect([...layer]).toEqual([0, 1, 2, 3, 4]);
});

it("ends where tasks wait for each other", () => {
  const graph = shape(4, [[0, 1], [1, 2], [2, 0], [2, 3]]);
  const places = layout(graph);
  expect(places.layer[3]!).toBe(places.layer[2]! + 1);
  expect(overlaps(places)).toEqual([]);
  expect(overlaps(layout(shape(3, [], { 0: 1, 1: 0, 2: 2 })))).toEqual([]);
});

it("gives a layer of thousands several columns, so that the picture is neither a thread nor a wall", () => {
  const count = 3000;
  const { column, row } = layout(shape(count, Array.from({ length: count - 1 }, (_, v) => [0, v + 1] as const)));
  const columns = new Set(column).size;
  const rows = (Math.max(...row) - Math.min(...row)) / 2 + 1;
  const aspect = (columns * 208) / (rows * 56);
  expect(aspect).toBeGreaterThan(0.8);
  expect(aspect).toBeLessThan(2.5);
});

it.each(SEEDS)("leaves out edges that others imply, and only these (seed %i)", (seed) => {
  const { edges, ...rest } = sample(40, seed);
  const { implied } = layout({ ...rest, edges });
  const shown = Array.from(implied, (is, at) => (is ? [] : [[edges[2 * at]!, edges[2 * at + 1]!] as const])).flat();
  const leads = (from: number, to: number, but = -1): boolean =>
    shown.some(([a, b], at) => at !== but && a === from && (b === to || leads(b, to, but)));
  implied.forEach((is, at) => is && expect(leads(edges[2 * at]!, edges[2 * at + 1]!)).toBe(true));
  const pairs = shown.map(String);
  shown.forEach(([from, to], at) => pairs.indexOf(`${from},${to}`) === pairs.lastIndexOf(`${from},${to}`) && expect(leads(from, to, at)).toBe(false));
});

it("lets a node that comes back to a place that was given away make way", () => {
  const graph = shape(3, [[0, 1], [0, 2]]);
  const places = { layer: Int32Array.of(0, 1, 1), column: Int32Array.of(0, 0, 0), row: Int32Array.of(0, 4, 4) };
  const found = layout({ ...placed(graph, places), stands: Uint8Array.of(1, 0, 1) });
  expect(found.row[2]).toBe(4);
  expect(Math.abs(found.row[1]! - 4)).toBe(2);
});

it("keeps what changes its layer as high as it was", () => {
  const before = layout(shape(6, [[0, 1], [0, 2], [0, 3]]));
  const after = layout(placed(shape(6, [[0, 1], [0, 2], [0, 3], [3, 4], [4, 2]]), before));
  expect(after.layer[2]).toBe(3);
  expect(after.row[2]).toBe(before.row[2]);
});

it("is quick: a big graph as it is opened, and as it grows", () => {
  const whole = sample(10_000, 1);
  const took = (graph: Shape) => {
    const began = performance.now();
    const places = layout(graph);
    return [places, performance.now() - began] as const;
  };
  const [places, first] = took(firstOf(whole, 9900));
  const [, growth] = took(placed(whole, places));
  console.log(`10,000 tasks: ${first.toFixed(0)} ms; 100 more: ${growth.toFixed(0)} ms`);
  expect(first).toBeLessThan(4000);
  expect(growth).toBeLessThan(1000);
});
