// The graph on its canvases: edges on one, nodes on another above it. A frame draws what changed since the last one; while
// the camera moves, edges that take long to draw move along as they were drawn, and are drawn anew once it rests.

import { inkOf, type Ink } from "../../parts/ink";
import { dark } from "../../state/theme";
import type { GraphChange, GraphModel, GraphNode } from "../model";
import { between, fitted, panned, revealing, seen, toPicture, zoomed, type Camera, type Size } from "./camera";
import { drawBlocks } from "./blocks";
import { isOnTurn, OVERHANG_PX } from "./card";
import { colouring, type Colouring, type Entry, type Mode } from "./colours";
import { NodeGrid } from "./grid";
import { Hands } from "./Hands";
import { Layer } from "./Layer";
import { Links, stepped, type Direction } from "./links";
import type { CanvasPainter } from "./painter";
import { drawEdges, drawNode, type Choices, type Scene } from "./scene";
import { NODE_HEIGHT, NODE_WIDTH } from "../model";

export interface Heard {
  onHover: (node: GraphNode | null, x: number, y: number) => void;
  onSelect: (task: string | null) => void;
  /** The keyboard has come to a node. */
  onMove: (node: GraphNode) => void;
  /** The camera moved, or what it sees changed. */
  onView: () => void;
  /** The graph was drawn for the first time. */
  onDrawn: () => void;
}

/** From this scale on all of a card can be read; below the second, nodes are blocks. */
const READABLE = 0.68;
const BLOCKS_BELOW = 0.24;
/** What is brought into view is at least so large: its name can be read. */
const LEGIBLE = 0.45;
const GLOW_MS = 1800;
const GLIDE_MS = 220;
const REST_MS = 120;
/** In place of a timer: none has been set, or it has gone off. */
const NOT_YET = 0;
const RESTED = -1;
const TICK_MS = 1000;
/** Edges that took longer than this to draw are not drawn in every frame. */
const SLOW_MS = 8;
/** So many edges are drawn in the frame after the first, which shows the tasks sooner. */
const MANY_EDGES = 2000;
const HIT_PX = 4;

export class GraphCanvas {
  camera: Camera = { x: 0, y: 0, scale: 1 };
  size: Size = { width: 0, height: 0 };
  grid = new NodeGrid([]);
  scene: Scene;
  private readonly under = new Layer("edges");
  private readonly over = new Layer("nodes");
  private readonly sizes: ResizeObserver;
  private readonly themes: MutationObserver;
  private readonly system = matchMedia("(prefers-color-scheme: dark)");
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");
  private readonly hands: Hands;
  private readonly leave: () => void;
  private readonly ticking: number;
  private links: Links | null = null;
  private choices: Choices = { selected: null, marks: new Map(), critical: null, found: null };
  private mode: Mode = "state";
  /** The whole is kept in view until a hand has moved it. */
  private fits = true;
  private glide: { from: Camera; to: Camera; began: number } | null = null;
  private drawnEdges: { camera: Camera; tookMs: number } | null = null;
  private isStale = { edges: true, nodes: true };
  private readonly dirty = new Set<string>();
  /** Blocks were drawn anew one by one: they share pixels with their neighbours, whose edges have suffered. */
  private isSmudged = false;
  private readonly young = new Set<string>();
  private pressed: string | null = null;
  private frame = 0;
  private resting = NOT_YET;
  private restsAt: Camera | null = null;
  private wasDrawn = false;

  constructor(
    readonly place: HTMLElement,
    readonly model: GraphModel,
    readonly heard: Heard,
  ) {
    place.append(this.under.canvas, this.over.canvas);
    const ink = inkOf(place);
    this.scene = {
      model,
      ink,
      colouring: this.colouring(ink),
      marks: this.choices.marks,
      chosen: null,
      around: null,
      path: null,
      found: null,
      hovered: null,
      current: null,
      now: model.now(),
    };
    this.hands = new Hands(this);
    this.leave = model.listen((change) => this.hear(change));
    this.sizes = new ResizeObserver(() => this.fitSize());
    this.sizes.observe(place);
    this.themes = new MutationObserver(() => this.newInk());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.system.addEventListener("change", this.newInk);
    this.ticking = window.setInterval(() => this.tick(), TICK_MS);
    this.settle();
    this.fitSize();
  }

