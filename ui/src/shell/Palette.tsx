// The command palette: type to find a run, a page or an action; arrows choose, Enter does.

import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { listRuns } from "../api/calls";
import type { RunLine } from "../api/types";
import { Badge } from "../parts/Badge";
import { Dialog } from "../parts/Dialog";
import { Ago } from "../parts/Time";
import { Icon } from "../parts/Icon";
import { classes } from "../parts/classes";
import { step } from "../parts/Tabs";
import { go, hrefOf, hrefOfRun } from "../router";
import { commands, fitting, type Command } from "../state/commands";
import { Keys } from "./KeyList";

const MOST_RUNS = 8;
const PAUSE_MS = 120;

type Choice = { id: string; run: () => void } & ({ line: RunLine } | { command: Command });

export function Palette({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const found = useFound(typed);
  // What was found for less than what is typed now may not fit that: Enter must not open it.
  const runs = found.filter(({ run, target = "" }) => `${run}\n${target}`.toLowerCase().includes(typed.trim().toLowerCase()));
  const base = useId();
  const list = useRef<HTMLUListElement>(null);
  const choices: Choice[] = [
    ...runs.map((line) => ({ id: `run ${line.run}`, run: () => go(hrefOfRun(line.run)), line })),
    ...fitting(commands.value, typed).map((command) => ({ id: command.id, run: command.run, command })),
    ...(typed.trim() ? [allRuns(typed.trim())] : []),
  ];
  const at = Math.min(chosen, choices.length - 1);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);
  const choose = (choice: Choice | undefined) => {
    if (!choice) return;
    onClose();
    choice.run();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      choose(choices[at]);
    }
    if (!event.key.startsWith("Arrow") || event.key === "ArrowLeft" || event.key === "ArrowRight") return;
    event.preventDefault();
    setChosen(step(event.key, at, choices.length) ?? 0);
  };
  return (
    <Dialog title="Search" plain onClose={onClose}>
      <div class="palette">
        <div class="typed">
          <Icon name="search" />
          <input
            data-first
            type="text"
            role="combobox"
            aria-label="Search runs, pages and actions"
            aria-expanded="true"
            aria-controls={`${base}-list`}
            aria-activedescendant={at >= 0 ? `${base}-${at}` : undefined}
            aria-autocomplete="list"
            placeholder="A run, a page or an action"
            autocomplete="off"
            spellcheck={false}
            value={typed}
            onInput={(event) => {
              setTyped(event.currentTarget.value);
              setChosen(0);
            }}
            onKeyDown={press}
          />
          <kbd aria-hidden="true">Esc</kbd>
        </div>
        <ul id={`${base}-list`} role="listbox" aria-label="Found" ref={list}>
          {choices.map((choice, index) => (
            <li
              key={choice.id}
              id={`${base}-${index}`}
              role="option"
              class={classes("choice", index === at && "chosen")}
              aria-selected={index === at}
              onPointerMove={() => index !== at && setChosen(index)}
              onClick={() => choose(choice)}
            >
              {"line" in choice ? <Line line={choice.line} /> : <Words command={choice.command} />}
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

function Line({ line }: { line: RunLine }) {
  return (
    <>
      <Badge state={line.state} bare />
      <span class="label">
        {line.run} <span class="quiet-text">{line.target}</span>
      </span>
      <span class="quiet-text">
        <Ago at={line.created_at} />
      </span>
    </>
  );
}

function Words({ command }: { command: Command }) {
  return (
    <>
      <Icon name={command.icon ?? "right"} />
      <span class="label">{command.label}</span>
      {command.press && <Keys press={command.press} />}
    </>
  );
}

function allRuns(typed: string): Choice {
  const run = () => go(hrefOf("runs", { q: typed }));
  return { id: "all", run, command: { id: "all", label: `See all runs with “${typed}”`, icon: "search", run } };
}

/** The newest runs that have the text in their name or target, as they are found. */
function useFound(typed: string): readonly RunLine[] {
  const found = useSignal<readonly RunLine[]>([]);
  useEffect(() => {
    const aborter = new AbortController();
    const ask = () =>
      listRuns({ q: typed.trim(), most: MOST_RUNS }, aborter.signal).then(
        (list) => {
          found.value = list.runs;
        },
        () => undefined, // The header says that the server is away, and a search that was given up is none.
      );
    const timer = setTimeout(ask, typed ? PAUSE_MS : 0);
    return () => {
      clearTimeout(timer);
      aborter.abort();
    };
  }, [typed]);
  return found.value;
}
