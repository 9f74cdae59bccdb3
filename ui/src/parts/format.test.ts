import { describe, expect, it } from "vitest";
import { ago, bytes, clock, exact, money, percent, plural, span, tokens } from "./format";

describe("span", () => {
  it.each([
    [0, "0 s"],
    [0.0001, "< 1 ms"],
    [0.32, "320 ms"],
    [0.9999, "1.0 s"],
    [4.24, "4.2 s"],
    [9.97, "10 s"],
    [59.4, "59 s"],
    [59.7, "1 m 00 s"],
    [185, "3 m 05 s"],
    [3599.6, "1 h 00 m"],
    [7500, "2 h 05 m"],
    [86399, "1 d 0 h"],
    [273_600, "3 d 4 h"],
    [-4.2, "-4.2 s"],
    [null, "–"],
    [Number.NaN, "–"],
  ])("%s s is %s", (seconds, text) => expect(span(seconds)).toBe(text));
});

describe("money", () => {
  it.each([
    [0, "$0"],
    [0.00001, "< $0.0001"],
    [0.0042, "$0.0042"],
    [0.25, "$0.250"],
    [1.5, "$1.50"],
    [1234, "$1,234.00"],
    [-0.5, "-$0.500"],
    [undefined, "–"],
  ])("%s is %s", (amount, text) => expect(money(amount)).toBe(text));
});

it("shortens tokens and sizes to three digits at the most", () => {
  expect([0, 950, 1200, 34_000, 999_400, 999_950, 3_400_000].map(tokens)).toEqual(["0", "950", "1.2 k", "34 k", "999 k", "1.0 M", "3.4 M"]);
  expect([0, 812, 1536, 20 * 2 ** 20, 2 ** 50].map(bytes)).toEqual(["0 B", "812 B", "1.5 KiB", "20 MiB", "1024 TiB"]);
});

it("never says none or all where it is not so", () => {
  expect([0, 0.001, 0.42, 0.999, 1].map(percent)).toEqual(["0 %", "< 1 %", "42 %", "> 99 %", "100 %"]);
});

it("says how long ago something was, and what is yet to come", () => {
  expect([1000, 996, 988, 700, -9000, -400_000, 1060].map((at) => ago(at, 1000))).toEqual([
    "just now",
    "just now",
    "12 s ago",
    "5 m ago",
    "2 h ago",
    "4 d ago",
    "in 1 m",
  ]);
});

it("names the day only where it is another one", () => {
  const at = new Date(2026, 10, 24, 14, 3, 22).getTime() / 1000;
  expect(clock(at, at + 60)).toBe("14:03:22");
  expect(clock(at, at + 86_400)).toBe("24 Nov 14:03:22");
  expect(exact(at)).toBe("24 Nov 2026, 14:03:22");
});

it("counts one and many", () => {
  expect([plural(1, "run"), plural(12_345, "run"), plural(0, "entry", "entries")]).toEqual(["1 run", "12,345 runs", "0 entries"]);
});
