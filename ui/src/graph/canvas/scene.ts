// What is looked at of a graph, and how each part of it looks then: the same for the screen and for a file.

import type { Ink } from "../../parts/ink";
import { NODE_HEIGHT, NODE_WIDTH, type GraphBounds, type GraphEdge, type GraphModel, type GraphNode } from "../model";
import { drawCard, type CardLook } from "./card";
import type { Colouring } from "./colours";
import type { Painter, Stroke } from "./painter";

/** What a person has chosen to see. */
export interface Choices {
  selected: string | null;
  marks: ReadonlyMap<string, string>;
  /** Tasks on the longest path; null where it is not shown. */
  critical: ReadonlySet<string> | null;
  /** Tasks that were looked for; null where nothing is. */
  found: ReadonlySet<string> | null;
}

export interface Scene {
  model: GraphModel;
  ink: Ink;
  colouring: Colouring;
  marks: ReadonlyMap<string, string>;
  /** The node that stands for the selected task. */
  chosen: string | null;
  /** That node and those beside it; null where none is. */
  around: ReadonlySet<string> | null;
  /** Nodes on the longest path; null where it is not shown. */
  path: ReadonlySet<string> | null;
  /** Nodes with tasks that were looked for; null where nothing is. */
  found: ReadonlySet<string> | null;
  hovered: string | null;
  /** The node that the keyboard is at. */
  current: string | null;
  /** Seconds since the epoch. */
  now: number;
}

export const isFaded = ({ around, found }: Scene, { id }: GraphNode): boolean => !((found ?? around)?.has(id) ?? true);

export function drawNode(painter: Painter, scene: Scene, node: GraphNode, glow: number, isSmall: boolean): void {
  const look: CardLook = {
    ink: scene.ink,
    colour: scene.colouring.of(node.row, scene.now),
    now: scene.now,
    isSelected: node.id === scene.chosen,
    isCurrent: node.id === scene.current,
    isHovered: node.id === scene.hovered,
    isCritical: scene.path?.has(node.id) ?? false,
    isFaded: isFaded(scene, node),
    mark: scene.marks.get(node.id) ?? "",
    glow,
    turn: node.counts ? "folded" : scene.model.expanded.has(node.id) ? "open" : "",
    isSmall,
  };
  drawCard(painter, node, look);
}

const ARROW_PX = 6;

/** Edges that are within; those that matter most last, over the others. */
export function drawEdges(painter: Painter, scene: Scene, within: GraphBounds, lineWidth: number, hasHeads: boolean): void {
  const { model, ink, chosen, around, path, found } = scene;
  const above: [GraphEdge, Stroke][] = [];
  const plain = ink.colour("--edge");
  painter.opacity(around || found ? 0.25 : 0.75);
  for (const edge of model.edges) {
    const from = model.nodes.get(edge.from)!;
    const to = model.nodes.get(edge.to)!;
    if (Number.isNaN(from.x) || Number.isNaN(to.x) || !crosses(from, to, edge.via, within)) continue;
    if (chosen !== null && (edge.from === chosen || edge.to === chosen)) above.push([edge, { colour: ink.colour("--accent"), width: 2 * lineWidth, dashed: edge.weak }]);
    else if (path?.has(edge.from) && path.has(edge.to)) above.push([edge, { colour: ink.colour("--text"), width: 2 * lineWidth, dashed: edge.weak }]);
    else draw(painter, from, to, edge.via, { colour: plain, width: lineWidth, dashed: edge.weak }, hasHeads);
  }
  for (const edge of chosen === null ? [] : model.implied) {
    if (edge.from === chosen || edge.to === chosen) above.push([edge, { colour: ink.colour("--accent"), width: lineWidth, dashed: edge.weak }]);
  }
  painter.opacity(1);
  for (const [{ from, to, via }, stroke] of above) draw(painter, model.nodes.get(from)!, model.nodes.get(to)!, via, stroke, hasHeads);
}

function draw(painter: Painter, from: GraphNode, to: GraphNode, via: readonly number[], stroke: Stroke, hasHead: boolean): void {
  let at = { x: from.x + NODE_WIDTH / 2, y: from.y };
  for (let i = 0; i < via.length; i += 2) {
    const next = { x: via[i]!, y: via[i + 1]! };
    painter.curve(at, next, stroke, 0);
    at = next;
  }
  painter.curve(at, { x: to.x - NODE_WIDTH / 2, y: to.y }, stroke, hasHead ? ARROW_PX * Math.max(1, stroke.width / 1.5) : 0);
}

function crosses(from: GraphNode, to: GraphNode, via: readonly number[], { left, top, right, bottom }: GraphBounds): boolean {
  const half = NODE_HEIGHT;
  if (Math.max(from.x, to.x) + NODE_WIDTH < left || Math.min(from.x, to.x) - NODE_WIDTH > right) return false;
  let [high, low] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  for (let i = 1; i < via.length; i += 2) [high, low] = [Math.min(high, via[i]!), Math.max(low, via[i]!)];
  return low + half >= top && high - half <= bottom;
}
