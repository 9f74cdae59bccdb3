// Figures with their unit, as the server names it, and how two of them compare.

import { bytes, count, money, span, tokens } from "../parts/format";

const SAYERS: Readonly<Record<string, (value: number) => string>> = {
  s: span,
  $: money,
  tokens,
  B: bytes,
};

/** A figure as one reads it; what is unknown is an en dash. */
export function figure(value: number | null | undefined, unit = ""): string {
  if (value === null || value === undefined) return "–";
  return SAYERS[unit]?.(value) ?? `${count(value)}${unit ? ` ${unit}` : ""}`;
}

/** How much `b` is over or under `a`: "+12 %", "−40 %", "3.1 ×", "the same"; nothing where it cannot be said. */
export function against(a: number | null | undefined, b: number | null | undefined): string {
  if (a === null || a === undefined || b === null || b === undefined) return "";
  if (a === b) return "the same";
  if (a <= 0 || b < 0) return "";
  const ratio = b / a;
  if (ratio >= 2) return `${ratio < 9.95 ? ratio.toFixed(1) : Math.round(ratio)} ×`;
  const share = Math.round((ratio - 1) * 100);
  if (share === 0) return "the same";
  return share > 0 ? `+${share} %` : `−${-share} %`;
}
