// The stretch of time that is in view, and the marks of its axis.

import { span } from "../parts/format";

export interface Window {
  /** Seconds after the start of the run. */
  from: number;
  to: number;
}

const SHORTEST_S = 0.001;

/** A stretch as much shorter as `factor` is above 1, about a place of it in [0, 1]. */
export function zoomed({ from, to }: Window, factor: number, about: number): Window {
  const at = from + (to - from) * about;
  const length = Math.max(SHORTEST_S, (to - from) / factor);
  return { from: at - length * about, to: at + length * (1 - about) };
}

/** A stretch moved by a part of its length. */
export function moved({ from, to }: Window, by: number): Window {
  return { from: from + (to - from) * by, to: to + (to - from) * by };
}

/** A stretch that shows something of the run, and not much more than all of it. */
export function kept({ from, to }: Window, end: number): Window {
  const length = Math.min(to - from, 1.5 * end);
  const middle = Math.min(Math.max((from + to) / 2, 0), end);
  return { from: middle - length / 2, to: middle + length / 2 };
}

/** The whole run with a little room. */
export function whole(end: number): Window {
  const length = Math.max(end, 0.01);
  return { from: -0.01 * length, to: 1.03 * length };
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** The marks of the axis, at least `apart` of its length from each other. */
export function marks({ from, to }: Window, apart: number): { at: number; label: string }[] {
  const step = stepOf((to - from) * apart);
  const found: { at: number; label: string }[] = [];
  for (let i = Math.max(0, Math.ceil(from / step)); i * step <= to && found.length < 200; i++) {
    found.push({ at: i * step, label: labelOf(i * step, step) });
  }
  return found;
}

function stepOf(least: number): number {
  if (least < 1) {
    const tens = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((times) => times * tens).find((step) => step >= least * 0.999)!;
  }
  return STEPS_S.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
}

function labelOf(seconds: number, step: number): string {
  if (step >= 1 || seconds === 0) return span(seconds);
  const digits = Math.max(1, -Math.floor(Math.log10(step) + 1e-9));
  return step < 0.01 ? `${(seconds * 1000).toFixed(Math.max(0, digits - 3))} ms` : `${seconds.toFixed(digits)} s`;
}
