// A node as a card: what it is called, how it stands, and how long it has taken; a group with its members by state.

import type { TaskRow } from "../../api/types";
import { count, span } from "../../parts/format";
import type { Ink } from "../../parts/ink";
import { SHAPES } from "../../parts/shapes";
import { look, TASK_STATES } from "../../parts/states";
import { NODE_HEIGHT, NODE_WIDTH, type GraphNode } from "../model";
import { took } from "./colours";
import { cut, type Box, type Font, type Painter } from "./painter";

export interface CardLook {
  ink: Ink;
  /** What its colour says, see colours.ts. */
  colour: string;
  /** Seconds since the epoch. */
  now: number;
  isSelected: boolean;
  isCurrent: boolean;
  isHovered: boolean;
  isCritical: boolean;
  /** It is not among what is looked at. */
  isFaded: boolean;
  /** What is said of it: "added", "removed" or "changed". */
  mark: string;
  /** How new it is: 1 as it comes, 0 after a while. */
  glow: number;
  /** Tasks that it opened are folded into it, can be, or there are none. */
  turn: "folded" | "open" | "";
  /** How large it is drawn: words are kept readable as it becomes smaller, until there is room for the name alone. */
  scale: number;
}

const NAME_PX = 12.5;
const FACTS_PX = 11;
/** Below this scale a card has its name only. */
const NAMES_BELOW = 0.68;
/** What words should not fall below on a screen, and how large they may be for their card. */
const LEAST_PX = 10;
const MOST_NAME_PX = 15;
const MOST_FACTS_PX = 13;
const MOST_ALONE_PX = 22;
const PAD = 10;
const STACKED = 3;
const TURN_PX = 26;
const FADED = 0.4;
/** How far a card reaches beyond its box: shadows of a stack, outlines, glow. */
export const OVERHANG_PX = 9;

const MARKS: Record<string, string> = { added: "--succeeded", removed: "--failed", changed: "--asking" };

export function drawCard(painter: Painter, node: GraphNode, card: CardLook): void {
  const { ink, colour } = card;
  const box: Box = { x: node.x - NODE_WIDTH / 2, y: node.y - NODE_HEIGHT / 2, width: NODE_WIDTH, height: NODE_HEIGHT, radius: 7 };
  const strength = card.isFaded ? FADED : 1;
  painter.opacity(strength);
  if (node.counts) for (const by of [2 * STACKED, STACKED]) painter.box(shifted(box, by), ink.colour("--surface"), { colour: ink.colour("--line"), width: 1 });
  if (card.glow > 0) {
    painter.opacity(card.glow * 0.55 * strength);
    painter.box(grown(box, 5), null, { colour: ink.colour("--accent"), width: 5 });
    painter.opacity(strength);
  }
  painter.box(box, ink.colour("--surface"));
  painter.opacity(strength * (card.isHovered ? 0.22 : 0.11));
  painter.box(box, colour);
  painter.opacity(strength);
  painter.box(box, null, outline(card));
  if (card.isCurrent) painter.box(grown(box, 4), null, { colour: ink.colour("--accent"), width: 2, dashed: true });
  if (card.mark) painter.box(grown(box, 1), null, { colour: ink.colour(MARKS[card.mark] ?? "--edge"), width: 3 });
  painter.box({ x: box.x + 4, y: box.y + 6, width: 3.5, height: box.height - 12, radius: 1.75 }, colour);
  const { state } = node.row;
  const left = box.x + PAD + 4;
  const room = box.width - 2 * PAD - 4;
  const readable = LEAST_PX / card.scale;
  if (card.scale < NAMES_BELOW) {
    const alone: Font = { size: Math.min(MOST_ALONE_PX, Math.max(NAME_PX, readable)) };
    drawMark(painter, ink, state, left, node.y - 8, 16 / 12);
    const words = node.counts ? `${node.id} ×${count(node.members.length)}` : node.id;
    painter.text(cut(painter, words, room - 22, alone), left + 22, node.y + 1, ink.colour("--text"), alone);
    return;
  }
  const name: Font = { size: Math.min(MOST_NAME_PX, Math.max(NAME_PX, readable)), bold: true };
  const facts: Font = { size: Math.min(MOST_FACTS_PX, Math.max(FACTS_PX, readable)) };
  const width = room - (card.turn ? TURN_PX - PAD : 0);
  const time = timeOf(node, card.now);
  const timeWidth = painter.measure(time, facts);
  drawMark(painter, ink, state, left, box.y + 7, 1);
  painter.text(cut(painter, node.id, width - 18, name), left + 18, box.y + 13, ink.colour("--text"), name);
  painter.text(cut(painter, factsOf(node), width - (time ? timeWidth + 8 : 0), facts), left, box.y + 28, ink.colour("--quiet"), facts);
  if (time) painter.text(time, left + width - timeWidth, box.y + 28, ink.colour("--quiet"), facts);
  if (card.turn) drawTurn(painter, ink, box, card.turn);
  drawProgress(painter, node, card, { x: left, y: box.y + box.height - 4, width, height: 2.5, radius: 1 });
}

