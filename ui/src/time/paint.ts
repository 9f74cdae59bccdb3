// The timeline on its canvas: the lanes that are in view, the axis over them, the names beside them.

import type { Ink } from "../parts/ink";
import { look } from "../parts/states";
import type { Bar } from "./attempts";
import type { Density, Lane } from "./lanes";
import { stateOf } from "./outcome";
import { marks, type Window } from "./window";

export const LANE = 22;
export const AXIS = 26;
const BAR = 14;
const TOP = (LANE - BAR) / 2;

export interface Picture {
  lanes: readonly Lane[];
  window: Window;
  /** Of the whole canvas in CSS pixels; `names` is the width of the column of names. */
  width: number;
  height: number;
  names: number;
  /** How far the lanes are scrolled. */
  scrolled: number;
  /** Seconds after the start; where it goes on, a line marks it. */
  now: number;
  goesOn: boolean;
  selected: string;
  /** The lane that the keyboard is at, or -1. */
  current: number;
  hovered: Bar | null;
  showsCritical: boolean;
}

/** From seconds to pixels of the canvas. */
export const xOf = ({ window, names, width }: Picture, seconds: number): number =>
  names + ((seconds - window.from) / (window.to - window.from)) * (width - names);

export function laneAt({ lanes, scrolled }: Picture, y: number): number {
  const lane = Math.floor((y - AXIS + scrolled) / LANE);
  return y >= AXIS && lane < lanes.length ? lane : -1;
}

/** The bar at a place, or one that is at most three pixels away. */
export function barAt(picture: Picture, x: number, y: number): Bar | null {
  const lane = picture.lanes[laneAt(picture, y)];
  if (!lane || x < picture.names) return null;
  let found: Bar | null = null;
  let least = 3;
  for (const bar of lane.bars) {
    const away = Math.max(xOf(picture, startOf(lane, bar)) - x, x - xOf(picture, Math.min(bar.ended, picture.now)), 0);
    if (away <= least) [found, least] = [bar, away];
  }
  return found;
}

/** A place is taken by what runs there, not by what waits for it. */
const startOf = (lane: Lane, bar: Bar): number => (lane.task === "" ? bar.began : bar.queued);

export function paint(context: CanvasRenderingContext2D, picture: Picture, ink: Ink): void {
  const { width, height, names, lanes, scrolled } = picture;
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  const first = Math.max(0, Math.floor(scrolled / LANE));
  const last = Math.min(lanes.length, Math.ceil((scrolled + height - AXIS) / LANE));
  context.save();
  context.beginPath();
  context.rect(0, AXIS, width, height - AXIS);
  context.clip();
  for (let i = first; i < last; i++) backing(context, picture, ink, i);
  context.save();
  context.beginPath();
  context.rect(names, AXIS, width - names, height - AXIS);
  context.clip();
  grid(context, picture, ink);
  for (let i = first; i < last; i++) {
    const y = AXIS + i * LANE - scrolled;
    const lane = lanes[i]!;
    if (lane.density) strip(context, picture, ink, lane.density, y, lane.bars.length > 0);
    bars(context, picture, ink, lane, y);
  }
  context.restore();
  for (let i = first; i < last; i++) name(context, picture, ink, lanes[i]!, AXIS + i * LANE - scrolled);
  context.restore();
  axis(context, picture, ink);
}

function backing(context: CanvasRenderingContext2D, { width, lanes, scrolled, selected, current }: Picture, ink: Ink, i: number): void {
  const lane = lanes[i]!;
  const y = AXIS + i * LANE - scrolled;
  if (lane.task !== "" && lane.task === selected) {
    context.globalAlpha = 0.16;
    context.fillStyle = ink.colour("--accent");
    context.fillRect(0, y, width, LANE);
    context.globalAlpha = 1;
  }
  if (i === current) {
    context.strokeStyle = ink.colour("--accent");
    context.lineWidth = 1;
    context.strokeRect(0.5, y + 0.5, width - 1, LANE - 1);
  }
}

function grid(context: CanvasRenderingContext2D, picture: Picture, ink: Ink): void {
  context.strokeStyle = ink.colour("--line");
  context.lineWidth = 1;
  context.globalAlpha = 0.7;
  context.beginPath();
  for (const { at } of marksOf(picture)) {
    const x = Math.round(xOf(picture, at)) + 0.5;
    context.moveTo(x, AXIS);
    context.lineTo(x, picture.height);
  }
  context.stroke();
  context.globalAlpha = 1;
  if (!picture.goesOn) return;
  const x = Math.round(xOf(picture, picture.now)) + 0.5;
  context.strokeStyle = ink.colour("--accent");
  context.beginPath();
  context.moveTo(x, AXIS);
  context.lineTo(x, picture.height);
  context.stroke();
}

