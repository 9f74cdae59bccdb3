import { expect, it } from "vitest";
import type { RunHead } from "../api/types";
import { RunClock } from "./elapsed";

const head = (now: number, live = true): RunHead => ({ run: "r", state: "running", live, seq: 1, started_at: 1000, now });

it("goes on between events, and stands still where nobody drives the run", () => {
  let time = 1010;
  const clock = new RunClock(() => time);
  clock.hear(head(1010));
  time = 1013;
  expect(clock.seconds()).toBe(13);
  clock.hear(head(1013, false));
  time = 1100;
  expect([clock.seconds(), clock.isMoving]).toEqual([13, false]);
});

it("counts silence, and is set forward by events of the future", () => {
  const silent = new RunClock(() => 1030);
  silent.hear(head(1010));
  expect(silent.seconds()).toBe(30);
  let time = 990;
  const behind = new RunClock(() => time);
  behind.hear(head(1010));
  expect(behind.seconds()).toBe(10);
  time = 993;
  expect(behind.seconds()).toBe(13);
});
