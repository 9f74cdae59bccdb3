import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { RunStore } from "../state/run";
import { backOff } from "../state/connection";
import { ApiRefused, Unreachable } from "./refused";
import { Follower, type Line, type Source } from "./stream";
import type { Change, TaskRow } from "./types";

class FakeSource implements Source {
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly after: number) {}

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }

  say(type: string, data: unknown): void {
    this.listeners.get(type)?.({ data: JSON.stringify(data) } as MessageEvent<string>);
  }
}

/** A server with a log of so many events, each of which made a row; it can be away. */
class FakeServer implements Line {
  events = 3;
  away = false;
  refusal: ApiRefused | null = null;
  readonly sources: FakeSource[] = [];
  asked: number[] = [];

  changeAfter(after: number): Change {
    const tasks = Array.from({ length: this.events - after }, (_, at) => row(after + at + 1));
    return { seq: this.events, tasks, head: { run: "x", state: "running", live: true, seq: this.events, started_at: 0, now: 0 } };
  }

  rows(_run: string, after: number): Promise<Change> {
    this.asked.push(after);
    if (this.refusal) return Promise.reject(this.refusal);
    return this.away ? Promise.reject(new Unreachable()) : Promise.resolve(this.changeAfter(after));
  }

  open(_run: string, after: number): FakeSource {
    this.sources.push(new FakeSource(after));
    return this.source;
  }

  get source(): FakeSource {
    return this.sources.at(-1)!;
  }
}

const row = (seq: number): TaskRow => ({ id: `t${seq}`, op: "op", state: "running", changed: seq, born: seq });

let server: FakeServer;
let store: RunStore;
let follower: Follower;

beforeEach(async () => {
  vi.useFakeTimers();
  server = new FakeServer();
  store = new RunStore("x");
  follower = new Follower(store, server);
  follower.see(true);
  await vi.advanceTimersByTimeAsync(0);
});

afterEach(() => {
  follower.end();
  vi.useRealTimers();
});

it("asks for everything first, then holds a stream of what is after it", () => {
  expect([...store.rows.keys()]).toEqual(["t1", "t2", "t3"]);
  expect(store.connection.value).toBe("live");
  expect(server.source.after).toBe(3);
  server.events = 5;
  server.source.say("change", server.changeAfter(3));
  expect(store.seq).toBe(5);
});

it("goes on after the last event that it has, when the server was away", async () => {
  server.away = true;
  server.source.onerror?.();
  expect(store.connection.value).toBe("lost");
  await vi.advanceTimersByTimeAsync(20_000);
  expect(store.connection.value).toBe("lost");
  expect(server.sources[0]?.closed).toBe(true);
  server.away = false;
  server.events = 9;
  await vi.advanceTimersByTimeAsync(backOff(99));
  expect(store.connection.value).toBe("live");
  expect([...store.rows.keys()]).toHaveLength(9);
  expect(server.source.after).toBe(9);
  expect(new Set(server.asked)).toEqual(new Set([0, 3]));
});

it("waits longer from try to try, up to a limit", async () => {
  server.away = true;
  server.asked = [];
  server.source.onerror?.();
  await vi.advanceTimersByTimeAsync(backOff(0));
  expect(server.asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(backOff(0));
  expect(server.asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(backOff(1) - backOff(0));
  expect(server.asked).toHaveLength(2);
  expect(backOff(50)).toBe(backOff(1000));
});

it("does not take what a stream says that it has left", () => {
  const old = server.source;
  old.onerror?.();
  server.events = 4;
  old.say("change", server.changeAfter(3));
  expect(store.seq).toBe(3);
});

it("asks now and then in the background, and holds no stream there", async () => {
  follower.see(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(server.sources.every((source) => source.closed)).toBe(true);
  server.events = 7;
  await vi.advanceTimersByTimeAsync(5000);
  expect(store.seq).toBe(7);
  follower.see(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(server.source.closed).toBe(false);
  expect(server.source.after).toBe(7);
});

it("stops where the server refuses, and says why", async () => {
  server.refusal = new ApiRefused(404, { code: "unknown-run", message: "there is no run 'x'" });
  server.source.onerror?.();
  await vi.advanceTimersByTimeAsync(backOff(0));
  expect(store.connection.value).toBe("refused");
  expect(store.refusal).toBe("there is no run 'x'");
  const asked = server.asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toHaveLength(asked);
});

it("stops where the run is gone", () => {
  server.source.say("gone", {});
  expect(store.connection.value).toBe("refused");
  expect(server.source.closed).toBe(true);
});

it("holds no stream of a run that has ended, and asks for nothing more", async () => {
  server.events = 4;
  server.source.say("change", server.changeAfter(3));
  server.source.say("ended", {});
  expect(server.source.closed).toBe(true);
  expect(store.seq).toBe(4);
  expect(store.connection.value).toBe("live");
  follower.see(false);
  follower.see(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.sources).toHaveLength(1);
  expect(server.asked).toHaveLength(1);
});

it("says nothing any more when it was ended", async () => {
  follower.end();
  expect(server.source.closed).toBe(true);
  server.source.onerror?.();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toHaveLength(1);
});