  end(): void {
    this.leave();
    this.hands.end();
    this.sizes.disconnect();
    this.themes.disconnect();
    this.system.removeEventListener("change", this.newInk);
    clearInterval(this.ticking);
    clearTimeout(this.resting);
    cancelAnimationFrame(this.frame);
    this.under.canvas.remove();
    this.over.canvas.remove();
  }

  /** What a person has chosen to see. A task that is newly selected comes into view. */
  show(choices: Choices, mode: Mode): void {
    const isOther = choices.selected !== this.choices.selected;
    const isOtherMode = mode !== this.mode;
    this.choices = choices;
    this.mode = mode;
    if (isOtherMode) this.scene.colouring = this.colouring(this.scene.ink);
    this.choose();
    // What was pressed is in view, and stays where it is under the hand.
    if (isOther && choices.selected !== null && this.scene.chosen !== this.pressed) this.reveal(choices.selected);
    this.pressed = null;
  }

  /** Take in what tasks are like by now, where they are coloured by something new; what the colours mean. */
  recolour(): readonly Entry[] {
    const { legend } = this.scene.colouring;
    const next = this.colouring(this.scene.ink);
    const isSame = next.legend.length === legend.length && next.legend.every(({ words, colour }, at) => words === legend[at]!.words && colour === legend[at]!.colour);
    if (!isSame) {
      this.scene.colouring = next;
      this.redraw();
    }
    return this.scene.colouring.legend;
  }

  /** Bring the node of a task into view, if it is not. */
  reveal(task: string): void {
    const node = this.model.nodes.get(this.model.visible(task));
    if (!node || Number.isNaN(node.x) || this.size.width === 0) return;
    this.scene.current = this.scene.current === null ? null : node.id;
    const to = revealing(this.camera, node, this.size, LEGIBLE);
    if (to === this.camera) return;
    this.fits = false;
    this.moveTo(to, true);
  }

  fit(): void {
    this.fits = true;
    this.moveTo(fitted(this.model.bounds, this.size), true);
  }

  zoom(factor: number, about = { x: this.size.width / 2, y: this.size.height / 2 }): void {
    this.fits = false;
    this.moveTo(zoomed(this.glide?.to ?? this.camera, factor, about), false);
  }

  pan(dx: number, dy: number): void {
    this.fits = false;
    this.moveTo(panned(this.camera, dx, dy, this.model.bounds, this.size), false);
  }

  /** Look at a place of the picture, such as one that was pressed on the small map. */
  lookAt(at: { x: number; y: number }): void {
    const { scale } = this.camera;
    this.fits = false;
    this.moveTo({ scale, x: this.size.width / 2 - at.x * scale, y: this.size.height / 2 - at.y * scale }, false);
  }

  /** The node at a place of the screen. */
  nodeAt(at: { x: number; y: number }): GraphNode | null {
    return this.grid.at(toPicture(this.camera, at), HIT_PX / this.camera.scale);
  }

  hover(node: GraphNode | null, x: number, y: number): void {
    const before = this.scene.hovered;
    this.scene.hovered = node?.id ?? null;
    if (before !== this.scene.hovered) for (const id of [before, this.scene.hovered]) if (id !== null) this.dirty.add(id);
    this.place.style.cursor = node ? "pointer" : "";
    if (node || before !== null) this.heard.onHover(node, x, y);
    this.request();
  }

  /** A place was pressed: its node is selected, or folded and unfolded; beside all nodes nothing is selected. */
  press(at: { x: number; y: number }): void {
    const node = this.nodeAt(at);
    this.setCurrent(null);
    if (node && this.canTurn(node) && this.camera.scale >= READABLE && isOnTurn(node, toPicture(this.camera, at))) return this.toggle(node);
    this.pressed = node?.id ?? null;
    this.heard.onSelect(this.pressed);
  }

  /** Whether tasks that it opened can be folded into it, or unfolded. */
  canTurn(node: GraphNode): boolean {
    return node.counts !== null || this.model.expanded.has(node.id);
  }

  /** Fold or unfold a group, or what a task opened. */
  toggle(node: GraphNode): void {
    if (this.canTurn(node)) this.model.toggle(node.id);
  }

  /** The keyboard goes on from where it is. */
  step(direction: Direction): void {
    const at = this.model.nodes.get(this.scene.current ?? this.scene.chosen ?? "");
    const next = at ? stepped(this.model.nodes, this.linked(), at, direction) : this.first();
    if (next) this.goTo(next);
  }

  goTo(node: GraphNode): void {
    this.setCurrent(node.id);
    this.reveal(node.id);
    this.heard.onMove(node);
  }

