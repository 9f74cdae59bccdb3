// The whole graph as it is looked at, as a file: the same strokes as on the screen, every node large enough to be read.

import { CanvasPainter, type Painter } from "../canvas/painter";
import { drawEdges, drawNode, type Scene } from "../canvas/scene";
import { SvgPainter } from "./svg";

const MARGIN_PX = 24;
/** Of one side of an image: what every browser can make. */
const MOST_PX = 12_000;
/** Of the whole image, which takes four bytes of memory for each. */
const MOST_DOTS = 60e6;
const SHARPNESS = 2;

export function svgOf(scene: Scene, title: string): string {
  const ruler = new CanvasPainter(document.createElement("canvas").getContext("2d")!);
  const painter = new SvgPainter((words, font) => ruler.measure(words, font));
  drawWhole(painter, scene);
  return painter.document(frameOf(scene), scene.ink.colour("--surface"), title);
}

export async function pngOf(scene: Scene): Promise<Blob> {
  const { x, y, width, height } = frameOf(scene);
  const scale = Math.min(SHARPNESS, MOST_PX / Math.max(width, height), Math.sqrt(MOST_DOTS / (width * height)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  const context = canvas.getContext("2d")!;
  context.fillStyle = scene.ink.colour("--surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.setTransform(scale, 0, 0, scale, -x * scale, -y * scale);
  const painter = new CanvasPainter(context);
  painter.begin();
  drawWhole(painter, scene);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!blob) throw new Error("the graph is too large for an image; save it as SVG");
  return blob;
}

function frameOf({ model }: Scene) {
  const { left, top, right, bottom } = model.bounds;
  return { x: left - MARGIN_PX, y: top - MARGIN_PX, width: right - left + 2 * MARGIN_PX, height: bottom - top + 2 * MARGIN_PX };
}

/** Without what belongs to a hand: where the pointer and the keyboard are. */
function drawWhole(painter: Painter, scene: Scene): void {
  const still = { ...scene, hovered: null, current: null };
  drawEdges(painter, still, scene.model.bounds, 1.3, true);
  for (const node of scene.model.nodes.values()) if (!Number.isNaN(node.x)) drawNode(painter, still, node, 0, 1);
}
