// A workflow's inputs as a form, and how its run is to be.

import { useEffect, useRef, useState } from "preact/hooks";
import { form } from "../../api/calls";
import type { Field as Input, Form } from "../../api/types";
import { Button, LinkButton } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { Check, Field, TextArea, TextInput } from "../../parts/Field";
import { Spinner } from "../../parts/Spinner";
import { hrefOf } from "../../router";
import { usePolled } from "../../state/polled";
import { controlOf, entriesOf, NO_OPTIONS, read, readOptions, type Options } from "./model";
import { RunOptions } from "./RunOptions";
import { useStart } from "./useStart";

export function WorkflowForm({ target }: { target: string }) {
  const { value, error } = usePolled((signal) => form(target, signal), target, 0);
  if (value.value) return <Filled form={value.value} />;
  if (!error.value) return <Spinner label="Reading the workflow" />;
  return (
    <Empty title="This workflow cannot be read">
      {error.value instanceof Error ? error.value.message : String(error.value)}
    </Empty>
  );
}

function Filled({ form: { target, name, description, fields = [] } }: { form: Form }) {
  const [entries, setEntries] = useState(() => entriesOf(fields));
  const [options, setOptions] = useState<Options>(NO_OPTIONS);
  const [own, setOwn] = useState<Readonly<Record<string, string>>>({});
  const starting = useStart();
  const place = useRef<HTMLFormElement>(null);
  const faults = { ...starting.faults, ...own };
  const submit = (event: Event) => {
    event.preventDefault();
    const inputs = read(fields, entries);
    const rest = readOptions(options);
    const wrong = { ...inputs.faults, ...rest.faults };
    setOwn(wrong);
    if (Object.keys(wrong).length) return;
    void starting.begin({ target, inputs: inputs.inputs, run: options.name.trim(), ...rest.said }, fields);
  };
  useEffect(() => place.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(), [own, starting.faults]);
  return (
    <form ref={place} onSubmit={submit} noValidate>
      <header>
        <h2>{name || target}</h2>
        <p class="file">{target}</p>
        {description && <p class="words">{description}</p>}
      </header>
      {fields.length === 0 && <p class="quiet-text">It takes no inputs.</p>}
      {fields.map((field) => (
        <InputField
          key={field.name}
          field={field}
          entry={entries[field.name] ?? ""}
          wrong={faults[field.name]}
          onEntry={(entry) => {
            setEntries({ ...entries, [field.name]: entry });
            setOwn({ ...own, [field.name]: "" });
          }}
        />
      ))}
      <RunOptions options={options} faults={faults} onOptions={setOptions} />
      <Wrong lines={starting.wrong} />
      <div class="actions">
        <Button type="submit" kind="main" icon="play" busy={starting.busy}>
          Start
        </Button>
        <LinkButton href={hrefOf("explain", { target })}>Explain first</LinkButton>
      </div>
    </form>
  );
}

interface InputProps {
  field: Input;
  entry: string | boolean;
  wrong: string | undefined;
  onEntry: (entry: string | boolean) => void;
}

function InputField({ field, entry, wrong, onEntry }: InputProps) {
  const control = controlOf(field);
  if (control === "check") {
    return <Check label={field.name} hint={field.description} checked={entry === true} onChecked={onEntry} />;
  }
  const text = String(entry);
  return (
    <Field label={field.name} hint={hintOf(field)} wrong={wrong} required={field.required}>
      {(tied) =>
        control === "json" ? (
          <TextArea {...tied} class="code" value={text} onValue={onEntry} placeholder={exampleOf(field)} />
        ) : control === "text" ? (
          <TextArea {...tied} value={text} onValue={onEntry} />
        ) : (
          <TextInput
            {...tied}
            class={control === "number" ? "short" : ""}
            inputMode={field.type === "integer" ? "numeric" : control === "number" ? "decimal" : "text"}
            value={text}
            onValue={onEntry}
          />
        )
      }
    </Field>
  );
}

function hintOf({ description = "", type = "" }: Input) {
  const kind = { array: "A list, as JSON.", object: "An object, as JSON.", "": "JSON, or a text." }[type] ?? "";
  return [description, kind].filter(Boolean).join(" ");
}

function exampleOf({ type }: Input): string {
  return type === "array" ? "[ ]" : type === "object" ? "{ }" : "";
}

/** What is wrong with no field in particular. */
export function Wrong({ lines }: { lines: readonly string[] }) {
  return (
    <div role="alert" class="wrongs">
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
    </div>
  );
}
