import { describe, expect, it } from "vitest";
import type { AttemptRow } from "../api/types";
import { curves, thinned } from "./curves";

const attempt = (began_at: number, ended_at: number, money = 0): AttemptRow => ({
  task: "t",
  number: 1,
  queued_at: began_at,
  began_at,
  ended_at,
  outcome: "succeeded",
  money,
});

describe("curves", () => {
  it("counts attempts as they begin and end, and adds what they cost when they end", () => {
    expect(curves([attempt(101, 104, 2), attempt(102, 103, 0.5)], 100, 106)).toEqual({
      seconds: [0, 1, 2, 3, 4, 6],
      running: [0, 1, 2, 1, 0, 0],
      money: [0, 0, 0, 0.5, 2.5, 2.5],
    });
  });

  it("shows one attempt that follows another at once as one that runs on", () => {
    expect(curves([attempt(100, 101), attempt(101, 102)], 100, 103).running).toEqual([1, 1, 0, 0]);
  });

  it("lets what runs now run until the end", () => {
    expect(curves([attempt(100, 105)], 100, 105)).toEqual({ seconds: [0, 5], running: [1, 1], money: [0, 0] });
  });

  it("has a beginning and an end of a run without attempts", () => {
    expect(curves([], 100, 101)).toEqual({ seconds: [0, 1], running: [0, 0], money: [0, 0] });
  });
});

describe("thinned curves", () => {
  it("say what ran on average in each stretch, and keep the area below", () => {
    const whole = curves([attempt(100, 101), attempt(100.5, 102, 3), attempt(103, 104)], 100, 104);
    const thin = thinned(whole, 4);
    expect(thin.seconds).toEqual([0, 1, 2, 3, 4]);
    expect(thin.running.slice(0, 4)).toEqual([1.5, 1, 0, 1]);
    expect(thin.money).toEqual([0, 0, 3, 3, 3]);
  });

  it("are the curves themselves where those are short", () => {
    const whole = curves([attempt(100, 101)], 100, 102);
    expect(thinned(whole, 100)).toBe(whole);
  });
});
