// The events of a run as they come: a list of which what is in view is in the document.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Told } from "../api/types";
import { Button } from "../parts/Button";
import { classes } from "../parts/classes";
import { Empty } from "../parts/Empty";
import { TextInput } from "../parts/Field";
import { count, exact, plural, span } from "../parts/format";
import { Spinner } from "../parts/Spinner";
import type { RunStore } from "../state/run";
import type { Wanted } from "./log";
import { useLog } from "./useLog";
import "./events.css";

const HEIGHT = 26;
const AROUND = 10;
/** So close to the end it counts as the end, in pixels. */
const NEAR = 40;

interface Props {
  store: RunStore;
  selected: string | null;
  onSelect: (task: string) => void;
}

export function EventList({ store, selected, onSelect }: Props) {
  const [words, setWords] = useState("");
  const [type, setType] = useState("");
  const [onlyTask, setOnlyTask] = useState(false);
  const [follows, setFollows] = useState(true);
  const task = onlyTask && selected ? selected : "";
  const settled = useSettled(words);
  const wanted = useMemo<Wanted>(() => ({ words: settled.trim(), types: new Set(type ? [type] : []) }), [settled, type]);
  const { log, reading, problem, older, toEnd } = useLog(store, task, wanted, follows);
  const [types, setTypes] = useState<readonly string[]>([]);
  useEffect(() => {
    const all = new Set([...types, ...log.typesSeen]);
    if (all.size > types.length) setTypes([...all].sort());
  });
  const unseen = follows ? 0 : Math.max(0, store.seq - log.last);
  // Told anew whenever the run goes on.
  void store.version.value;
  return (
    <div class="events">
      <div class="events-tools">
        <TextInput value={words} onValue={setWords} placeholder="Find in events" aria-label="Find in events" />
        <select class="control" aria-label="Type of event" value={type} onChange={(event) => setType(event.currentTarget.value)}>
          <option value="">Every type</option>
          {types.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
        {selected && (
          <Button small aria-pressed={onlyTask} onClick={() => setOnlyTask(!onlyTask)} class="only">
            Only {selected}
          </Button>
        )}
        <span class="gap" />
        <Button
          small
          aria-pressed={follows}
          onClick={() => {
            if (!follows) toEnd();
            setFollows(!follows);
          }}
        >
          {follows ? "Following" : unseen ? `Follow (${count(unseen)} new)` : "Follow"}
        </Button>
      </div>
      {problem && (
        <p class="fault" role="alert">
          {problem}
        </p>
      )}
      <Lines
        key={`${task} ${settled} ${type}`}
        events={log.events}
        startedAt={store.head.value?.started_at ?? 0}
        follows={follows}
        reading={reading === "old"}
        hasBeginning={log.hasBeginning}
        selected={selected}
        onSelect={onSelect}
        onOlder={older}
        onFollow={setFollows}
      />
      {/* Nobody wants to hear it ten times a second. */}
      <p class="events-foot" role="status" aria-live={follows && store.head.value?.live ? "off" : "polite"}>
        {plural(log.events.length, "event")}
        {(wanted.words || type || task) && " that fit"}
        {!log.hasBeginning && log.events.length > 0 && `, from number ${count(log.events[0]!.seq)} on`}
      </p>
    </div>
  );
}

interface LinesProps {
  events: readonly Told[];
  startedAt: number;
  follows: boolean;
  reading: boolean;
  hasBeginning: boolean;
  selected: string | null;
  onSelect: (task: string) => void;
  onOlder: () => void;
  onFollow: (follows: boolean) => void;
}

function Lines({ events, startedAt, follows, reading, hasBeginning, selected, onSelect, onOlder, onFollow }: LinesProps) {
  const place = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const firstSeq = useRef(0);
  const isMine = useRef(false);

  // Older ones came above, or were let go there: what is in view stays where it is.
  useLayoutEffect(() => {
    const list = place.current;
    if (!list) return;
    if (follows) {
      const before = list.scrollTop;
      list.scrollTop = list.scrollHeight;
      // Where it did not move nobody is told of it, and the next to move it is a hand.
      isMine.current = list.scrollTop !== before;
    } else if (firstSeq.current && events.length) {
      const kept = events.findIndex(({ seq }) => seq >= firstSeq.current);
      if (kept > 0 && events[0]!.seq < firstSeq.current) list.scrollTop += kept * HEIGHT;
    }
    firstSeq.current = events[0]?.seq ?? 0;
    setView({ top: list.scrollTop, height: list.clientHeight });
  }, [events, follows]);

  const scrolled = () => {
    const list = place.current!;
    setView({ top: list.scrollTop, height: list.clientHeight });
    if (isMine.current) {
      isMine.current = false;
      return;
    }
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
    if (follows && !isAtEnd) onFollow(false);
    if (list.scrollTop < 200 && !hasBeginning && !reading) onOlder();
  };
  const from = Math.max(0, Math.floor(view.top / HEIGHT) - AROUND);
  const until = Math.min(events.length, Math.ceil((view.top + view.height) / HEIGHT) + AROUND);
  return (
    <div class="events-list" ref={place} onScroll={scrolled} tabIndex={0} role="log" aria-label="Events" aria-live="off">
      <div class="events-head">
        {reading ? (
          <Spinner label="Reading further back" />
        ) : hasBeginning ? (
          events.length === 0 && <Empty title="No event fits" />
        ) : (
          <Button small kind="quiet" onClick={onOlder}>
            Older
          </Button>
        )}
      </div>
      <div class="events-whole" style={{ height: `${events.length * HEIGHT}px` }}>
        {events.slice(from, until).map((event, i) => (
          <div key={event.seq} class={classes("event", event.task === selected && selected && "chosen")} style={{ top: `${(from + i) * HEIGHT}px` }}>
            <span class="seq">{event.seq}</span>
            <time title={exact(event.at)}>{span(event.at - startedAt)}</time>
            <span class={classes("type", toneOf(event.type))}>{event.type}</span>
            {event.task ? (
              <button type="button" class="as-link" onClick={() => onSelect(event.task!)} title={event.task}>
                {event.task}
              </button>
            ) : (
              <span />
            )}
            <span class="text" title={event.text}>
              {event.text}
            </span>
          </div>
        ))}
      </div>
    </div>
  );
}

function toneOf(type: string): string {
  if (/fail|reject|lost|cancel/i.test(type)) return "bad";
  if (/succeed|grew|ended/i.test(type)) return "good";
  return /Asked|Answered|Paused|Continued|Patched|Edit/.test(type) ? "word" : "";
}

/** A text that has not changed for a moment, so that not every letter asks anew. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 250);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