/** Whether a place is on the sign that folds and unfolds, at the right end of a card. */
export const isOnTurn = (node: GraphNode, at: { x: number; y: number }): boolean => at.x > node.x + NODE_WIDTH / 2 - TURN_PX;

function drawTurn(painter: Painter, ink: Ink, { x, y, width, height }: Box, turn: "folded" | "open"): void {
  const sign = turn === "folded" ? "M8 3v10M3 8h10" : "M3 8h10";
  painter.path(sign, x + width - TURN_PX + 5, y + height / 2 - 7, 14 / 16, { colour: ink.colour("--quiet"), width: 1.8 }, null);
}

export function drawMark(painter: Painter, ink: Ink, state: string, x: number, y: number, scale: number): void {
  const { colour, shape } = look(state);
  const { faint, line, bold, full } = SHAPES[shape];
  const own = ink.colour(colour);
  if (faint) painter.path(faint, x, y, scale, { colour: ink.colour("--line"), width: 1.5 }, null);
  if (line) painter.path(line, x, y, scale, { colour: own, width: 1.5 }, null);
  if (bold) painter.path(bold, x, y, scale, { colour: own, width: 1.9 }, null);
  if (full) painter.path(full, x, y, scale, null, own);
}

function outline({ ink, isSelected, isCritical, colour }: CardLook) {
  if (isSelected) return { colour: ink.colour("--accent"), width: 2.5 };
  if (isCritical) return { colour: ink.colour("--text"), width: 2 };
  return { colour, width: 1 };
}

const shifted = (box: Box, by: number): Box => ({ ...box, x: box.x + by, y: box.y + by });
const grown = ({ x, y, width, height, radius }: Box, by: number): Box => ({
  x: x - by,
  y: y - by,
  width: width + 2 * by,
  height: height + 2 * by,
  radius: radius + by,
});

/** Of a group the task that opened it may have taken little: its members say more. */
function timeOf({ row, counts }: GraphNode, now: number): string {
  const seconds = counts ? null : took(row, now);
  return seconds === null ? "" : span(seconds);
}

/** The second line: of a group how far it is, of a task what it runs and where. */
function factsOf({ row, counts, members }: GraphNode): string {
  if (counts) {
    const done = ENDED.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
    const failed = counts.failed ? `, ${count(counts.failed)} failed` : "";
    return `${count(done)} of ${count(members.length)}${failed}`;
  }
  const attempt = (row.attempt ?? 0) > 1 ? `attempt ${row.attempt}` : "";
  return [operation(row), row.model, row.where, attempt].filter(Boolean).join(" · ");
}

const ENDED = ["succeeded", "failed", "skipped", "cancelled"] as const;

/** What a task runs, without the module that it lies in. */
const operation = ({ op }: TaskRow): string => op.slice(op.lastIndexOf(":") + 1);

function drawProgress(painter: Painter, { row, counts, members }: GraphNode, { ink }: CardLook, bar: Box): void {
  if (counts) {
    let x = bar.x;
    for (const state of TASK_STATES.toReversed()) {
      const width = (bar.width * (counts[state] ?? 0)) / members.length;
      if (width > 0) painter.box({ ...bar, x, width }, ink.colour(look(state).colour));
      x += width;
    }
  } else if (row.fraction != null && row.state === "running") {
    painter.box(bar, ink.colour("--sunken"));
    painter.box({ ...bar, width: bar.width * Math.min(1, Math.max(0, row.fraction)) }, ink.colour("--running"));
  }
}
