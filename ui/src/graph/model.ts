// What is drawn of a source of rows, and where: nodes and edges on the main thread, which a layout gives their places.

import type { TaskRow } from "../api/types";
import { drawn, isFoldedAtFirst, openers, type Drawn } from "./groups";
import { COLUMN_PX, HALF_ROW_PX, layerSides, NODE_HEIGHT, NODE_WIDTH } from "./layout/grid";
import { Lanes } from "./layout/lanes";
import { Layouter } from "./layout/layouter";
import { noPlaces, type Layout, type Shape } from "./layout/shape";
import type { GraphSource, Increment } from "./source";

export { NODE_HEIGHT, NODE_WIDTH };

export interface GraphNode {
  /** Of a task; of a group that of the task that opened it. */
  readonly id: string;
  /** Newest row; of a group that of the task that opened it. */
  readonly row: TaskRow;
  /** Of a group that is not expanded: every task in it. Empty for a task. */
  readonly members: readonly string[];
  /** Of such a group: its members by state. */
  readonly counts: Readonly<Record<string, number>> | null;
  /** Centre in pixels of the picture; NaN until the layout has placed it. */
  readonly x: number;
  readonly y: number;
  readonly layer: number;
  /** `performance.now()` when its task came, 0 if it was there from the first: what is new glows. */
  readonly bornAt: number;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** It orders the two, and carries nothing. */
  readonly weak: boolean;
  /** Points that it leads through, x and y of each: beginnings and ends of level stretches between nodes. */
  readonly via: readonly number[];
}

export interface GraphBounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface GraphChange {
  /** Nodes whose row or counts changed. */
  changed: readonly string[];
  /** Nodes or edges came or went. */
  structure: boolean;
  /** Nodes were placed or moved, or the picture reaches further or less far. */
  moved: boolean;
}

type Own<T> = { -readonly [K in keyof T]: T[K] };
interface Place {
  layer: number;
  column: number;
  row: number;
}

const EMPTY: readonly string[] = [];
const STRAIGHT: readonly number[] = [];
/** Nobody can follow one of more edges than these, and to lead them around nodes would take long. */
const MOST_LED = 2000;
const SIDES = ["left", "top", "right", "bottom"] as const;
const NO_BOUNDS: Readonly<GraphBounds> = { left: 0, top: 0, right: 0, bottom: 0 };

export class GraphModel {
  edges: readonly GraphEdge[] = [];
  /** Edges that say nothing that a way over other edges does not say; of use for one node at a time. */
  implied: readonly GraphEdge[] = [];
  bounds: Readonly<GraphBounds> = NO_BOUNDS;
  private shown: ReadonlyMap<string, Own<GraphNode>> = new Map();
  private readonly opened = new Set<string>();
  /** Tasks that were seen to have opened others. */
  private readonly openers = new Set<string>();
  private drawing: Drawn = drawn(new Map(), () => false);
  /** Rows as they were drawn: a source changes its own before it says so. */
  private rows = new Map<string, TaskRow>();
  private readonly bornAt = new Map<string, number>();
  /** Where nodes are, and where those were that are no more: as time is moved to and fro, each comes back to its place. */
  private readonly places = new Map<string, Place>();
  private readonly layouter = new Layouter();
  private isAsking = false;
  private isStale = false;
  private isDisposed = false;
  private leave: () => void = () => {};
  private readonly listeners = new Set<(change: GraphChange) => void>();

  constructor(private source: GraphSource) {
    this.attach();
    this.rebuild();
    this.arrange();
  }

  get nodes(): ReadonlyMap<string, GraphNode> {
    return this.shown;
  }

  /** The time of what is drawn, in seconds since the epoch. */
  now(): number {
    return this.source.now();
  }

  /** Every task, those in folded groups among them. */
  get tasks(): ReadonlyMap<string, TaskRow> {
    return this.rows;
  }

  /** Tasks that opened others which are shown, unless they are in a folded group themselves. */
  get expanded(): ReadonlySet<string> {
    return this.opened;
  }

  /** Fold what a task opened into it, or unfold it. */
  toggle(group: string): void {
    if (!this.opened.delete(group)) this.opened.add(group);
    this.restructure();
  }

