// Who lays out: the page itself what is small, a worker the rest; the page all of it where no worker can be started, as in
// a file that was sent by mail.

import { layout } from "./layout";
import type { Layout, Shape } from "./shape";

/** A graph of so many nodes is laid out within a frame, sooner than a worker would have started. */
const SMALL = 400;

/** One layout at a time: `ask` is called again only after the last answer. */
export class Layouter {
  private worker: Worker | null = null;
  private canStart = typeof Worker !== "undefined";
  private answer: ((found: Layout) => void) | null = null;

  /** Lay out a graph, whose arrays the caller must not touch until `answer` is called: at once, or later. */
  ask(shape: Shape, answer: (found: Layout) => void): void {
    const worker = shape.count > SMALL ? this.start() : null;
    if (!worker) return answer(layout(shape));
    this.answer = answer;
    worker.onerror = (event) => {
      // It did not load, or it failed; the page needs its picture all the same.
      event.preventDefault();
      this.canStart = false;
      this.dispose();
      answer(layout(shape));
    };
    worker.postMessage(shape);
  }

  dispose(): void {
    this.worker?.terminate();
    this.worker = null;
    this.answer = null;
  }

  private start(): Worker | null {
    if (this.worker || !this.canStart) return this.worker;
    try {
      this.worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
      this.worker.onmessage = ({ data }: MessageEvent<Layout>) => this.answer?.(data);
    } catch {
      this.canStart = false;
    }
    return this.worker;
  }
}
