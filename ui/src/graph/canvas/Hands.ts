// What hands do on the graph: drag, wheel, two fingers, clicks and keys.

import type { GraphNode } from "../model";
import type { GraphCanvas } from "./GraphCanvas";
import type { Direction } from "./links";

const DRAG_FROM_PX = 4;
const STEP_PX = 80;

interface Point {
  x: number;
  y: number;
}

export class Hands {
  private readonly aborter = new AbortController();
  private readonly pointers = new Map<number, Point>();
  private dragged = 0;
  private pressed: GraphNode | null = null;

  constructor(private readonly graph: GraphCanvas) {
    const { signal } = this.aborter;
    const on = <Kind extends keyof HTMLElementEventMap>(kind: Kind, hear: (event: HTMLElementEventMap[Kind]) => void) =>
      graph.place.addEventListener(kind, hear, { signal, passive: false });
    on("wheel", (event) => this.wheel(event));
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.lose(event));
    on("pointerleave", () => graph.hover(null, 0, 0));
    on("dblclick", (event) => this.twice(event));
    on("keydown", (event) => this.key(event));
    on("blur", () => graph.setCurrent(null));
  }

  end(): void {
    this.aborter.abort();
  }

  private local({ clientX, clientY }: { clientX: number; clientY: number }): Point {
    const box = this.graph.place.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const line = event.deltaMode === 1 ? 16 : 1;
    // Two fingers on a touchpad pan, and pinch with Ctrl; the steps of a wheel zoom.
    const isWheel = event.deltaX === 0 && (event.deltaMode === 1 || Math.abs(event.deltaY) >= 80);
    if (event.ctrlKey || event.metaKey || (isWheel && !event.shiftKey)) {
      this.graph.zoom(Math.exp(-event.deltaY * line * (event.ctrlKey && !isWheel ? 0.01 : 0.0016)), this.local(event));
    } else if (event.shiftKey && event.deltaX === 0) this.graph.pan(-event.deltaY * line, 0);
    else this.graph.pan(-event.deltaX * line, -event.deltaY * line);
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0 && event.button !== 1) return;
    this.pointers.set(event.pointerId, this.local(event));
    this.dragged = this.pointers.size > 1 ? Infinity : 0;
  }

  /** A pointer has ended, here or where nobody heard of it. */
  private lose(event: PointerEvent): boolean {
    this.graph.place.style.cursor = "";
    return this.pointers.delete(event.pointerId);
  }

  private move(event: PointerEvent): void {
    if (event.buttons === 0 && this.pointers.has(event.pointerId)) this.lose(event);
    const before = this.pointers.get(event.pointerId);
    const now = this.local(event);
    if (!before) {
      if (event.pointerType !== "touch") this.graph.hover(this.graph.nodeAt(now), event.clientX, event.clientY);
      return;
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const [was, is] = [apart(before, other), apart(now, other)];
      if (was > 8 && is > 8) this.graph.zoom(is / was, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else {
      this.dragged += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      if (this.dragged > DRAG_FROM_PX) {
        if (!this.graph.place.hasPointerCapture(event.pointerId)) this.graph.place.setPointerCapture(event.pointerId);
        this.graph.hover(null, 0, 0);
        this.graph.place.style.cursor = "grabbing";
        this.graph.pan(now.x - before.x, now.y - before.y);
      }
    }
    this.pointers.set(event.pointerId, now);
  }

  private up(event: PointerEvent): void {
    const wasPressed = this.lose(event);
    if (!wasPressed || this.dragged > DRAG_FROM_PX || event.button !== 0) return;
    const at = this.local(event);
    this.pressed = this.graph.nodeAt(at);
    this.graph.press(at);
  }

  /** What was pressed first is meant: the graph may have moved when it was selected. */
  private twice(event: MouseEvent): void {
    if (this.pressed) this.graph.toggle(this.pressed);
    else this.graph.zoom(1.8, this.local(event));
  }

  private key(event: KeyboardEvent): void {
    if (event.target !== this.graph.place || event.ctrlKey || event.metaKey || event.altKey || !this.did(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private did({ key, shiftKey }: KeyboardEvent): boolean {
    const { graph } = this;
    switch (key) {
      case "ArrowLeft":
      case "ArrowRight":
      case "ArrowUp":
      case "ArrowDown":
        if (shiftKey) graph.pan(...PANS[key]);
        else graph.step(key);
        return true;
      case "+":
      case "=":
        graph.zoom(1.4);
        return true;
      case "-":
        graph.zoom(1 / 1.4);
        return true;
      case "0":
        graph.fit();
        return true;
      case "Enter":
        if (!graph.current) return false;
        graph.heard.onSelect(graph.current.id);
        return true;
      case " ":
        if (!graph.current) return false;
        graph.toggle(graph.current);
        return true;
      case "Escape":
        if (!graph.current) return false;
        graph.setCurrent(null);
        return true;
    }
    return false;
  }
}

const PANS: Record<Direction, [number, number]> = {
  ArrowLeft: [STEP_PX, 0],
  ArrowRight: [-STEP_PX, 0],
  ArrowUp: [0, STEP_PX],
  ArrowDown: [0, -STEP_PX],
};

const apart = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);
