// Nodes as blocks: what is drawn of them where they are too small for words.

import { NODE_HEIGHT, NODE_WIDTH, type GraphNode } from "../model";
import { isFaded, type Scene } from "./scene";

/** @param scale of the camera: outlines are as wide on the screen whatever it is */
export function drawBlocks(context: CanvasRenderingContext2D, scene: Scene, nodes: readonly GraphNode[], scale: number): void {
  const paths = new Map<string, GraphNode[]>();
  const faded: GraphNode[] = [];
  const special: GraphNode[] = [];
  for (const node of nodes) {
    if (isFaded(scene, node)) faded.push(node);
    const colour = scene.colouring.of(node.row, scene.now);
    const found = paths.get(colour);
    if (found) found.push(node);
    else paths.set(colour, [node]);
    if (node.id === scene.chosen || node.id === scene.current || scene.path?.has(node.id) || scene.marks.has(node.id)) special.push(node);
  }
  const [width, height] = [NODE_WIDTH, NODE_HEIGHT];
  for (const [colour, alike] of paths) {
    context.fillStyle = colour;
    for (const { x, y } of alike) context.fillRect(x - width / 2, y - height / 2, width, height);
  }
  context.fillStyle = scene.ink.colour("--surface");
  context.globalAlpha = 0.65;
  for (const { x, y } of faded) context.fillRect(x - width / 2, y - height / 2, width, height);
  context.globalAlpha = 1;
  const line = Math.min(9, 2 / scale);
  context.setLineDash([]);
  context.lineWidth = line;
  for (const { x, y, id } of special) {
    context.strokeStyle = scene.ink.colour(id === scene.chosen || id === scene.current ? "--accent" : "--text");
    context.strokeRect(x - width / 2 - line / 2, y - height / 2 - line / 2, width + line, height + line);
  }
}