  get current(): GraphNode | null {
    return this.model.nodes.get(this.scene.current ?? "") ?? null;
  }

  setCurrent(id: string | null): void {
    for (const one of [this.scene.current, id]) if (one !== null) this.dirty.add(one);
    this.scene.current = id;
    this.request();
  }

  private first(): GraphNode | null {
    const { left, top, right, bottom } = seen(this.camera, this.size);
    return this.grid.at({ x: Math.max(left, this.model.bounds.left), y: (Math.max(top, this.model.bounds.top) + Math.min(bottom, this.model.bounds.bottom)) / 2 }, right - left);
  }

  private linked(): Links {
    return (this.links ??= new Links([...this.model.edges, ...this.model.implied]));
  }

  private colouring(ink: Ink): Colouring {
    return colouring(this.mode, this.model.tasks.values(), ink, dark.peek());
  }

  /** Take in what was chosen, for the nodes as they are now. */
  private choose(): void {
    const { selected, marks, critical, found } = this.choices;
    const node = selected === null ? undefined : this.model.visible(selected);
    const drawn = (tasks: ReadonlySet<string> | null) => tasks && new Set(Array.from(tasks, (task) => this.model.visible(task)));
    this.scene.marks = new Map(Array.from(marks, ([task, mark]) => [this.model.visible(task), this.model.nodes.has(task) ? mark : "changed"]));
    this.scene.chosen = node !== undefined && this.model.nodes.has(node) ? node : null;
    this.scene.around = this.scene.chosen === null ? null : this.linked().around(this.scene.chosen);
    this.scene.path = drawn(critical);
    this.scene.found = drawn(found);
    this.redraw();
  }

  private hear({ changed, structure, moved }: GraphChange): void {
    for (const id of changed) this.dirty.add(id);
    if (structure) this.links = null;
    if (structure || moved) this.settle();
    this.request();
  }

  /** Nodes came, went or moved. */
  private settle(): void {
    this.grid = new NodeGrid(this.model.nodes.values());
    if (this.scene.hovered !== null && !this.model.nodes.has(this.scene.hovered)) this.hover(null, 0, 0);
    const now = performance.now();
    for (const { id, bornAt } of this.model.nodes.values()) if (bornAt > 0 && now - bornAt < GLOW_MS) this.young.add(id);
    if (this.fits && this.size.width > 0) this.moveTo(fitted(this.model.bounds, this.size), this.wasDrawn);
    this.choose();
  }

  private readonly newInk = (): void => {
    this.scene.ink = inkOf(this.place);
    this.scene.colouring = this.colouring(this.scene.ink);
    this.redraw();
    this.heard.onView();
  };

  private fitSize(): void {
    this.size = { width: this.place.clientWidth, height: this.place.clientHeight };
    if (this.size.width === 0) return;
    this.under.resize(this.size);
    this.over.resize(this.size);
    if (this.fits) this.camera = fitted(this.model.bounds, this.size);
    this.isStale = { edges: true, nodes: true };
    this.drawnEdges = null;
    this.draw();
    this.heard.onView();
  }

  private moveTo(to: Camera, glides: boolean): void {
    if (glides && !this.still.matches && this.wasDrawn) this.glide = { from: this.camera, to, began: performance.now() };
    else {
      this.glide = null;
      this.camera = to;
    }
    this.isStale.nodes = true;
    if (this.scene.hovered !== null) this.hover(null, 0, 0);
    this.request();
    this.heard.onView();
  }

  private redraw(): void {
    this.isStale = { edges: true, nodes: true };
    this.request();
  }

