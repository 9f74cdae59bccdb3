import { useState } from "preact/hooks";
import { Mark } from "../parts/Badge";
import { Button } from "../parts/Button";
import { plural } from "../parts/format";
import type { RunStore } from "../state/run";
import "./tasklinks.css";

const FIRST = 12;
const STEP = 200;

interface Props {
  tasks: readonly string[];
  store: RunStore;
  onSelect: (task: string) => void;
  inline?: boolean;
}

/** Names of tasks with their states; a press shows the task. */
export function TaskLinks({ tasks, store, onSelect, inline }: Props) {
  const [most, setMost] = useState(inline ? 4 : FIRST);
  return (
    <span class={inline ? "task-links inline" : "task-links"}>
      {tasks.slice(0, most).map((task) => (
        <button key={task} type="button" class="task-link" onClick={() => onSelect(task)} title={store.rows.get(task)?.state}>
          <Mark state={store.rows.get(task)?.state ?? "waiting"} size={10} />
          {task}
        </button>
      ))}
      {most < tasks.length && (
        <Button small kind="quiet" onClick={() => setMost(most + STEP)}>
          {plural(tasks.length - most, "other")}
        </Button>
      )}
    </span>
  );
}