  /** The node that stands for a task: itself, or the group that it is in. */
  visible(task: string): string {
    return this.drawing.group.get(task) ?? task;
  }

  /** Draw another source, such as another moment of the same run: what is in both keeps its place. */
  sourceChanged(source: GraphSource): void {
    if (source === this.source) return;
    this.leave();
    this.source = source;
    this.attach();
    this.restructure();
  }

  listen(heard: (change: GraphChange) => void): () => void {
    this.listeners.add(heard);
    return () => this.listeners.delete(heard);
  }

  dispose(): void {
    this.isDisposed = true;
    this.leave();
    this.layouter.dispose();
    this.listeners.clear();
  }

  private attach(): void {
    this.leave = this.source.listen((increment) => this.hear(increment));
  }

  private say(change: GraphChange): void {
    for (const heard of this.listeners) heard(change);
  }

  private hear({ tasks, gone }: Increment): void {
    if (!tasks?.length && !gone?.length) return this.restructure();
    const now = performance.now();
    let structure = false;
    for (const row of tasks ?? []) {
      const before = this.rows.get(row.id);
      if (!before) this.bornAt.set(row.id, now);
      structure ||= !before || isRewired(before, row);
    }
    for (const id of gone ?? []) {
      this.bornAt.delete(id);
      structure ||= this.rows.has(id);
    }
    if (structure) this.restructure();
    else this.say({ changed: this.refresh(tasks ?? []), structure: false, moved: false });
  }

  /** Take in rows that changed in what is not structure; the nodes that they are drawn by. */
  private refresh(rows: readonly TaskRow[]): string[] {
    const changed = new Set<string>();
    for (const row of rows) {
      const before = this.rows.get(row.id)!;
      this.rows.set(row.id, row);
      const node = this.shown.get(row.id);
      if (node) node.row = row;
      const group = node ? undefined : this.drawing.group.get(row.id);
      if (group !== undefined) {
        if (before.state === row.state) continue;
        const counts = { ...this.shown.get(group)!.counts };
        if (!--counts[before.state]!) delete counts[before.state];
        counts[row.state] = (counts[row.state] ?? 0) + 1;
        this.shown.get(group)!.counts = counts;
      }
      changed.add(group ?? row.id);
    }
    return [...changed];
  }

  private restructure(): void {
    const changed = this.rebuild();
    this.say({ changed, structure: true, moved: false });
    this.arrange();
  }

  /** Make nodes and edges anew, of the rows as they are; the nodes that changed. */
  private rebuild(): string[] {
    const { rows } = this.source;
    for (const [id, count] of openers(rows)) {
      if (this.openers.has(id)) continue;
      this.openers.add(id);
      if (!isFoldedAtFirst(rows.get(id)!, count)) this.opened.add(id);
    }
    const { ids, members } = (this.drawing = drawn(rows, (id) => !this.opened.has(id)));
    const nodes = new Map<string, Own<GraphNode>>();
    const changed: string[] = [];
    const before = this.shown.size;
    let kept = 0;
    for (const id of ids) {
      const row = rows.get(id)!;
      const inside = members.get(id);
      const known = this.shown.get(id);
      const node = known ?? newNode(row, this.bornAt.get(id) ?? 0, this.places.get(id));
      if (known) kept++;
      if (node.row !== row || inside) changed.push(id);
      node.row = row;
      node.members = inside ?? EMPTY;
      node.counts = inside ? countsOf(inside, rows) : null;
      nodes.set(id, node);
    }
    this.shown = nodes;
    this.rows = new Map(rows);
    if (kept < before) {
      // Edges that are new come with the places of their ends.
      this.edges = this.edges.filter((edge) => this.isShown(edge));
      this.implied = this.implied.filter((edge) => this.isShown(edge));
    }
    return changed;
  }

  /** Ask for places of what is drawn; of what came while that went on, afterwards. */
  private arrange(): void {
    this.isStale = this.isAsking;
    if (this.isAsking || this.isDisposed) return;
    const { drawing } = this;
    this.isAsking = true;
    this.layouter.ask(this.shape(), (found) => {
      this.isAsking = false;
      if (this.isDisposed) return;
      const structure = this.connect(drawing, found);
      const moved = this.move(drawing.ids, found);
      if (structure || moved) this.say({ changed: [], structure, moved });
      if (this.isStale) this.arrange();
    });
  }

