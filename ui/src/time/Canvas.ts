// The canvas of the timeline, and what a hand does on it: it scrolls like a page, and zooms with Ctrl and the wheel, over
// the axis with the wheel alone, with two fingers, or by keys. A frame is drawn where something has changed.

import { inkOf, type Ink } from "../parts/ink";
import type { RunClock } from "../state/elapsed";
import type { Bar } from "./attempts";
import type { Lane } from "./lanes";
import { AXIS, LANE, barAt, laneAt, paint, type Picture } from "./paint";
import { kept, moved, whole, zoomed, type Window } from "./window";

export interface Heard {
  onHover: (bar: Bar | null, x: number, y: number) => void;
  onSelect: (task: string) => void;
  onTurn: (lane: Lane) => void;
  /** The keyboard has come to a lane. */
  onMove: (lane: Lane) => void;
}

export interface Content {
  lanes: readonly Lane[];
  selected: string;
  showsCritical: boolean;
}

const DRAG_FROM_PX = 4;

export class Canvas {
  private readonly canvas = document.createElement("canvas");
  private readonly room = document.createElement("div");
  private readonly context = this.canvas.getContext("2d");
  private readonly aborter = new AbortController();
  private readonly sizes: ResizeObserver;
  private readonly themes: MutationObserver;
  private content: Content = { lanes: [], selected: "", showsCritical: true };
  private ink: Ink;
  /** null shows the whole run, as it grows. */
  private window: Window | null = null;
  private current = -1;
  private hovered: Bar | null = null;
  private frame = 0;
  private readonly pointers = new Map<number, { x: number; y: number }>();
  private dragged = 0;
  private size = { width: 0, height: 0 };

  constructor(
    private readonly place: HTMLElement,
    private readonly clock: RunClock,
    private readonly heard: Heard,
  ) {
    this.canvas.setAttribute("aria-hidden", "true");
    this.room.className = "gantt-room";
    place.append(this.canvas, this.room);
    this.ink = inkOf(place);
    this.sizes = new ResizeObserver(() => this.fitSize());
    this.sizes.observe(place);
    this.themes = new MutationObserver(() => this.newInk());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.listen();
    this.fitSize();
  }

  end(): void {
    this.aborter.abort();
    this.sizes.disconnect();
    this.themes.disconnect();
    cancelAnimationFrame(this.frame);
    this.canvas.remove();
    this.room.remove();
  }

  show(content: Content): void {
    const isOther = content.selected !== this.content.selected;
    this.content = content;
    this.room.style.height = `${content.lanes.length * LANE}px`;
    if (this.current >= content.lanes.length) this.current = -1;
    if (isOther) this.reveal(content.lanes.findIndex(({ task }) => task !== "" && task === content.selected));
    this.moved();
  }

