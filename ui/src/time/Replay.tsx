// Time travel under the graph: the slider, the buttons that play and step, and a banner over it that says: this is the past.

import { useEffect } from "preact/hooks";
import { Button, IconButton } from "../parts/Button";
import { clock } from "../parts/format";
import { Icon } from "../parts/Icon";
import { useKeys } from "../parts/keys";
import { place, Slider } from "./Slider";
import type { Pace, Travel } from "./travel";
import "./time.css";

const PACES: readonly { id: string; label: string; pace: Pace }[] = [
  ...[0.5, 1, 2, 5, 10, 30, 100].map((factor) => ({
    id: `x${factor}`,
    label: factor === 1 ? "as it was" : `${factor}×`,
    pace: { kind: "time" as const, factor },
  })),
  ...[2, 10, 60].map((perSecond) => ({
    id: `e${perSecond}`,
    label: `${perSecond} events a second`,
    pace: { kind: "events" as const, perSecond },
  })),
];

interface Props {
  travel: Travel;
  /** What is more urgent has been done: the past is read from now on. */
  isNext: boolean;
}

/** The slider with its buttons. `[` and `]` step, space plays and pauses. */
export function Replay({ travel, isNext }: Props) {
  useEffect(() => (isNext ? travel.follow() : undefined), [travel, isNext]);
  useKeys("History", [
    { press: "[", does: "Step back", run: () => travel.step(-1) },
    { press: "]", does: "Step forward", run: () => travel.step(1) },
    { press: " ", does: "Play or pause", run: () => travel.toggle() },
  ]);
  const history = travel.history.value;
  const position = travel.position.value;
  const playing = travel.isPlaying.value;
  const at = position ?? history?.last ?? 0;
  const failure = history?.markFrom(position ?? history.last + 1, "failed", position === null ? -1 : 1);
  const pace = PACES.find((known) => known.pace === travel.pace.value) ?? PACES[1]!;
  if (travel.problem.value && !history) return <p class="replay quiet">The past cannot be shown: {travel.problem.value}</p>;
  return (
    <section class="replay" aria-label="History">
      <Slider travel={travel} />
      <div class="controls">
        <IconButton icon="left" label="Step back ( [ )" small disabled={!history || at === 0} onClick={() => travel.step(-1)} />
        <IconButton
          icon={playing ? "pause" : "play"}
          label={playing ? "Pause (space)" : "Play (space)"}
          small
          disabled={!history || history.last === 0}
          onClick={() => travel.toggle()}
        />
        <IconButton
          icon="right"
          label="Step forward ( ] )"
          small
          disabled={position === null || at === history?.last}
          onClick={() => travel.step(1)}
        />
        <select
          class="control pace"
          aria-label="Speed"
          value={pace.id}
          onChange={(event) => travel.setPace(PACES.find(({ id }) => id === event.currentTarget.value)!.pace)}
        >
          {PACES.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
        <Button
          kind="quiet"
          small
          disabled={!failure}
          onClick={() => travel.jump("failed", position === null ? -1 : 1)}
        >
          {position === null ? "Last failure" : "Next failure"}
        </Button>
        <span class="place">{history && position !== null ? place(history, position) : ""}</span>
        <Button kind="quiet" small aria-pressed={position === null} onClick={() => travel.goLive()}>
          {position === null && travel.store.head.value?.live && <span class="live-dot" aria-hidden="true" />}
          {travel.store.head.value?.live ? "Live" : "Now"}
        </Button>
      </div>
    </section>
  );
}

/** Says, while the past is shown, that it is; nothing when live. */
export function PastBanner({ travel }: { travel: Travel }) {
  const history = travel.history.value;
  const position = travel.position.value;
  const isPast = position !== null && history !== null;
  return (
    <div role="status" class="past-status">
      {isPast && (
        <div class="past-banner">
          <Icon name="again" />
          <span>
            You look at the past: {place(history, position)}
            {position > 0 && <span class="when"> ({clock(history.startedAt + history.secondsOf(position))})</span>}
          </span>
          <Button small onClick={() => travel.goLive()}>
            {travel.store.head.value?.live ? "Back to live" : "Back to now"}
          </Button>
        </div>
      )}
    </div>
  );
}
