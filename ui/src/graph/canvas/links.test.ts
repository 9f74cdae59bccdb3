import { expect, test } from "vitest";
import { GraphModel } from "../model";
import { fixed } from "../source";
import { NodeGrid } from "./grid";
import { Links, stepped } from "./links";

const row = (id: string, ...needs: string[]) => ({ id, op: "x", state: "waiting", changed: 1, born: 1, needs: needs.map((task) => ({ task, hard: true })) });

/** a leads to b1, b2 and b3, which all lead to c. */
async function diamond() {
  const model = new GraphModel(fixed([row("a"), row("b1", "a"), row("b2", "a"), row("b3", "a"), row("c", "b1", "b2", "b3")]));
  await expect.poll(() => Number.isNaN(model.nodes.get("c")!.x)).toBe(false);
  return { model, links: new Links(model.edges), at: (id: string) => model.nodes.get(id)! };
}

test("arrows go along the edges and within a layer", async () => {
  const { model, links, at } = await diamond();
  const go = (from: string, ...arrows: ("ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown")[]) =>
    arrows.reduce((node, arrow) => stepped(model.nodes, links, node, arrow) ?? node, at(from)).id;
  const middle = go("a", "ArrowRight");
  expect(["b1", "b2", "b3"]).toContain(middle);
  expect(go("a", "ArrowRight", "ArrowRight")).toBe("c");
  expect(go("a", "ArrowRight", "ArrowLeft")).toBe("a");
  const inOrder = [at("b1"), at("b2"), at("b3")].sort((one, other) => one.y - other.y).map(({ id }) => id);
  expect(go(inOrder[0]!, "ArrowDown")).toBe(inOrder[1]);
  expect(go(inOrder[0]!, "ArrowDown", "ArrowDown", "ArrowDown")).toBe(inOrder[2]);
  expect(go(inOrder[2]!, "ArrowUp")).toBe(inOrder[1]);
  expect(stepped(model.nodes, links, at("a"), "ArrowLeft")).toBeNull();
  model.dispose();
});

test("who is beside a node", async () => {
  const { model, links } = await diamond();
  expect([...links.around("b2")].sort()).toEqual(["a", "b2", "c"]);
  expect([...links.around("a")].sort()).toEqual(["a", "b1", "b2", "b3"]);
  model.dispose();
});

test("the grid finds the node under a place, near it, and all within", async () => {
  const { model, at } = await diamond();
  const grid = new NodeGrid(model.nodes.values());
  for (const node of model.nodes.values()) expect(grid.at(node)).toBe(node);
  const { x, y } = at("a");
  expect(grid.at({ x: x - 100, y }, 0)).toBeNull();
  expect(grid.at({ x: x - 100, y }, 20)).toBe(at("a"));
  expect(grid.within(model.bounds)).toHaveLength(5);
  expect(grid.within({ left: x - 10, right: x + 10, top: y - 10, bottom: y + 10 })).toEqual([at("a")]);
  model.dispose();
});
