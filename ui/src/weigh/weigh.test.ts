import { describe, expect, it } from "vitest";
import type { TaskRow } from "../api/types";
import { difference } from "./difference";
import { against, figure } from "./figures";

const row = (id: string, more: Partial<TaskRow> = {}): TaskRow => ({ id, op: "f", state: "waiting", changed: 0, born: 0, ...more });

describe("difference", () => {
  it("finds tasks that only one graph has, and those that are made or wait differently", () => {
    const before = [row("a"), row("b", { needs: [{ task: "a" }] }), row("c"), row("d", { model: "small" })];
    const after = [row("a"), row("b", { needs: [{ task: "e" }] }), row("d", { model: "large" }), row("e")];
    const found = difference(before, after);
    expect([...found.before]).toEqual([["b", "changed"], ["c", "removed"], ["d", "changed"]]);
    expect([...found.after]).toEqual([["b", "changed"], ["d", "changed"], ["e", "added"]]);
  });

  it("minds neither the order of edges nor what is left out because it is usual, nor what was estimated", () => {
    const before = [row("a", { needs: [{ task: "x" }, { task: "y", on: "success", hard: true }], estimate_s: 1 })];
    const after = [row("a", { needs: [{ task: "y" }, { task: "x" }], estimate_s: 2, where: "" })];
    expect(difference(before, after)).toEqual({ before: new Map(), after: new Map() });
  });
});

describe("figures", () => {
  it("are said in their unit", () => {
    expect(figure(4.25, "s")).toBe("4.3 s");
    expect(figure(0.5, "$")).toBe("$0.500");
    expect(figure(1200, "tokens")).toBe("1.2 k");
    expect(figure(1200)).toBe("1,200");
    expect(figure(3, "calls")).toBe("3 calls");
    expect(figure(null, "s")).toBe("–");
  });

  it("are compared as one says it", () => {
    expect(against(10, 6)).toBe("−40 %");
    expect(against(10, 11)).toBe("+10 %");
    expect(against(2, 6.2)).toBe("3.1 ×");
    expect(against(0.1, 4)).toBe("40 ×");
    expect(against(7, 7)).toBe("the same");
    expect(against(1000, 1001)).toBe("the same");
    expect(against(0, 5)).toBe("");
    expect(against(null, 5)).toBe("");
  });
});
