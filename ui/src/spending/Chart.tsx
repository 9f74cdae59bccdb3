// A chart over time, drawn by uPlot in the colours of the theme and as wide as its place.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { span } from "../parts/format";
import { dark } from "../state/theme";

export interface Line {
  label: string;
  values: readonly number[];
  /** A variable of theme.css. */
  colour: string;
  /** How a value is written at the axis and in the legend. */
  say: (value: number) => string;
  /** Filled down to 0. */
  filled?: boolean;
}

interface Props {
  /** Seconds, rising. */
  seconds: readonly number[];
  /** One line, or two: the second has its axis at the right. */
  lines: readonly Line[];
  label: string;
}

const HEIGHT = 200;

export default function Chart({ seconds, lines, label }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useSignal({ seconds, lines });
  latest.value = { seconds, lines };
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => {
      if (entry) plot.current?.setSize({ width: Math.floor(entry.contentRect.width), height: HEIGHT });
    });
    seen.observe(place.current!);
    return () => {
      seen.disconnect();
      plot.current?.destroy();
    };
  }, []);
  // A canvas keeps its colours: with another theme it is drawn anew.
  useSignalEffect(() => {
    void dark.value;
    const { seconds, lines } = latest.value;
    const data = [seconds, ...lines.map((line) => line.values)] as unknown as uPlot.AlignedData;
    plot.current?.destroy();
    plot.current = new uPlot(options(place.current!, lines), data, place.current!);
  });
  return <div class="chart" role="img" aria-label={label} ref={place} />;
}

function options(place: HTMLElement, lines: readonly Line[]): uPlot.Options {
  const ink = (name: string, share = 100) => resolved(place, `color-mix(in srgb, var(${name}) ${share}%, transparent)`);
  const axis = { stroke: ink("--quiet"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  return {
    width: Math.max(1, place.clientWidth),
    height: HEIGHT,
    cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: false }, ...Object.fromEntries(lines.map((line) => [line.label, { range: fromZero }])) },
    axes: [
      { ...axis, grid: { show: false }, size: 28, values: (_, at) => at.map((value) => span(value)), space: 80 },
      ...lines.map((line, i) => ({
        ...axis,
        scale: line.label,
        side: i === 0 ? (3 as const) : (1 as const),
        size: 64,
        grid: i === 0 ? { stroke: ink("--line"), width: 1 } : { show: false },
        values: (_: uPlot, at: number[]) => at.map((value) => line.say(value)),
      })),
    ],
    series: [
      { label: "after", value: (_, value) => span(value) },
      ...lines.map((line) => ({
        label: line.label,
        scale: line.label,
        stroke: ink(line.colour),
        fill: line.filled ? ink(line.colour, 18) : undefined,
        width: 1.5,
        points: { show: false },
        paths: uPlot.paths.stepped!({ align: 1 }),
        value: (_: uPlot, value: number | null) => (value === null ? "–" : line.say(value)),
      })),
    ],
  };
}

function fromZero(_: uPlot, _low: number, high: number): uPlot.Range.MinMax {
  return [0, high > 0 ? high * 1.1 : 1];
}

/** A colour as a canvas understands it: the browser works it out, as of an element in its place. */
function resolved(place: HTMLElement, colour: string): string {
  const probe = document.createElement("span");
  probe.style.color = colour;
  place.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
