import { expect, it } from "vitest";
import type { Events, Told } from "../api/types";
import { EventLog, type Wanted } from "./log";

const ALL: Wanted = { words: "", types: new Set() };
const event = (seq: number, more: Partial<Told> = {}): Told => ({ seq, type: "TaskStarted", at: seq, text: `event ${seq}`, task: "a", ...more });
const page = (from: number, to: number, more = false): Events => ({ events: Array.from({ length: to - from + 1 }, (_, i) => event(from + i)), more });
const seqs = (log: EventLog) => log.events.map(({ seq }) => seq);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

it("takes every event once, though pages overlap after a reconnect", () => {
  const log = new EventLog(ALL, 0);
  log.append(page(1, 5));
  log.append(page(3, 8));
  log.append(page(3, 8));
  log.append({ events: [] });
  log.append(page(9, 9));
  expect(seqs(log)).toEqual(range(1, 9));
  expect([log.first, log.last]).toEqual([0, 9]);
});

it("reads on backwards until the beginning", () => {
  const log = new EventLog(ALL, 20);
  log.append(page(21, 25));
  log.prepend(page(11, 20, true));
  expect([log.first, log.hasBeginning]).toEqual([10, false]);
  log.prepend(page(6, 12, true));
  log.prepend(page(1, 5));
  expect(seqs(log)).toEqual(range(1, 25));
  expect([log.first, log.hasBeginning]).toEqual([0, true]);
});

it("holds so many at the most, and has no hole when it reads on again", () => {
  const log = new EventLog(ALL, 0, 10);
  log.append(page(1, 8));
  log.append(page(9, 14));
  expect(seqs(log)).toEqual(range(5, 14));
  expect([log.first, log.hasBeginning]).toEqual([4, false]);
  log.prepend(page(1, 4));
  expect(seqs(log)).toEqual(range(1, 10));
  expect(log.last).toBe(10);
  log.append(page(11, 14));
  expect(seqs(log)).toEqual(range(5, 14));
});

it("keeps what is wanted, and remembers how far it has looked", () => {
  const log = new EventLog({ words: "BOOM", types: new Set(["TaskFailed"]) }, 0);
  const failed = { type: "TaskFailed", text: "boom" };
  expect(log.append({ events: [event(1), event(2, failed), event(3, { text: "boom" }), event(4, { type: "TaskFailed" })], more: true })).toBe(1);
  expect(seqs(log)).toEqual([2]);
  expect(log.last).toBe(4);
  log.append({ events: [] }, 9);
  expect(log.last).toBe(9);
  expect([...log.typesSeen]).toEqual(["TaskStarted", "TaskFailed"]);
});