  /** Something has changed: draw with the next frame. */
  moved(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
      if (this.clock.isMoving) this.moved();
    });
  }

  zoom(factor: number, about = 0.5): void {
    const end = this.clock.seconds();
    const next = kept(zoomed(this.shown(), factor, about), Math.max(end, 0.01));
    const all = whole(end);
    this.window = next.to - next.from >= all.to - all.from ? null : next;
    this.moved();
  }

  fit(): void {
    this.window = null;
    this.moved();
  }

  private pan(by: number): void {
    if (!this.window) return;
    this.window = kept(moved(this.window, by), this.clock.seconds());
    this.moved();
  }

  private shown(): Window {
    return this.window ?? whole(this.clock.seconds());
  }

  private picture(): Picture {
    const { width, height } = this.size;
    return {
      ...this.content,
      window: this.shown(),
      width,
      height,
      names: Math.min(260, Math.max(96, width * 0.24)),
      scrolled: this.place.scrollTop,
      now: this.clock.seconds(),
      goesOn: this.clock.isMoving,
      current: document.activeElement === this.place ? this.current : -1,
      hovered: this.hovered,
    };
  }

  private draw(): void {
    if (!this.context || this.size.width === 0) return;
    const scale = devicePixelRatio || 1;
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    paint(this.context, this.picture(), this.ink);
  }

  private fitSize(): void {
    const scale = devicePixelRatio || 1;
    this.size = { width: this.place.clientWidth, height: this.place.clientHeight };
    this.canvas.width = Math.round(this.size.width * scale);
    this.canvas.height = Math.round(this.size.height * scale);
    this.canvas.style.width = `${this.size.width}px`;
    this.canvas.style.height = `${this.size.height}px`;
    // The canvas stays in view; the room under it makes the place as high as its lanes.
    this.room.style.marginTop = `${AXIS - this.size.height}px`;
    this.draw();
  }

  private newInk(): void {
    this.ink = inkOf(this.place);
    this.moved();
  }

  private reveal(lane: number): void {
    if (lane < 0) return;
    this.current = lane;
    const [top, room] = [lane * LANE, this.size.height - AXIS];
    if (top < this.place.scrollTop) this.place.scrollTop = top;
    else if (top + LANE > this.place.scrollTop + room) this.place.scrollTop = top + LANE - room;
  }

  private listen(): void {
    const { signal } = this.aborter;
    const on = <Kind extends keyof HTMLElementEventMap>(kind: Kind, hear: (event: HTMLElementEventMap[Kind]) => void) =>
      this.place.addEventListener(kind, hear, { signal, passive: false });
    on("scroll", () => this.moved());
    on("wheel", (event) => this.wheel(event));
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.pointers.delete(event.pointerId));
    on("pointerleave", () => this.hover(null, 0, 0));
    on("keydown", (event) => this.key(event));
    on("focus", () => this.moved());
    on("blur", () => this.moved());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.newInk(), { signal });
  }

  private local(event: MouseEvent): { x: number; y: number } {
    const box = this.place.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  private about(x: number): number {
    const { names, width } = this.picture();
    return Math.min(1, Math.max(0, (x - names) / (width - names)));
  }

  private wheel(event: WheelEvent): void {
    const { x, y } = this.local(event);
    const zooms = event.ctrlKey || event.metaKey || y < AXIS;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (zooms) this.zoom(Math.exp(-event.deltaY * (event.ctrlKey && event.deltaMode === 0 && Math.abs(event.deltaY) < 40 ? 0.01 : 0.0015)), this.about(x));
    else if (Math.abs(sideways) > (event.shiftKey ? 0 : Math.abs(event.deltaY))) this.pan(sideways / this.size.width);
    else return;
    event.preventDefault();
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0 || event.offsetX > this.place.clientWidth) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.dragged = 0;
  }

  private move(event: PointerEvent): void {
    // Nobody is told of a press that was let go outside.
    if (event.buttons === 0) this.pointers.delete(event.pointerId);
    const before = this.pointers.get(event.pointerId);
    const { x, y } = this.local(event);
    if (!before) {
      if (event.pointerType !== "touch") this.hover(barAt(this.picture(), x, y), event.clientX, event.clientY);
      return;
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    const now = { x: event.clientX, y: event.clientY };
    if (other) {
      const [was, is] = [Math.abs(before.x - other.x), Math.abs(now.x - other.x)];
      if (was > 8 && is > 8) this.zoom(is / was, this.about((x + other.x - this.place.getBoundingClientRect().left) / 2));
      this.dragged = Infinity;
    } else {
      this.dragged += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      if (this.dragged > DRAG_FROM_PX) {
        if (!this.place.hasPointerCapture(event.pointerId)) this.place.setPointerCapture(event.pointerId);
        const { names, width } = this.picture();
        this.pan((before.x - now.x) / (width - names));
        // A finger scrolls by itself.
        if (event.pointerType !== "touch") this.place.scrollTop += before.y - now.y;
        this.hover(null, 0, 0);
      }
    }
    this.pointers.set(event.pointerId, now);
  }

  private up(event: PointerEvent): void {
    const wasPressed = this.pointers.delete(event.pointerId);
    if (!wasPressed || this.dragged > DRAG_FROM_PX) return;
    const { x, y } = this.local(event);
    const picture = this.picture();
    const at = laneAt(picture, y);
    const lane = picture.lanes[at];
    if (!lane) return;
    const bar = barAt(picture, x, y);
    this.current = at;
    if (bar) this.heard.onSelect(bar.task);
    else if (lane.inside > 0 && (x < 8 + lane.depth * 12 + 16 || lane.task === "" || x > picture.names)) this.heard.onTurn(lane);
    else if (lane.task) this.heard.onSelect(lane.task);
    this.moved();
  }

  private hover(bar: Bar | null, x: number, y: number): void {
    if (bar !== this.hovered) this.moved();
    if (bar || this.hovered) this.heard.onHover(bar, x, y);
    this.hovered = bar;
    this.place.style.cursor = bar ? "pointer" : "";
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.did(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private did(key: string): boolean {
    const lane = this.content.lanes[this.current];
    switch (key) {
      case "+":
      case "=":
        this.zoom(1.5);
        return true;
      case "-":
        this.zoom(1 / 1.5);
        return true;
      case "0":
        this.fit();
        return true;
      case "ArrowLeft":
        this.pan(-0.1);
        return true;
      case "ArrowRight":
        this.pan(0.1);
        return true;
      case "ArrowUp":
        return this.step(-1);
      case "ArrowDown":
        return this.step(1);
      case "Home":
        return this.step(-Infinity);
      case "End":
        return this.step(Infinity);
      case " ":
      case "Enter":
        if (!lane) return false;
        if (lane.inside > 0 && (key === " " || lane.task === "" || lane.task === this.content.selected)) this.heard.onTurn(lane);
        else if (lane.task) this.heard.onSelect(lane.task);
        else if (lane.bars[0]) this.heard.onSelect(lane.bars.at(-1)!.task);
        return true;
    }
    return false;
  }

  private step(by: number): boolean {
    const last = this.content.lanes.length - 1;
    const to = Math.min(last, Math.max(0, this.current + by));
    const lane = this.content.lanes[to];
    if (!lane) return true;
    this.reveal(to);
    this.heard.onMove(lane);
    this.moved();
    return true;
  }
}
