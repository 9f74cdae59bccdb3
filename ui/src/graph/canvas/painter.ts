// What a graph is drawn with: a canvas on the screen, or a file. Both get the same strokes, so that they show the same.

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly radius: number;
}

export interface Stroke {
  readonly colour: string;
  readonly width: number;
  readonly dashed?: boolean;
}

export interface Font {
  readonly size: number;
  readonly bold?: boolean;
}

export interface Painter {
  /** How much of what follows covers what is under it, from 0 to 1. */
  opacity(share: number): void;
  box(box: Box, fill: string | null, stroke?: Stroke): void;
  /** Words from a place on, their middle on `y`. */
  text(words: string, x: number, y: number, colour: string, font: Font): void;
  /** The width of words in pixels. */
  measure(words: string, font: Font): number;
  /** A path in its own pixels, moved and made larger. */
  path(path: string, x: number, y: number, scale: number, stroke: Stroke | null, fill: string | null): void;
  /** A line through points, x and y of each, level at every one; with a head where `head` pixels are given. */
  curve(points: readonly number[], stroke: Stroke, head: number): void;
}

const BEND_PX = 28;
export const FAMILY = "system-ui, sans-serif";
export const fontOf = ({ size, bold }: Font): string => `${bold ? "600 " : ""}${size}px ${FAMILY}`;

/** The part of a curve that leads to the point at `at`: two points that pull it, and where it ends. */
export function part(points: readonly number[], at: number, head: number): [number, number, number, number, number, number] {
  const [x, y, toX, toY] = [points[at - 2]!, points[at - 1]!, points[at]! - (at === points.length - 2 ? head : 0), points[at + 1]!];
  const reach = y === toY ? (toX - x) / 3 : Math.max(BEND_PX, Math.abs(toX - x) / 2);
  return [x + reach, y, toX - reach, toY, toX, toY];
}

/** As much of words as is no wider than `width`, the middle left out. */
export function cut(painter: Painter, words: string, width: number, font: Font): string {
  const whole = painter.measure(words, font);
  if (whole <= width) return words;
  const letters = [...words];
  let keep = Math.min(letters.length - 1, Math.floor((letters.length * width) / whole));
  for (; keep > 1; keep--) {
    const tail = Math.floor(keep / 2);
    const shown = `${letters.slice(0, keep - tail).join("")}…${tail ? letters.slice(-tail).join("") : ""}`;
    if (painter.measure(shown, font) <= width) return shown;
  }
  return "…";
}

const DASHES = [5, 4];

export class CanvasPainter implements Painter {
  private readonly paths = new Map<string, Path2D>();
  private readonly widths = new Map<string, number>();
  private font = "";

  constructor(readonly context: CanvasRenderingContext2D) {}

  /** The context was reset: what it was told before is forgotten. */
  begin(): void {
    this.font = "";
    this.context.textBaseline = "middle";
  }

  opacity(share: number): void {
    this.context.globalAlpha = share;
  }

  box({ x, y, width, height, radius }: Box, fill: string | null, stroke?: Stroke): void {
    const { context } = this;
    context.beginPath();
    context.roundRect(x, y, width, height, radius);
    if (fill !== null) {
      context.fillStyle = fill;
      context.fill();
    }
    if (stroke) {
      this.prepare(stroke);
      context.stroke();
    }
  }

  text(words: string, x: number, y: number, colour: string, font: Font): void {
    this.choose(font);
    this.context.fillStyle = colour;
    this.context.fillText(words, x, y);
  }

  measure(words: string, font: Font): number {
    const key = `${font.size}${font.bold ? "b" : ""}${words}`;
    let width = this.widths.get(key);
    if (width === undefined) {
      if (this.widths.size > 20_000) this.widths.clear();
      this.choose(font);
      width = this.context.measureText(words).width;
      this.widths.set(key, width);
    }
    return width;
  }

  path(path: string, x: number, y: number, scale: number, stroke: Stroke | null, fill: string | null): void {
    const { context } = this;
    let shape = this.paths.get(path);
    if (!shape) this.paths.set(path, (shape = new Path2D(path)));
    context.save();
    context.translate(x, y);
    context.scale(scale, scale);
    if (fill !== null) {
      context.fillStyle = fill;
      context.fill(shape);
    }
    if (stroke) {
      this.prepare(stroke);
      context.lineCap = context.lineJoin = "round";
      context.stroke(shape);
    }
    context.restore();
  }

  curve(points: readonly number[], stroke: Stroke, head: number): void {
    const { context } = this;
    context.beginPath();
    context.moveTo(points[0]!, points[1]!);
    for (let at = 2; at < points.length; at += 2) context.bezierCurveTo(...part(points, at, head));
    this.prepare(stroke);
    context.stroke();
    if (head <= 0) return;
    const [x, y] = points.slice(-2) as [number, number];
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x - head, y - head / 2);
    context.lineTo(x - head, y + head / 2);
    context.fillStyle = stroke.colour;
    context.fill();
  }

  private prepare({ colour, width, dashed }: Stroke): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.setLineDash(dashed ? DASHES : []);
  }

  private choose(font: Font): void {
    const words = fontOf(font);
    if (words !== this.font) this.context.font = this.font = words;
  }
}
