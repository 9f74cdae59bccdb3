// The timeline: every attempt of a run as a bar in a lane. What is in view is drawn on a canvas; the same as a list beside it.

import { useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { IconButton } from "../parts/Button";
import { Choice } from "../parts/Choice";
import { Empty } from "../parts/Empty";
import { Check } from "../parts/Field";
import { money, plural, span, tokens } from "../parts/format";
import { Spinner } from "../parts/Spinner";
import type { RunClock } from "../state/elapsed";
import type { RunStore } from "../state/run";
import type { Bar } from "./attempts";
import { AttemptList } from "./AttemptList";
import { Canvas } from "./Canvas";
import type { By, Lane } from "./lanes";
import { useTimeline } from "./useTimeline";
import "./gantt.css";

interface Props {
  store: RunStore;
  clock: RunClock;
  selected: string | null;
  onSelect: (task: string | null) => void;
}

type Shown = By | "list";

const SHOWN: readonly { id: Shown; label: string }[] = [
  { id: "task", label: "By task" },
  { id: "place", label: "By place" },
  { id: "list", label: "List" },
];

export function Gantt({ store, clock, selected, onSelect }: Props) {
  const [shown, setShown] = useState<Shown>("task");
  const [turned, setTurned] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [showsCritical, setShowsCritical] = useState(true);
  const timeline = useTimeline(store, shown === "place" ? "place" : "task", turned);
  const canvas = useRef<Canvas | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<{ bar: Bar; x: number; y: number } | null>(null);
  const [spoken, setSpoken] = useState("");
  const turn = (lane: Lane) => setTurned(new Map(turned).set(lane.id, !lane.open));
  const latest = useRef({ turn, onSelect });
  latest.current = { turn, onSelect };

  const hasLanes = timeline.lanes.length > 0;
  useEffect(() => {
    if (!place.current || shown === "list") return;
    const made = new Canvas(place.current, clock, {
      onHover: (bar, x, y) => setHover(bar && { bar, x, y }),
      onSelect: (task) => latest.current.onSelect(task),
      onTurn: (lane) => latest.current.turn(lane),
      onMove: (lane) => setSpoken(told(lane, clock.seconds())),
    });
    canvas.current = made;
    return () => {
      made.end();
      canvas.current = null;
    };
  }, [clock, shown === "list", hasLanes]);
  useEffect(() => canvas.current?.show({ lanes: timeline.lanes, selected: selected ?? "", showsCritical }), [timeline.lanes, selected, showsCritical, shown, hasLanes]);
  useSignalEffect(() => {
    void store.version.value;
    canvas.current?.moved();
  });

  if (timeline.problem && !hasLanes) return <Empty title="The timeline cannot be shown">{timeline.problem}</Empty>;
  if (!timeline.loaded) return <Spinner label="Reading the timeline" />;
  if (!hasLanes) return <Empty title="Nothing has run yet">Attempts show up here as they begin.</Empty>;
  return (
    <div class="gantt">
      <div class="gantt-tools">
        <Choice label="Lanes" options={SHOWN} chosen={shown} onChoose={setShown} />
        {shown !== "list" && (
          <>
            {timeline.hasCritical && <Check label="Critical path" checked={showsCritical} onChecked={setShowsCritical} />}
            <span class="gap" />
            <span class="buttons">
              <IconButton icon="minus" small label="Zoom out ( - )" onClick={() => canvas.current?.zoom(1 / 1.5)} />
              <IconButton icon="plus" small label="Zoom in ( + )" onClick={() => canvas.current?.zoom(1.5)} />
              <IconButton icon="fit" small label="Show the whole run ( 0 )" onClick={() => canvas.current?.fit()} />
            </span>
          </>
        )}
      </div>
      {shown === "list" ? (
        <AttemptList attempts={timeline.attempts} version={timeline.version} clock={clock} selected={selected} onSelect={onSelect} />
      ) : (
        <>
          <div
            class="gantt-place"
            ref={place}
            tabIndex={0}
            role="group"
            aria-label={`Timeline of ${plural(timeline.lanes.length, "lane")}. Arrows move, plus and minus zoom, Enter opens. The list has the same.`}
          />
          <p class="unseen" role="status">
            {spoken}
          </p>
          {hover && <Tooltip {...hover} now={clock.seconds()} />}
        </>
      )}
    </div>
  );
}

function Tooltip({ bar, x, y, now }: { bar: Bar; x: number; y: number; now: number }) {
  const isRight = x > window.innerWidth / 2;
  const facts = useMemo(() => factsOf(bar, now), [bar, Math.floor(now)]);
  return (
    <div
      class="gantt-hint"
      role="tooltip"
      style={{
        top: `${Math.min(y + 14, window.innerHeight - 170)}px`,
        left: isRight ? undefined : `${x + 12}px`,
        right: isRight ? `${window.innerWidth - x + 12}px` : undefined,
      }}
    >
      <strong>{bar.task}</strong>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {bar.because && <p>{bar.because}</p>}
    </div>
  );
}

function factsOf(bar: Bar, now: number): [string, string][] {
  const began = Math.min(bar.began, now);
  const facts: [string, string][] = [
    ["attempt", `${bar.number}, ${bar.outcome}`],
    ["began", bar.began === Infinity ? "not yet" : `after ${span(bar.began)}`],
    ["took", bar.began === Infinity ? "–" : span(Math.min(bar.ended, now) - began)],
  ];
  if (began - bar.queued >= 0.001) facts.push(["waited", span(began - bar.queued)]);
  if (bar.where) facts.push(["on", bar.where]);
  if (bar.money > 0) facts.push(["money", money(bar.money)]);
  if (bar.tokens > 0) facts.push(["tokens", tokens(bar.tokens)]);
  if (bar.critical) facts.push(["", "on the critical path"]);
  return facts;
}

/** A lane in words, as the keyboard comes to it. */
function told(lane: Lane, now: number): string {
  const inside = lane.inside > 0 ? `, ${lane.open ? "open" : "closed"}, ${lane.inside} inside` : "";
  const last = lane.bars.at(-1);
  if (!last) return `${lane.label}${inside}`;
  const took = last.began === Infinity ? "not begun" : `${span(Math.min(last.ended, now) - last.began)}, from ${span(last.began)} on`;
  return `${lane.label}: ${plural(lane.bars.length, "attempt")}, ${last.outcome}, ${took}${inside}`;
}
