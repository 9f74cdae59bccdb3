import { expect, it } from "vitest";
import type { TaskRow } from "../api/types";
import { drawn as drawnOf, isFoldedAtFirst, openers } from "./groups";
import { row } from "./layout/samples";

const rowsOf = (...rows: TaskRow[]) => new Map(rows.map((task) => [task.id, task]));
const each = (id: string, count: number, needs: string[] = [], more: Partial<TaskRow> = {}) => [
  row(id, needs, { each: true, ...more }),
  ...Array.from({ length: count }, (_, at) => row(`${id}/${at}`, needs, { parent: id })),
];
/** Drawn as at first, but for what somebody expanded. */
const drawn = (rows: ReadonlyMap<string, TaskRow>, expanded: ReadonlySet<string>) =>
  drawnOf(rows, (id) => !expanded.has(id) && isFoldedAtFirst(rows.get(id)!, openers(rows).get(id)!));
function edges(rows: ReadonlyMap<string, TaskRow>, ...expanded: string[]): string[] {
  const { ids, edges, weak } = drawn(rows, new Set(expanded));
  return Array.from(weak, (isWeak, at) => `${ids[edges[2 * at]!]} ${isWeak ? "-->" : "->"} ${ids[edges[2 * at + 1]!]}`);
}

const HUNDRED = rowsOf(row("a"), ...each("m", 100, ["a"]), row("z", ["m"]));

it("folds a for-each over many items into the task that opened it", () => {
  const { ids, members, group } = drawn(HUNDRED, new Set());
  expect(ids).toEqual(["a", "m", "z"]);
  expect(members.get("m")).toHaveLength(100);
  expect(group.get("m/7")).toBe("m");
  expect(edges(HUNDRED)).toEqual(["a -> m", "m -> z"]);
});

it("shows every task of a group that is expanded, after the one that opened it", () => {
  const { ids, owner } = drawn(HUNDRED, new Set(["m"]));
  expect(ids).toHaveLength(103);
  expect(owner[ids.indexOf("m/7")]).toBe(ids.indexOf("m"));
  const found = edges(HUNDRED, "m");
  expect(found).toHaveLength(102);
  expect(found).toContain("m --> m/7");
  expect(found).toContain("m -> z");
});

it("shows a few items as they are, and what follows after them", () => {
  expect(edges(rowsOf(row("a"), ...each("m", 2, ["a"]), row("z", ["m"])))).toEqual([
    "a -> m",
    "m --> m/0",
    "m --> m/1",
    "m/0 -> z",
    "m/1 -> z",
  ]);
});

it("shows what a task grew in the order that it has among itself", () => {
  const grown = [row("g"), row("g/1", [], { parent: "g" }), row("g/2", ["g/1"], { parent: "g" })];
  const below = [row("g/2/1", [], { parent: "g/2" })];
  expect(edges(rowsOf(...grown, ...below, row("z", ["g"])))).toEqual(["g --> g/1", "g/1 -> g/2", "g/2 --> g/2/1", "g/2/1 -> z"]);
});

it("shows that a turn of a loop came by the turn before it", () => {
  const turn = (name: string, born: number, changed: number) => row(`l/${name}`, [], { parent: "l", born, changed });
  const found = edges(rowsOf(row("l"), turn("1", 2, 5), turn("2a", 5, 8), turn("2b", 5, 9), turn("3", 9, 12), row("z", ["l"])));
  expect(found).toEqual(["l --> l/1", "l/1 --> l/2a", "l/1 --> l/2b", "l/2b --> l/3", "l/2a -> z", "l/3 -> z"]);
});

it("folds what an agent did only once it was long", () => {
  const agent = (count: number) => rowsOf(row("g"), ...Array.from({ length: count }, (_, at) => row(`g/${at}`, [], { parent: "g" })));
  expect(drawn(agent(30), new Set()).ids).toHaveLength(31);
  expect(drawn(agent(300), new Set()).ids).toEqual(["g"]);
});

it("folds a group in a group into the outer one", () => {
  const inner = Array.from({ length: 8 }, (_, at) => each(`m/${at}`, 9, [], { parent: "m" })).flat();
  const rows = rowsOf(row("m", [], { each: true }), ...inner, row("z", ["m/3"]));
  expect(drawn(rows, new Set()).ids).toEqual(["m", "z"]);
  expect(drawn(rows, new Set()).group.get("m/3/4")).toBe("m");
  expect(drawn(rows, new Set()).members.get("m")).toHaveLength(80);
  expect(edges(rows)).toEqual(["m -> z"]);
  const { ids, group } = drawn(rows, new Set(["m"]));
  expect(ids).toHaveLength(10);
  expect(group.get("m/3/4")).toBe("m/3");
});

it("draws an edge that orders only as a weak one, unless another of the same tasks does more", () => {
  const soft = (id: string, task: string) => ({ ...row(id), needs: [{ task, hard: false }] });
  expect(edges(rowsOf(row("a"), soft("b", "a")))).toEqual(["a --> b"]);
  const rows = rowsOf(row("a"), ...each("m", 9, []), { ...row("b"), needs: [{ task: "m/1", hard: false }, { task: "m/2" }] });
  expect(edges(rows)).toEqual(["m -> b"]);
});

it("leaves out what is not there", () => {
  expect(edges(rowsOf(row("b", ["gone", "b"]), row("c", ["b"], { parent: "gone" })))).toEqual(["b -> c"]);
});

it("ends where tasks have grown each other", () => {
  const rows = rowsOf(row("a", [], { parent: "b", each: true }), row("b", [], { parent: "a", each: true }), row("c", [], { parent: "c" }));
  expect(drawn(rows, new Set()).ids).toEqual(["a", "b", "c"]);
});
