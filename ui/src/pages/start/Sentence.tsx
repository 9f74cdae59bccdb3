import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../parts/Button";
import { Check, Field, Select, TextArea } from "../../parts/Field";
import { NO_OPTIONS, readOptions, type Options } from "./model";
import { RunOptions } from "./RunOptions";
import { useStart } from "./useStart";
import { Wrong } from "./WorkflowForm";

/** A request in plain words: a planner makes a graph of it, which can be watched as it grows. */
export function Sentence({ planners }: { planners: readonly string[] }) {
  const [text, setText] = useState("");
  const [planner, setPlanner] = useState("");
  const [yes, setYes] = useState(false);
  const [options, setOptions] = useState<Options>(NO_OPTIONS);
  const [own, setOwn] = useState<Readonly<Record<string, string>>>({});
  const starting = useStart();
  const place = useRef<HTMLFormElement>(null);
  const faults = { ...starting.faults, ...own };
  const submit = (event: Event) => {
    event.preventDefault();
    const { said, faults } = readOptions(options);
    const wrong: Record<string, string> = { ...faults };
    if (!text.trim()) wrong.request = "Say what is to be done.";
    setOwn(wrong);
    if (Object.keys(wrong).length) return;
    void starting.begin({ target: text.trim(), run: options.name.trim(), planner, yes, ...said });
  };
  useEffect(() => place.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(), [own, starting.faults]);
  return (
    <form ref={place} class="sentence" onSubmit={submit} noValidate>
      <Field label="What is to be done?" wrong={faults.request} hint="Ctrl+Enter starts it.">
        {(tied) => (
          <TextArea
            {...tied}
            rows={4}
            spellcheck
            placeholder="Count the words of every file in docs and write the ten longest into longest.md"
            value={text}
            onValue={(next) => {
              setText(next);
              setOwn({ ...own, request: "" });
            }}
            onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && submit(event)}
          />
        )}
      </Field>
      {planners.length > 0 && (
        <Field label="Planner" hint="It makes the graph; the run's page shows how it grows.">
          {(tied) => (
            <Select
              {...tied}
              class="short"
              value={planner}
              onValue={setPlanner}
              options={[
                { value: "", label: `${planners[0]} (the usual one)` },
                ...planners.slice(1).map((name) => ({ value: name, label: name })),
              ]}
            />
          )}
        </Field>
      )}
      <Check
        label="Do what the policy allows without asking"
        hint="Otherwise a task that changes something waits until a person approves it."
        checked={yes}
        onChecked={setYes}
      />
      <RunOptions options={options} faults={faults} onOptions={setOptions} />
      <Wrong lines={starting.wrong} />
      <div class="actions">
        <Button type="submit" kind="main" icon="play" busy={starting.busy}>
          Plan and start
        </Button>
      </div>
    </form>
  );
}
