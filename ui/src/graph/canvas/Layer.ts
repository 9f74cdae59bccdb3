// A canvas over the whole place of the graph, and the painter that draws on it.

import type { Camera, Size } from "./camera";
import { CanvasPainter } from "./painter";

export class Layer {
  readonly canvas = document.createElement("canvas");
  private readonly painter: CanvasPainter;

  constructor(name: string) {
    this.canvas.className = `graph-${name}`;
    this.canvas.setAttribute("aria-hidden", "true");
    this.painter = new CanvasPainter(this.canvas.getContext("2d")!);
  }

  resize({ width, height }: Size): void {
    const dots = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * dots);
    this.canvas.height = Math.round(height * dots);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
  }

  /** Empty it, to be drawn on in pixels of the picture. */
  begin(camera: Camera): CanvasPainter {
    const { context } = this.painter;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    return this.go(camera);
  }

  /** Draw over what is there. */
  go({ x, y, scale }: Camera): CanvasPainter {
    const dots = devicePixelRatio || 1;
    this.painter.context.setTransform(dots * scale, 0, 0, dots * scale, dots * x, dots * y);
    this.painter.begin();
    return this.painter;
  }
}