  private shape(): Shape {
    const { ids, edges, owner } = this.drawing;
    const before = noPlaces(ids.length);
    const stands = new Uint8Array(ids.length);
    ids.forEach((id, at) => {
      const place = this.places.get(id);
      if (!place) return;
      before.layer[at] = place.layer;
      before.column[at] = place.column;
      before.row[at] = place.row;
      stands[at] = Number.isNaN(this.shown.get(id)!.x) ? 0 : 1;
    });
    return { count: ids.length, edges, owner, before, stands };
  }

  private isShown({ from, to }: GraphEdge): boolean {
    return this.shown.has(from) && this.shown.has(to);
  }

  /** Make the edges of what was laid out, as far as it is still there; whether there are others than before. */
  private connect({ ids, edges, weak }: Drawn, places: Layout): boolean {
    const before = this.edges;
    const found: [GraphEdge[], GraphEdge[]] = [[], []];
    const lanes = weak.length <= MOST_LED ? new Lanes(places) : null;
    weak.forEach((isWeak, at) => {
      const [from, to] = [edges[2 * at]!, edges[2 * at + 1]!];
      const edge = { from: ids[from]!, to: ids[to]!, weak: isWeak === 1, via: lanes?.between(from, to) ?? STRAIGHT };
      if (this.isShown(edge)) found[places.implied[at] ? 1 : 0].push(edge);
    });
    [this.edges, this.implied] = found;
    return !isSame(before, this.edges);
  }

  /** Put nodes where the layout has them; whether that changes the picture. */
  private move(ids: readonly string[], places: Layout): boolean {
    const { left } = layerSides(places);
    const bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    let isMoved = false;
    ids.forEach((id, at) => {
      const [layer, column, row] = [places.layer[at]!, places.column[at]!, places.row[at]!];
      const place = this.places.get(id);
      if (place?.layer !== layer || place.column !== column || place.row !== row) this.places.set(id, { layer, column, row });
      const node = this.shown.get(id);
      if (!node) return;
      const x = left[layer]! + NODE_WIDTH / 2 + column * COLUMN_PX;
      const y = row * HALF_ROW_PX;
      isMoved ||= node.x !== x || node.y !== y;
      node.x = x;
      node.y = y;
      node.layer = layer;
      bounds.left = Math.min(bounds.left, x - NODE_WIDTH / 2);
      bounds.right = Math.max(bounds.right, x + NODE_WIDTH / 2);
      bounds.top = Math.min(bounds.top, y - NODE_HEIGHT / 2);
      bounds.bottom = Math.max(bounds.bottom, y + NODE_HEIGHT / 2);
    });
    const before = this.bounds;
    this.bounds = bounds.left <= bounds.right ? bounds : NO_BOUNDS;
    isMoved ||= SIDES.some((side) => this.bounds[side] !== before[side]);
    return isMoved;
  }
}

function newNode(row: TaskRow, bornAt: number, place: Place | undefined): Own<GraphNode> {
  return { id: row.id, row, members: EMPTY, counts: null, x: NaN, y: NaN, layer: place?.layer ?? 0, bornAt };
}

function countsOf(ids: readonly string[], rows: ReadonlyMap<string, TaskRow>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const id of ids) {
    const { state } = rows.get(id)!;
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

function isSame(before: readonly GraphEdge[], after: readonly GraphEdge[]): boolean {
  const isAlike = (a: GraphEdge, b: GraphEdge) => a.from === b.from && a.to === b.to && a.weak === b.weak;
  return before.length === after.length && before.every((edge, at) => isAlike(edge, after[at]!));
}

/** Whether a new row of a task changes the graph, and not only how one node of it looks. */
function isRewired(before: TaskRow, after: TaskRow): boolean {
  if (before.parent !== after.parent || before.each !== after.each) return true;
  if (before.needs === after.needs) return false;
  const [old = [], fresh = []] = [before.needs, after.needs];
  return old.length !== fresh.length || old.some(({ task, hard }, at) => task !== fresh[at]!.task || hard !== fresh[at]!.hard);
}
