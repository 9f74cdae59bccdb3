// The whole picture in a corner, with the part that is seen: it can be pressed and dragged.

import type { GraphModel } from "../model";
import { fitted, seen, toPicture, toScreen, type Camera } from "./camera";
import type { GraphCanvas } from "./GraphCanvas";

const SIZE = { width: 168, height: 108 };
const NODE_PX = 2;
/** Drawn at most so often: it is for finding one's way. */
const EVERY_MS = 400;

export class Minimap {
  private readonly canvas = document.createElement("canvas");
  private readonly context = this.canvas.getContext("2d")!;
  private readonly picture = document.createElement("canvas");
  private readonly leave: () => void;
  private readonly aborter = new AbortController();
  private timer = 0;
  private frame = 0;

  constructor(
    place: HTMLElement,
    private readonly graph: GraphCanvas,
    private readonly model: GraphModel,
  ) {
    this.canvas.className = "minimap";
    this.canvas.setAttribute("aria-hidden", "true");
    const dots = devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.picture]) {
      canvas.width = SIZE.width * dots;
      canvas.height = SIZE.height * dots;
    }
    place.append(this.canvas);
    this.leave = model.listen(() => this.stale());
    const { signal } = this.aborter;
    const drag = (event: PointerEvent) => {
      event.preventDefault();
      event.stopPropagation();
      if (event.type === "pointerdown") this.canvas.setPointerCapture(event.pointerId);
      if (!this.canvas.hasPointerCapture(event.pointerId)) return;
      graph.lookAt(toPicture(this.whole(), { x: event.offsetX, y: event.offsetY }));
    };
    for (const kind of ["pointerdown", "pointermove"] as const) this.canvas.addEventListener(kind, drag, { signal });
    for (const kind of ["pointerup", "dblclick"] as const) this.canvas.addEventListener(kind, (event) => event.stopPropagation(), { signal });
    this.redraw();
  }

  end(): void {
    this.leave();
    this.aborter.abort();
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.canvas.remove();
  }

  /** However large the graph is, all of it is in the map. */
  private whole(): Camera {
    return fitted(this.model.bounds, SIZE, 0);
  }

  /** The camera has moved. */
  viewed(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private stale(): void {
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      this.redraw();
    }, EVERY_MS);
  }

  /** The nodes, and all else. */
  redraw(): void {
    const { colouring, now } = this.graph.scene;
    const camera = this.whole();
    const context = this.picture.getContext("2d")!;
    const dots = devicePixelRatio || 1;
    context.setTransform(dots, 0, 0, dots, 0, 0);
    context.clearRect(0, 0, SIZE.width, SIZE.height);
    for (const node of this.model.nodes.values()) {
      if (Number.isNaN(node.x)) continue;
      const { x, y } = toScreen(camera, node);
      context.fillStyle = colouring.of(node.row, now);
      context.fillRect(x - NODE_PX, y - NODE_PX / 2, 2 * NODE_PX, NODE_PX);
    }
    this.draw();
  }

  private draw(): void {
    const { context, graph } = this;
    const all = this.whole();
    const view = seen(graph.camera, graph.size);
    const { left, top, right, bottom } = this.model.bounds;
    this.canvas.hidden = this.model.nodes.size === 0 || (view.left <= left && view.top <= top && view.right >= right && view.bottom >= bottom);
    if (this.canvas.hidden) return;
    const from = toScreen(all, { x: view.left, y: view.top });
    const to = toScreen(all, { x: view.right, y: view.bottom });
    const dots = devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.picture, 0, 0);
    context.setTransform(dots, 0, 0, dots, 0, 0);
    context.strokeStyle = graph.scene.ink.colour("--accent");
    context.lineWidth = 1.5;
    context.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y);
  }
}
