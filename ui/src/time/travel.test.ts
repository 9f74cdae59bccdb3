import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Past } from "../api/types";
import { RunStore } from "../state/run";
import { History } from "./history";
import { played, Travel } from "./travel";

/** One task that runs at once, fails after 4 s, is repeated after 10 s and ends 20 s after the start. */
const PAST: Past = {
  tasks: ["a"],
  states: ["running", "failed", "succeeded"],
  seq: [2, 5, 6, 9],
  at: [0, 4, 10, 20],
  task: [0, 0, 0, 0],
  state: [0, 1, 0, 2],
  started_at: 0,
  until: 9,
};

function travelled(past: Past = PAST, live = false): Travel {
  const store = new RunStore("r");
  store.apply({
    seq: past.until,
    head: { run: "r", state: "running", live, seq: past.until, started_at: 0, now: 20 },
    tasks: [{ id: "a", op: "f", state: "succeeded", changed: 9, born: 2 }],
  });
  return new Travel(store, () => Promise.resolve(past));
}

const state = (travel: Travel) => travel.source.value.rows.get("a")?.state;

describe("played", () => {
  const history = new History(PAST);

  it("goes as fast as it was, or by a factor", () => {
    expect([0, 3.9, 4, 19.9, 20, 99].map((s) => played(history, 1, s, { kind: "time", factor: 1 }))).toEqual([1, 1, 2, 3, 4, 4]);
    expect(played(history, 1, 2, { kind: "time", factor: 10 })).toBe(4);
    expect(played(history, 2, 5.9, { kind: "time", factor: 1 })).toBe(2);
    expect(played(history, 2, 6, { kind: "time", factor: 1 })).toBe(3);
  });

  it("goes event by event, however long they took", () => {
    expect([0, 0.4, 0.5, 1, 9].map((s) => played(history, 1, s, { kind: "events", perSecond: 2 }))).toEqual([1, 1, 2, 3, 4]);
  });
});

describe("Travel", () => {
  it("goes to the moment of an event, and back to what is now", async () => {
    const travel = travelled();
    expect(travel.source.value).toBe(travel.store);
    await travel.goToEvent(5);
    expect([travel.seq.value, state(travel)]).toEqual([5, "failed"]);
    await travel.goToEvent(8);
    expect([travel.seq.value, state(travel)]).toEqual([6, "running"]);
    await travel.goToEvent(null);
    expect(travel.seq.value).toBeNull();
    expect(travel.source.value).toBe(travel.store);
  });

  it("steps back from what is now, and jumps to failures both ways", async () => {
    const travel = travelled();
    await travel.refresh();
    travel.step(1);
    expect(travel.position.value).toBeNull();
    travel.step(-1);
    expect(travel.position.value).toBe(3);
    expect(travel.jump("failed", 1)).toBe(false);
    expect(travel.jump("failed", -1)).toBe(true);
    expect(state(travel)).toBe("failed");
    travel.step(-99);
    expect(travel.position.value).toBe(0);
    expect(travel.source.value.rows.size).toBe(0);
  });

  it("stays at its moment when more of the past is read", async () => {
    let past = PAST;
    const store = new RunStore("r");
    const travel = new Travel(store, () => Promise.resolve(past));
    await travel.goToEvent(5);
    past = { ...PAST, seq: [2, 3, 6, 9], until: 12 };
    store.seq = 12;
    await travel.refresh();
    expect(travel.seq.value).toBe(3);
    expect(travel.position.value).toBe(2);
  });

  it("says why the past cannot be read", async () => {
    const travel = new Travel(new RunStore("r"), () => Promise.reject(new Error("no such run")));
    await travel.refresh();
    expect(travel.problem.value).toBe("no such run");
    expect(travel.source.value).toBe(travel.store);
  });
});

describe("a replay", () => {
  let frames: ((now: number) => void)[] = [];
  const pass = (now: number) => frames.splice(0).forEach((draw) => draw(now));
  beforeEach(() => {
    frames = [];
    vi.stubGlobal("requestAnimationFrame", (draw: (now: number) => void) => frames.push(draw));
    vi.stubGlobal("cancelAnimationFrame", () => (frames = []));
  });
  afterEach(() => vi.unstubAllGlobals());

  it("plays from the start, can be paused, and stops at the end", async () => {
    const travel = travelled();
    await travel.refresh();
    travel.play();
    pass(1000);
    pass(5500);
    expect([travel.position.value, travel.isPlaying.value]).toEqual([2, true]);
    travel.toggle();
    pass(60_000);
    expect([travel.position.value, travel.isPlaying.value]).toEqual([2, false]);
    travel.setPace({ kind: "time", factor: 100 });
    travel.toggle();
    pass(0);
    pass(1000);
    expect([travel.position.value, travel.isPlaying.value]).toEqual([4, false]);
  });

  it("goes over into what is now where the run goes on", async () => {
    const travel = travelled(PAST, true);
    await travel.refresh();
    travel.play();
    pass(0);
    pass(30_000);
    expect([travel.position.value, travel.isPlaying.value]).toEqual([null, false]);
  });
});