/** How much runs at a time, as the height of a strip; red below it, where something failed. */
function strip(context: CanvasRenderingContext2D, picture: Picture, ink: Ink, density: Density, y: number, isBelow: boolean): void {
  const { times, counts, most, failed } = density;
  const [top, room] = isBelow ? [y + 7, BAR - 3] : [y + TOP, BAR];
  const until = Math.min(picture.now, picture.window.to);
  context.fillStyle = ink.colour("--running");
  context.globalAlpha = 0.45;
  let drawn = -1;
  let high = 0;
  const flush = (x: number) => {
    if (high > 0) {
      const height = Math.max(2, (high / most) * room);
      context.fillRect(drawn, top + room - height, Math.max(1, x - drawn), height);
    }
  };
  for (let i = Math.max(0, before(times, picture.window.from)); i < times.length && times[i]! <= until; i++) {
    const x = Math.max(picture.names, Math.floor(xOf(picture, times[i]!)));
    const count = counts[i]!;
    if (x === drawn) high = Math.max(high, count);
    else {
      // The highest of what shares a pixel is one pixel wide; what follows it is what came last.
      flush(i > 0 && counts[i - 1]! < high ? drawn + 1 : x);
      if (i > 0 && counts[i - 1]! < high && counts[i - 1]! > 0 && x > drawn + 1) {
        drawn++;
        high = counts[i - 1]!;
        flush(x);
      }
      drawn = x;
      high = count;
    }
  }
  flush(Math.ceil(xOf(picture, until)));
  context.globalAlpha = 1;
  context.fillStyle = ink.colour("--failed");
  let mark = -1;
  for (const at of failed) {
    const x = Math.round(xOf(picture, at));
    if (x >= picture.names && x !== mark) context.fillRect(x - 1, y + LANE - 7, 2, 5);
    mark = x;
  }
}

/** The last place whose time is not after `at`; -1 where all are. */
function before(times: Float64Array, at: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function bars(context: CanvasRenderingContext2D, picture: Picture, ink: Ink, lane: Lane, y: number): void {
  const [top, tall] = lane.density ? [y + 2, 4] : [y + TOP, BAR];
  let filled = -1;
  for (const bar of lane.bars) {
    const right = xOf(picture, Math.min(bar.ended, picture.now));
    if (right < picture.names) continue;
    const left = xOf(picture, startOf(lane, bar));
    if (left > picture.width) continue;
    const marked = bar === picture.hovered || (bar.critical && picture.showsCritical) || bar.outcome === "failed";
    if (right <= filled && !marked) continue;
    const variable = look(stateOf(bar.outcome)).colour;
    const middle = Math.min(right, xOf(picture, bar.began));
    if (middle - left >= 1) {
      context.fillStyle = ink.hatch(context, variable);
      context.fillRect(left, top, middle - left, tall);
    }
    context.fillStyle = ink.colour(variable);
    if (bar.began !== Infinity) {
      const wide = Math.max(1.5, right - middle);
      context.globalAlpha = bar === picture.hovered ? 1 : 0.82;
      if (wide < 5) context.fillRect(middle, top, wide, tall);
      else {
        context.beginPath();
        context.roundRect(middle, top, wide, tall, Math.min(3, tall / 2));
        context.fill();
      }
      context.globalAlpha = 1;
    }
    if ((bar.critical && picture.showsCritical) || bar === picture.hovered) {
      context.strokeStyle = ink.colour("--text");
      context.lineWidth = bar === picture.hovered ? 2 : 1.5;
      context.strokeRect(left - 0.5, top - 0.5, Math.max(2, right - left) + 1, tall + 1);
    }
    filled = Math.max(filled, Math.floor(right));
  }
}

function name(context: CanvasRenderingContext2D, { names }: Picture, ink: Ink, lane: Lane, y: number): void {
  const left = 8 + Math.min(lane.depth, 6) * 12;
  const middle = y + LANE / 2 + 0.5;
  if (lane.inside > 0) {
    context.fillStyle = ink.colour("--quiet");
    context.beginPath();
    if (lane.open) {
      context.moveTo(left, middle - 3);
      context.lineTo(left + 8, middle - 3);
      context.lineTo(left + 4, middle + 3);
    } else {
      context.moveTo(left + 1, middle - 4);
      context.lineTo(left + 7, middle);
      context.lineTo(left + 1, middle + 4);
    }
    context.fill();
  }
  const count = lane.inside > 0 && !lane.open ? ` ${lane.inside}` : "";
  const room = names - left - 22 - (count ? context.measureText(count).width + 4 : 0);
  context.fillStyle = ink.colour(lane.depth > 0 ? "--quiet" : "--text");
  const words = cut(context, lane.label, room);
  context.fillText(words, left + 14, middle);
  if (!count) return;
  context.fillStyle = ink.colour("--quiet");
  context.fillText(count, left + 16 + context.measureText(words).width, middle);
}

const lengths = new Map<string, string>();

/** A name as it fits, with an ellipsis where it does not; what was cut once is remembered. */
function cut(context: CanvasRenderingContext2D, text: string, room: number): string {
  const key = `${Math.floor(room)} ${text}`;
  const known = lengths.get(key);
  if (known !== undefined) return known;
  let shown = text.length > 200 ? text.slice(0, 200) : text;
  if (context.measureText(shown).width > room) {
    let [low, high] = [0, shown.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (context.measureText(`${shown.slice(0, middle)}…`).width <= room) low = middle;
      else high = middle - 1;
    }
    shown = `${shown.slice(0, low)}…`;
  }
  if (lengths.size > 5000) lengths.clear();
  lengths.set(key, shown);
  return shown;
}

function axis(context: CanvasRenderingContext2D, picture: Picture, ink: Ink): void {
  const { width, height, names } = picture;
  context.strokeStyle = ink.colour("--line");
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, AXIS - 0.5);
  context.lineTo(width, AXIS - 0.5);
  context.moveTo(names - 0.5, 0);
  context.lineTo(names - 0.5, height);
  context.stroke();
  context.save();
  context.beginPath();
  context.rect(names, 0, width - names, AXIS);
  context.clip();
  context.fillStyle = ink.colour("--quiet");
  for (const { at, label } of marksOf(picture)) context.fillText(label, Math.round(xOf(picture, at)) + 4, AXIS / 2);
  context.restore();
}

const marksOf = ({ window, width, names }: Picture) => marks(window, Math.min(0.5, 84 / Math.max(1, width - names)));