  private request(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** What runs has run longer, and what is smudged is drawn anew. */
  private tick(): void {
    if (document.hidden) return;
    if (this.isSmudged) {
      this.isStale.nodes = true;
      this.request();
    }
    if (this.camera.scale < READABLE) return;
    for (const { id, row } of this.grid.within(seen(this.camera, this.size))) if (row.state === "running" || row.state === "grown") this.dirty.add(id);
    if (this.dirty.size > 0) this.request();
  }

  private draw(): void {
    if (this.size.width === 0) return;
    const clock = performance.now();
    this.scene.now = this.model.now();
    if (this.glide) {
      const share = Math.min(1, (clock - this.glide.began) / GLIDE_MS);
      this.camera = between(this.glide.from, this.glide.to, share);
      this.isStale.nodes = true;
      if (share === 1) this.glide = null;
      this.heard.onView();
    }
    this.drawEdges();
    this.age(clock);
    if (this.isStale.nodes) this.drawAll(clock);
    else this.drawDirty(clock);
    this.isStale.nodes = false;
    this.dirty.clear();
    if (!this.wasDrawn && this.model.nodes.size > 0 && !Number.isNaN(this.model.nodes.values().next().value!.x)) {
      this.wasDrawn = true;
      performance.mark("orrery:drawn");
      this.heard.onDrawn();
    }
    if (this.glide || this.young.size > 0) this.request();
  }

  /** What is new glows for a while. */
  private age(clock: number): void {
    for (const id of this.young) {
      const node = this.model.nodes.get(id);
      this.dirty.add(id);
      if (!node || this.still.matches || clock - node.bornAt >= GLOW_MS) this.young.delete(id);
    }
  }

  private glow({ id, bornAt }: GraphNode, clock: number): number {
    return this.young.has(id) ? Math.max(0, 1 - (clock - bornAt) / GLOW_MS) : 0;
  }

  private drawEdges(): void {
    const { drawnEdges: drawn, camera } = this;
    const isMoved = !drawn || drawn.camera !== camera;
    if (!isMoved && !this.isStale.edges) return;
    if (!this.wasDrawn && this.model.edges.length > MANY_EDGES) return this.request();
    if (drawn && drawn.tookMs > SLOW_MS && !this.isResting(drawn.tookMs)) {
      const by = camera.scale / drawn.camera.scale;
      this.under.canvas.style.transform = `matrix(${by},0,0,${by},${camera.x - drawn.camera.x * by},${camera.y - drawn.camera.y * by})`;
      return;
    }
    const began = performance.now();
    const painter = this.under.begin(camera);
    const isFar = camera.scale < BLOCKS_BELOW;
    drawEdges(painter, this.scene, seen(camera, this.size), isFar ? 0.7 / camera.scale : 1.3, !isFar);
    this.under.canvas.style.transform = "";
    this.drawnEdges = { camera, tookMs: performance.now() - began };
    this.isStale.edges = false;
    this.resting = NOT_YET;
  }

  /** Whether the camera has not moved for a while; if it has, a frame is drawn once it has not. */
  private isResting(tookMs: number): boolean {
    if (this.restsAt === this.camera && this.resting === RESTED) return true;
    if (this.restsAt === this.camera && this.resting !== NOT_YET) return false;
    clearTimeout(this.resting);
    this.restsAt = this.camera;
    this.resting = window.setTimeout(
      () => {
        this.resting = RESTED;
        this.isStale.edges = true;
        this.request();
      },
      // What takes long is done less often.
      Math.max(REST_MS, 4 * tookMs),
    );
    return false;
  }

  private drawAll(clock: number): void {
    this.isSmudged = false;
    const painter = this.over.begin(this.camera);
    const nodes = this.grid.within(seen(this.camera, this.size));
    if (this.camera.scale < BLOCKS_BELOW) drawBlocks(painter.context, this.scene, nodes, this.camera.scale);
    else for (const node of nodes) this.drawOne(painter, node, clock);
  }

  private drawDirty(clock: number): void {
    const painter = this.over.go(this.camera);
    const within = seen(this.camera, this.size);
    const nodes: GraphNode[] = [];
    for (const id of this.dirty) {
      const node = this.model.nodes.get(id);
      if (!node || Number.isNaN(node.x)) continue;
      if (node.x + NODE_WIDTH < within.left || node.x - NODE_WIDTH > within.right || node.y + NODE_HEIGHT < within.top || node.y - NODE_HEIGHT > within.bottom) continue;
      nodes.push(node);
    }
    if (nodes.length === 0) return;
    const [width, height] = [NODE_WIDTH + 2 * OVERHANG_PX, NODE_HEIGHT + 2 * OVERHANG_PX];
    for (const { x, y } of nodes) painter.context.clearRect(x - width / 2, y - height / 2, width, height);
    this.isSmudged = this.camera.scale < BLOCKS_BELOW;
    if (this.isSmudged) drawBlocks(painter.context, this.scene, nodes, this.camera.scale);
    else for (const node of nodes) this.drawOne(painter, node, clock);
  }

  private drawOne(painter: CanvasPainter, node: GraphNode, clock: number): void {
    drawNode(painter, this.scene, node, this.glow(node, clock), this.camera.scale);
    painter.opacity(1);
  }
}
