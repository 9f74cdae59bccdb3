// What wants attention: what failed first, with what it held up, and what a person is asked. A press shows the task.

import { useEffect, useState } from "preact/hooks";
import { panel } from "../../api/calls";
import { embedded } from "../../api/embedded";
import type { RunHead } from "../../api/types";
import { Button } from "../../parts/Button";
import { plural } from "../../parts/format";
import { Icon } from "../../parts/Icon";
import { hasEnded } from "../../parts/states";
import type { RunStore } from "../../state/run";

const MOST_QUESTIONS = 3;

interface Props {
  store: RunStore;
  head: RunHead;
  onSelect: (task: string) => void;
  onAnswer: (task: string) => void;
}

export function Banners({ store, head, onSelect, onAnswer }: Props) {
  const asking = Object.entries(head.asking ?? {});
  return (
    <div class="banners">
      {asking.slice(0, MOST_QUESTIONS).map(([task, question]) => (
        <div key={task} class="banner asks" role="status">
          <button type="button" class="banner-words" onClick={() => onSelect(task)}>
            <Icon name="warning" />
            <span>
              <strong>{task}</strong> asks: {question}
            </span>
          </button>
          {!embedded && (
            <Button small kind="main" onClick={() => onAnswer(task)} aria-label={`Answer ${task}`}>
              Answer
            </Button>
          )}
        </div>
      ))}
      {asking.length > MOST_QUESTIONS && <p class="banner more">{plural(asking.length - MOST_QUESTIONS, "other question")}</p>}
      {head.failed?.[0] ? (
        <FirstFailure store={store} head={head} task={head.failed[0]} onSelect={onSelect} />
      ) : (
        head.because && hasEnded(head.state) && head.state !== "succeeded" && <p class="banner why">{head.because}</p>
      )}
    </div>
  );
}

interface FailureProps {
  store: RunStore;
  head: RunHead;
  task: string;
  onSelect: (task: string) => void;
}

function FirstFailure({ store, head, task, onSelect }: FailureProps) {
  const [delayed, setDelayed] = useState(0);
  const ended = hasEnded(head.state);
  useEffect(() => {
    const aborter = new AbortController();
    panel(store.run, task, aborter.signal).then(
      (found) => setDelayed(found.delays?.length ?? 0),
      () => undefined, // the banner says less then, and its task says why
    );
    return () => aborter.abort();
  }, [store, task, ended]);
  const others = (head.failed?.length ?? 1) - 1;
  const because = store.rows.get(task)?.because ?? "";
  return (
    <div class="banner failed">
      <button type="button" class="banner-words" onClick={() => onSelect(task)}>
        <Icon name="warning" />
        <span class="one-line">
          <strong>{task}</strong> failed first{because && `: ${because}`}
        </span>
        <span class="unseen">. It </span>
        <span class="rest">
          {delayed > 0 && `delayed ${delayed >= 1000 ? "1,000 tasks or more" : plural(delayed, "task")}`}
          {others > 0 && `${delayed > 0 ? " · " : ""}${plural(others, "other")}${others >= 99 ? " or more" : ""} failed later`}
        </span>
        <span class="unseen">. Show it.</span>
        <Icon name="right" />
      </button>
    </div>
  );
}
