import { expect, it } from "vitest";
import type { TaskRow } from "../api/types";
import { afterWhat } from "./told";

const after = (...tasks: string[]): TaskRow => ({ id: "t", op: "o", state: "waiting", born: 1, changed: 1, needs: tasks.map((task) => ({ task })) });

it("names what a task waits for, and counts the rest where that is a crowd", () => {
  expect(afterWhat(after())).toBe("");
  expect(afterWhat(after("a", "b"))).toBe(", after a, b");
  expect(afterWhat(after(...Array.from({ length: 10_000 }, (_, at) => `t${at}`)))).toBe(", after t0, t1, t2, t3, t4, t5 and 9,994 others");
});
