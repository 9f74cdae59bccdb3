// The slider of a run's history: a native range over a curve of running tasks, with marks for what is worth a look.

import { useMemo, useState } from "preact/hooks";
import { plural, span } from "../parts/format";
import { area, HEIGHT, nearest, strokes, WIDTH } from "./curve";
import type { History, Mark, MarkKind } from "./history";
import type { Travel } from "./travel";

const WORDS: Readonly<Record<MarkKind, string>> = { failed: "failed", asking: "asks", patched: "was added or taken away" };
const REACH_PX = 5;

/** Where a position is, in words. */
export function place(history: History, position: number): string {
  if (position === 0) return "before the first event";
  return `event ${history.seqOf(position)}, ${span(history.secondsOf(position))} after the start`;
}

export function Slider({ travel }: { travel: Travel }) {
  const history = travel.history.value;
  const position = travel.position.value;
  const [hint, setHint] = useState("");
  if (!history) return <div class="history-slider" aria-hidden="true" />;
  const point = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const mark = nearest(history, (event.clientX - box.left) / box.width, REACH_PX / box.width);
    setHint(mark ? told(mark, history) : "");
  };
  return (
    <div class="history-slider" title={hint || undefined} onPointerMove={point}>
      <Curve history={history} />
      <input
        type="range"
        min={0}
        max={history.last}
        step={1}
        value={position ?? history.last}
        aria-label="Moment of the run"
        aria-valuetext={position === null ? "live" : place(history, position)}
        onPointerDown={() => void travel.refresh()}
        onInput={(event) => travel.go(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}

function Curve({ history }: { history: History }) {
  const paths = useMemo(
    () => ({
      running: area(history),
      patched: strokes(history, "patched", HEIGHT - 5, HEIGHT),
      asking: strokes(history, "asking", 0, HEIGHT),
      failed: strokes(history, "failed", 0, HEIGHT),
    }),
    [history],
  );
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="running" d={paths.running} />
      <path class="patched" d={paths.patched} />
      <path class="asking" d={paths.asking} />
      <path class="failed" d={paths.failed} />
    </svg>
  );
}

function told(mark: Mark, history: History): string {
  const more = mark.more > 0 ? ` and ${plural(mark.more, "other")}` : "";
  return `${mark.task}${more} ${WORDS[mark.kind]}: ${place(history, mark.position)}`;
}
