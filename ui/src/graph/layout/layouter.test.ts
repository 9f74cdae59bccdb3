import { afterEach, expect, it, vi } from "vitest";
import { layout } from "./layout";
import { Layouter } from "./layouter";
import { sample } from "./samples";
import type { Layout, Shape } from "./shape";

const SMALL = sample(50, 1);
const BIG = sample(1000, 1);

/** A worker that keeps what it is asked, for a test to answer. */
class Worker {
  static made: Worker[] = [];
  onmessage: ((event: { data: Layout }) => void) | null = null;
  onerror: ((event: { preventDefault: () => void }) => void) | null = null;
  asked: Shape[] = [];
  isEnded = false;

  constructor() {
    Worker.made.push(this);
  }

  postMessage(shape: Shape): void {
    this.asked.push(shape);
  }

  terminate(): void {
    this.isEnded = true;
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
  Worker.made = [];
});

it("lays a small graph out at once", () => {
  vi.stubGlobal("Worker", Worker);
  const answer = vi.fn();
  new Layouter().ask(SMALL, answer);
  expect(answer).toHaveBeenCalledExactlyOnceWith(layout(SMALL));
  expect(Worker.made).toEqual([]);
});

it("has a worker lay a big one out, and the next by the same", () => {
  vi.stubGlobal("Worker", Worker);
  const layouter = new Layouter();
  const answers = [vi.fn(), vi.fn()];
  for (const answer of answers) {
    layouter.ask(BIG, answer);
    expect(answer).not.toHaveBeenCalled();
    Worker.made[0]!.onmessage!({ data: layout(BIG) });
    expect(answer).toHaveBeenCalledOnce();
  }
  expect(Worker.made).toHaveLength(1);
  expect(Worker.made[0]!.asked).toEqual([BIG, BIG]);
  layouter.dispose();
  expect(Worker.made[0]!.isEnded).toBe(true);
});

it("lays out itself where a worker fails, and asks none again", () => {
  vi.stubGlobal("Worker", Worker);
  const layouter = new Layouter();
  const answer = vi.fn();
  layouter.ask(BIG, answer);
  Worker.made[0]!.onerror!({ preventDefault: () => {} });
  expect(answer).toHaveBeenCalledExactlyOnceWith(layout(BIG));
  layouter.ask(BIG, answer);
  expect(answer).toHaveBeenCalledTimes(2);
  expect(Worker.made).toHaveLength(1);
});

it("lays out itself where no worker can be made", () => {
  const refused = class {
    constructor() {
      throw new Error("refused");
    }
  };
  for (const kind of [refused, undefined]) {
    vi.stubGlobal("Worker", kind);
    const answer = vi.fn();
    new Layouter().ask(BIG, answer);
    expect(answer).toHaveBeenCalledOnce();
  }
});
