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

export function drawNode(painter: Painter, scene: Scene, node: GraphNode, glow: number, scale: number): void {
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
    scale,
  };
  drawCard(painter, node, look);
}

const ARROW_PX = 6;

/** Edges that are within; those that matter most last, over the others. */
export function drawEdges(painter: Painter, scene: Scene, within: GraphBounds, lineWidth: number, hasHeads: boolean): void {
  const { model, ink, chosen, around, path, found } = scene;
  const above: [GraphEdge, Stroke][] = [];
  const take = (edge: GraphEdge, colour: string) => above.push([edge, { colour: ink.colour(colour), width: 2 * lineWidth, dashed: edge.weak }]);
  const isChosen = ({ from, to }: GraphEdge): boolean => chosen !== null && (from === chosen || to === chosen);
  const draw = (edge: GraphEdge, stroke: Stroke) => {
    const from = model.nodes.get(edge.from)!;
    const to = model.nodes.get(edge.to)!;
    if (Number.isNaN(from.x) || Number.isNaN(to.x) || !crosses(from, to, edge.via, within)) return;
    const points = [from.x + NODE_WIDTH / 2, from.y, ...edge.via, to.x - NODE_WIDTH / 2, to.y];
    painter.curve(points, stroke, hasHeads ? ARROW_PX * Math.max(1, stroke.width / 1.5) : 0);
  };
  const plain = { colour: ink.colour("--edge"), width: lineWidth };
  painter.opacity(around || found ? 0.25 : 0.75);
  for (const edge of model.edges) {
    if (isChosen(edge)) take(edge, "--accent");
    else if (path?.has(edge.from) && path.has(edge.to)) take(edge, "--text");
    else draw(edge, edge.weak ? { ...plain, dashed: true } : plain);
  }
  if (chosen !== null) for (const edge of model.implied) if (isChosen(edge)) take(edge, "--accent");
  painter.opacity(1);
  for (const [edge, stroke] of above) draw(edge, stroke);
}

function crosses(from: GraphNode, to: GraphNode, via: readonly number[], { left, top, right, bottom }: GraphBounds): boolean {
  if (Math.max(from.x, to.x) + NODE_WIDTH < left || Math.min(from.x, to.x) - NODE_WIDTH > right) return false;
  let [high, low] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  for (let at = 1; at < via.length; at += 2) [high, low] = [Math.min(high, via[at]!), Math.max(low, via[at]!)];
  return low >= top - NODE_HEIGHT && high <= bottom + NODE_HEIGHT;
}
