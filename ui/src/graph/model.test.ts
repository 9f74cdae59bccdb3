import { expect, it } from "vitest";
import type { Change, RunHead, TaskRow } from "../api/types";
import { RunStore } from "../state/run";
import { chance, row } from "./layout/samples";
import { GraphModel, NODE_HEIGHT, NODE_WIDTH, type GraphChange, type GraphNode } from "./model";
import { fixed } from "./source";

const HEAD: RunHead = { run: "r", state: "running", live: true, seq: 0, started_at: 0, now: 0 };
const mapped = (count: number, more: Partial<TaskRow> = {}) =>
  Array.from({ length: count }, (_, at) => row(`m/${at}`, ["a"], { parent: "m", ...more }));

/** A run with a model of it, and what the model said. */
function live(...rows: TaskRow[]) {
  const store = new RunStore("r");
  const change = (tasks: TaskRow[], gone: string[] = []): Change => ({ seq: store.seq + 1, head: HEAD, tasks, gone });
  store.apply(change(rows));
  const model = new GraphModel(store);
  const said: GraphChange[] = [];
  model.listen((heard) => said.push(heard));
  return { store, model, said, apply: (tasks: TaskRow[], gone?: string[]) => store.apply(change(tasks, gone)) };
}

const placesOf = (model: GraphModel) => new Map([...model.nodes.values()].map(({ id, x, y }) => [id, [x, y]]));

it("has nodes and edges with places, and knows how far they reach", () => {
  const { model } = live(row("a"), row("b", ["a"]));
  expect([...model.nodes.keys()]).toEqual(["a", "b"]);
  expect(model.edges).toEqual([{ from: "a", to: "b", weak: false, via: [] }]);
  const [a, b] = ["a", "b"].map((id) => model.nodes.get(id)!) as [GraphNode, GraphNode];
  expect(b.y).toBe(a.y);
  expect(b.x).toBeGreaterThan(a.x + NODE_WIDTH);
  expect([a.layer, b.layer, a.bornAt]).toEqual([0, 1, 0]);
  expect(model.bounds).toEqual({
    left: a.x - NODE_WIDTH / 2,
    right: b.x + NODE_WIDTH / 2,
    top: a.y - NODE_HEIGHT / 2,
    bottom: a.y + NODE_HEIGHT / 2,
  });
});

it("says which node changed where a task only changed its state", () => {
  const { model, said, apply } = live(row("a", [], { state: "running" }), row("b", ["a"]));
  apply([row("a")]);
  expect(said).toEqual([{ changed: ["a"], structure: false, moved: false }]);
  expect(model.nodes.get("a")!.row.state).toBe("succeeded");
});

it("takes in new tasks beside those that are there, and says so", () => {
  const { model, said, apply } = live(row("a"), row("b", ["a"]));
  const before = placesOf(model);
  const node = model.nodes.get("a");
  apply([row("c", ["a"])]);
  expect(said.map(({ structure, moved }) => [structure, moved])).toEqual([[true, false], [true, true]]);
  expect(model.nodes.get("a")).toBe(node);
  expect(placesOf(model).get("a")).toEqual(before.get("a"));
  expect(placesOf(model).get("b")).toEqual(before.get("b"));
  expect(model.nodes.get("c")!.bornAt).toBeGreaterThan(0);
  expect(model.nodes.get("c")!.y).not.toBeNaN();
});

it("draws anew what waits for something else than before, and forgets what is gone", () => {
  const { model, apply } = live(row("a"), row("b"), row("c", ["a"]));
  apply([row("c", ["b"])]);
  expect(model.edges).toEqual([{ from: "b", to: "c", weak: false, via: [] }]);
  apply([], ["b"]);
  expect([...model.nodes.keys()]).toEqual(["a", "c"]);
  expect(model.edges).toEqual([]);
});

it("keeps edges apart that a way over others says already", () => {
  const { model, apply } = live(row("a"), row("b", ["a"]), row("c", ["b", "a"]));
  const named = (edges: GraphModel["edges"]) => edges.map(({ from, to }) => from + to);
  expect([named(model.edges), named(model.implied)]).toEqual([["ab", "bc"], ["ac"]]);
  apply([row("b")]);
  expect([named(model.edges), named(model.implied)]).toEqual([["bc", "ac"], []]);
});

it("leads an edge around the nodes that it would be behind", () => {
  const { model } = live(row("a"), row("b"), row("c", ["b"]), row("d", ["c"]), row("e", ["a", "d"]), ...["f", "g", "h"].map((id) => row(id, ["b"])));
  const edge = model.edges.find(({ from, to }) => from === "a" && to === "e")!;
  const points = edge.via.length / 2;
  expect(points % 2).toBe(0);
  for (let at = 0; at < points; at += 2) {
    const [left, y, right, end] = edge.via.slice(2 * at, 2 * at + 4) as [number, number, number, number];
    expect(end).toBe(y);
    for (const node of model.nodes.values()) {
      const isBeside = node.x + NODE_WIDTH / 2 <= left || node.x - NODE_WIDTH / 2 >= right;
      expect(isBeside || Math.abs(node.y - y) > NODE_HEIGHT / 2).toBe(true);
    }
  }
});

