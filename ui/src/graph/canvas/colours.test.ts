import { expect, test } from "vitest";
import { colouring, MODES } from "./colours";

const INK = { colour: (name: string) => `var(${name})`, hatch: () => "" };
const row = (id: string, more = {}) => ({ id, op: "x", state: "succeeded", changed: 1, born: 1, ...more });

test("every colour that a node has is in the legend, unless there is nothing to say of it", () => {
  const rows = [
    row("a", { where: "north", model: "small", began_at: 0, ended_at: 0.5 }),
    row("b", { where: "south", began_at: 0, ended_at: 700, state: "failed" }),
    row("c", { state: "waiting" }),
  ];
  for (const { value } of MODES) {
    const { of, legend } = colouring(value, rows, INK, false);
    const known = new Set([...legend.map(({ colour }) => colour), "var(--skipped)"]);
    for (const one of rows) expect(known, value).toContain(of(one, 1000));
    expect(new Set(legend.map(({ words }) => words)).size).toBe(legend.length);
  }
});

test("a device has its colour whatever the order in which tasks came, and many are told together", () => {
  const rows = Array.from({ length: 30 }, (_, at) => row(`t${at}`, { where: `d${String(at).padStart(2, "0")}` }));
  const [one, other] = [colouring("place", rows, INK, false), colouring("place", rows.toReversed(), INK, false)];
  for (const each of rows) expect(one.of(each, 0)).toBe(other.of(each, 0));
  expect(one.legend).toHaveLength(13);
  expect(one.legend.at(-1)!.words).toBe("18 more");
});

test("what takes longer has a colour of its own", () => {
  const { of } = colouring("time", [row("a", { began_at: 0, ended_at: 100 })], INK, true);
  const colours = [0.005, 0.05, 0.5, 5, 50, 500, 5000].map((ended_at) => of(row("x", { began_at: 0, ended_at }), 0));
  expect(new Set(colours).size).toBe(colours.length);
});
