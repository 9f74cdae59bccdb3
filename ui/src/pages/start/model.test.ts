import { describe, expect, it } from "vitest";
import type { Field } from "../../api/types";
import { entriesOf, faultKey, faultsOf, nameFor, NO_OPTIONS, read, readOptions, seconds } from "./model";

const FIELDS: readonly Field[] = [
  { name: "topic", type: "string", required: true },
  { name: "depth", type: "integer", default: 3 },
  { name: "share", type: "number" },
  { name: "loud", type: "boolean", default: true },
  { name: "tags", type: "array", default: ["a"] },
  { name: "more", type: "object" },
  { name: "any" },
];

const given = (entries: Record<string, string | boolean>) => read(FIELDS, { ...entriesOf(FIELDS), topic: "x", ...entries });

it("shows the defaults, and sends only what was changed and what is needed", () => {
  expect(entriesOf(FIELDS)).toEqual({ topic: "", depth: "3", share: "", loud: true, tags: '[\n  "a"\n]', more: "", any: "" });
  expect(given({})).toEqual({ inputs: { topic: "x" }, faults: {} });
  expect(given({ depth: "4", loud: false, share: "1e-3", tags: "[]", more: '{"a": 1}' }).inputs).toEqual({
    topic: "x",
    depth: 4,
    loud: false,
    share: 0.001,
    tags: [],
    more: { a: 1 },
  });
});

it("sends a box that is needed as it stands", () => {
  expect(read([{ name: "sure", type: "boolean", required: true }], { sure: false }).inputs).toEqual({ sure: false });
});

it("lets the default count where a field was emptied, but for texts, which may be empty", () => {
  expect(given({ depth: " ", tags: "" }).inputs).toEqual({ topic: "x" });
  expect(read([{ name: "note", type: "string", default: "hello" }], { note: "" }).inputs).toEqual({ note: "" });
});

describe("faults", () => {
  it.each([
    ["topic", " "],
    ["depth", "3.5"],
    ["depth", "three"],
    ["depth", "90071992547409930"],
    ["share", "1,5"],
    ["share", "Infinity"],
    ["share", "0x10"],
    ["tags", '{"a": 1}'],
    ["tags", "a, b"],
    ["more", "[1]"],
    ["more", "null"],
    ["any", '{"half'],
  ])("%s cannot be %j", (name, entry) => {
    const { inputs, faults } = given({ [name]: entry });
    expect(Object.keys(faults)).toEqual([name]);
    expect(inputs).not.toHaveProperty(name);
  });
});

it("takes for anything JSON, or else the text", () => {
  expect([given({ any: "12" }), given({ any: "true" }), given({ any: "[1]" }), given({ any: "a text" })].map(({ inputs }) => inputs.any)).toEqual([
    12,
    true,
    [1],
    "a text",
  ]);
});

it("reads limits", () => {
  expect(readOptions({ ...NO_OPTIONS, money: "$2.5", tokens: "1000", wall: "10 m", optimise: true })).toEqual({
    said: { budget_money: 2.5, budget_tokens: 1000, budget_wall_s: 600, optimise: true },
    faults: {},
  });
  expect(readOptions(NO_OPTIONS)).toEqual({ said: {}, faults: {} });
  const wrong = readOptions({ ...NO_OPTIONS, money: "-1", tokens: "0", wall: "soon" });
  expect(Object.keys(wrong.faults)).toEqual([faultKey("money"), faultKey("tokens"), faultKey("wall")]);
  expect(wrong.said).toEqual({});
});

it("reads time spans", () => {
  expect(["90", "90 s", "10m", "1.5 h", "2 d"].map(seconds)).toEqual([90, 90, 600, 5400, 172_800]);
});

it("makes a name of the target, the time and chance", () => {
  const at = new Date(2026, 10, 5, 9, 4);
  expect(nameFor("flows/Weekly report.yaml", at, () => 0)).toBe("flows-weekly-report-1105-0904-aaaa");
  expect(nameFor("flows/weekly.yaml", at, () => 0.999)).toBe("weekly-1105-0904-9999");
  expect(nameFor("pkg.flows:main", at, () => 0)).toBe("pkg-flows-main-1105-0904-aaaa");
  expect(nameFor("…", at, () => 0)).toBe("run-1105-0904-aaaa");
  expect(nameFor("word ".repeat(50), at, () => 0).length).toBeLessThan(60);
});

it("puts a refusal with the field that it is about", () => {
  const problem = (place: string, message: string) => ({ code: "c", place, message });
  expect(faultsOf([problem("inputs.depth", "too deep"), problem("depth", "odd"), problem("", "no"), problem("graph", "bad")], FIELDS)).toEqual({
    faults: { depth: "too deep odd" },
    rest: ["no", "graph: bad"],
  });
});