it("counts what is in a group as it changes", () => {
  const { model, said, apply } = live(row("a"), row("m", ["a"], { each: true, state: "grown" }), ...mapped(10, { state: "ready" }));
  expect(model.nodes.get("m")!.counts).toEqual({ ready: 10 });
  expect(model.nodes.get("m")!.members).toHaveLength(10);
  apply(mapped(3));
  apply([row("m/9", ["a"], { parent: "m", state: "ready", note: "half" })]);
  expect(model.nodes.get("m")!.counts).toEqual({ ready: 7, succeeded: 3 });
  expect(said.map(({ changed }) => changed)).toEqual([["m"], []]);
});

it("unfolds a group and folds it again, and says which node stands for a task", () => {
  const { model, said } = live(row("a"), row("m", ["a"], { each: true }), ...mapped(10), row("z", ["m"]));
  const before = placesOf(model);
  expect(model.visible("m/3")).toBe("m");
  model.toggle("m");
  expect([...model.expanded]).toEqual(["m"]);
  expect(model.visible("m/3")).toBe("m/3");
  expect(model.nodes.size).toBe(13);
  expect(model.nodes.get("m/3")!.bornAt).toBe(0);
  expect(model.nodes.get("z")!.layer).toBe(3);
  model.toggle("m");
  expect(placesOf(model)).toEqual(before);
  expect(said.some(({ structure }) => structure)).toBe(true);
});

it("does not fold before somebody's eyes what grew long, but when asked to", () => {
  const turns = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => row(`g/${from + at}`, from + at ? [`g/${from + at - 1}`] : [], { parent: "g" }));
  const { model, apply } = live(row("g"), ...turns(0, 20));
  apply(turns(20, 100));
  expect(model.nodes.size).toBe(101);
  expect([...model.expanded]).toEqual(["g"]);
  model.toggle("g");
  expect(model.nodes.size).toBe(1);
  expect(model.nodes.get("g")!.counts).toEqual({ succeeded: 100 });
});

it("keeps the places of what stays as time is moved to and fro", () => {
  const whole = [row("a"), row("b", ["a"]), row("c", ["a"]), row("d", ["b"]), row("e", ["c", "d"])];
  const model = new GraphModel(fixed(whole));
  const now = placesOf(model);
  model.sourceChanged(fixed(whole.filter(({ id }) => id !== "b" && id !== "d")));
  expect(placesOf(model).get("a")).toEqual(now.get("a"));
  expect(placesOf(model).get("c")).toEqual(now.get("c"));
  model.sourceChanged(fixed(whole));
  expect(placesOf(model)).toEqual(now);
});

it("looks at everything again where a source does not say what changed", () => {
  const rows = new Map([["a", row("a")]]);
  let tell = (_: object) => {};
  const model = new GraphModel({ rows, now: () => 0, listen: (heard) => ((tell = heard), () => (tell = () => {})) });
  rows.set("b", row("b", ["a"]));
  tell({});
  expect([...model.nodes.keys()]).toEqual(["a", "b"]);
  model.dispose();
  rows.set("c", row("c"));
  tell({});
  expect(model.nodes.has("c")).toBe(false);
});

it("is empty where the source is", () => {
  const { model, apply } = live();
  expect(model.bounds).toEqual({ left: 0, top: 0, right: 0, bottom: 0 });
  apply([row("a")]);
  expect(model.nodes.get("a")!.x).toBe(0);
  apply([], ["a"]);
  expect(model.nodes.size).toBe(0);
  expect(model.bounds).toEqual({ left: 0, top: 0, right: 0, bottom: 0 });
});

it.each([1, 2, 3])("is whole after anything that may happen to a run (seed %i)", (seed) => {
  const random = chance(seed);
  const { store, model, apply } = live(row("t0"));
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const ids = () => [...store.rows.keys()];
  let named = 1;
  const steps: (() => void)[] = [
    () => apply(Array.from({ length: 5 }, () => row(`t${named++}`, [pick(ids()), pick(ids())], { state: "waiting" }))),
    () => {
      const opener = pick([...store.rows.values()]);
      const opened = Array.from({ length: 1 + Math.floor(random() * 60) }, () => row(`${opener.id}/${named++}`, [], { parent: opener.id, born: named }));
      apply([{ ...opener, each: random() < 0.5 }, ...opened]);
    },
    () => apply(ids().filter(() => random() < 0.3).map((id) => ({ ...store.rows.get(id)!, state: pick(["running", "succeeded", "failed"]) }))),
    () => apply([], ids().slice(1).filter(() => random() < 0.05)),
    () => model.toggle(pick(ids())),
    () => apply([{ ...store.rows.get("t0")!, needs: [{ task: pick(ids()) }] }]),
  ];
  for (let step = 0; step < 40; step++) {
    pick(steps)();
    const nodes = [...model.nodes.values()];
    expect(nodes.flatMap(({ id, members }) => [id, ...members]).sort()).toEqual(ids().sort());
    const faults = nodes.filter(({ id, row: drawn, members, counts, x, y }) => {
      const found: Record<string, number> = {};
      for (const task of members) found[store.rows.get(task)!.state] = (found[store.rows.get(task)!.state] ?? 0) + 1;
      const isCounted = JSON.stringify(Object.entries(counts ?? {}).sort()) === JSON.stringify(Object.entries(found).sort());
      const isFound = [id, ...members].every((task) => model.visible(task) === id);
      return !isCounted || !isFound || drawn !== store.rows.get(id) || !Number.isFinite(x + y);
    });
    expect(faults).toEqual([]);
    const loose = [...model.edges, ...model.implied].filter(({ from, to }) => from === to || !model.nodes.has(from) || !model.nodes.has(to));
    expect(loose).toEqual([]);
    expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(nodes.length);
  }
});
