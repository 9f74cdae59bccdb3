// Changes what has not started of a run: its text, a look at what the change would do, and the change itself.

import { useEffect, useId, useMemo, useState } from "preact/hooks";
import * as calls from "../api/calls";
import type { Draft, Edited, Fault } from "../api/types";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { Field, TextInput } from "../parts/Field";
import { plural } from "../parts/format";
import { Spinner } from "../parts/Spinner";
import { toast } from "../parts/Toast";
import { ApiRefused } from "../api/refused";
import type { RunStore } from "../state/run";
import { DiffLines } from "../weigh/DiffLines";
import { reasonOf } from "./acting";
import { difference } from "./difference";
import { Editor } from "./Editor";
import "./act.css";

interface Props {
  store: RunStore;
  /** A task to begin at. */
  task?: string | null;
  onClose: () => void;
}

const UNANSWERED =
  "The process that drives the run has not answered yet; it takes the change in when it wakes up, or when the run is resumed.";

export function EditDialog({ store, task, onClose }: Props) {
  const { run } = store;
  const [draft, setDraft] = useState<Draft | null>(null);
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const [found, setFound] = useState<Edited | null>(null);
  const [later, setLater] = useState<Draft | null>(null);
  const [busy, setBusy] = useState("load");
  const [wrong, setWrong] = useState("");
  const [goTo, setGoTo] = useState<{ line: number; turn: number } | null>(null);
  const described = useId();

  const doing = async (name: string, does: () => Promise<void>) => {
    setBusy(name);
    setWrong("");
    try {
      await does();
    } catch (error) {
      // Faults come with a refusal as well.
      if (error instanceof ApiRefused && error.problems.length) setFound({ outcome: "refused", faults: [...error.problems] });
      else setWrong(reasonOf(error));
    }
    setBusy("");
  };
  const begin = (one: Draft) => {
    setDraft(one);
    setText(one.text);
    setFound(null);
    setLater(null);
    const line = task ? lineOf(one.text, task) : 0;
    if (line) setGoTo({ line, turn: 0 });
  };
  useEffect(() => void doing("load", async () => begin(await calls.draft(run))), [run]);

  const send = (preview: boolean) =>
    doing(preview ? "preview" : "send", async () => {
      const edited = await calls.edit(run, { seq: draft!.seq, text, because: reason.trim(), preview });
      if (edited.outcome === "taken" || edited.outcome === "unanswered") {
        toast(edited.outcome === "taken" ? "The run has taken the change" : UNANSWERED, edited.outcome === "taken" ? "done" : "wrong");
        onClose();
      } else setFound(edited);
    });
  const lookAgain = () => doing("later", async () => setLater(await calls.draft(run)));
  const isOther = draft !== null && text !== draft.text;
  const goesOn = draft !== null && (store.head.value?.seq ?? 0) > draft.seq;
  const faults = useMemo(() => new Map((found?.faults ?? []).filter(({ line }) => line).map(({ line, message }) => [line!, message])), [found]);
  const change = (next: string) => {
    setText(next);
    setFound(null);
  };
  return (
    <Dialog
      title="Change what has not started"
      wide
      onClose={() => (isOther && !window.confirm("Let the change go?") ? undefined : onClose())}
      actions={
        <>
          <Button onClick={onClose}>Not now</Button>
          <Button busy={busy === "preview"} disabled={!isOther || busy !== ""} onClick={() => void send(true)}>
            Preview
          </Button>
          <Button kind="main" busy={busy === "send"} disabled={!isOther || busy !== ""} onClick={() => void send(false)}>
            Send
          </Button>
        </>
      }
    >
      {draft === null ? (
        busy === "load" && <Spinner label="Reading what can be changed" />
      ) : (
        <div class="edit">
          <p class="hint" id={described}>
            Lines that begin with # have started already and are not read. Task lines can be changed, added and taken away; the run goes on
            meanwhile.
          </p>
          <Editor text={text} onText={change} faults={faults} label="The rest of the run as text" describedBy={described} goTo={goTo} />
          <Field label="Reason" hint="For the log; it may be empty.">
            {(tied) => <TextInput {...tied} value={reason} onValue={setReason} maxLength={2000} />}
          </Field>
          {found && <Outcome found={found} onLine={(line) => setGoTo({ line, turn: (goTo?.turn ?? 0) + 1 })} />}
          {goesOn && !later && (
            <p class="hint">
              The run has gone on since this text was made; what you change is fitted to how it is when you send it.{" "}
              <Button small kind="quiet" busy={busy === "later"} onClick={() => void lookAgain()}>
                See what has changed
              </Button>
            </p>
          )}
          {later && <Meanwhile lines={difference(draft.text, later.text)} onTake={() => begin(later)} isOther={isOther} />}
        </div>
      )}
      <p class="wrong lines-kept" role="alert">
        {wrong}
      </p>
    </Dialog>
  );
}

function Outcome({ found, onLine }: { found: Edited; onLine: (line: number) => void }) {
  const { outcome, faults = [], lines = [] } = found;
  if (outcome === "nothing") return <p role="status">This changes nothing.</p>;
  return (
    <section role="status" class="edit-found">
      <h3>{outcome === "refused" ? `It would not be taken: ${plural(faults.length, "fault")}` : "What it would change"}</h3>
      {faults.length > 0 && (
        <ul class="faults">
          {faults.map((fault, i) => (
            <FaultLine key={i} fault={fault} onLine={onLine} />
          ))}
        </ul>
      )}
      {lines.length > 0 && <DiffLines lines={lines} label="The difference" />}
    </section>
  );
}

function FaultLine({ fault, onLine }: { fault: Fault; onLine: (line: number) => void }) {
  const { line, place, message } = fault;
  return (
    <li>
      {line ? (
        <button type="button" class="as-link" onClick={() => onLine(line)}>
          line {line}
        </button>
      ) : (
        place && <strong>{place}</strong>
      )}{" "}
      {message}
    </li>
  );
}

function Meanwhile({ lines, onTake, isOther }: { lines: readonly string[]; onTake: () => void; isOther: boolean }) {
  return (
    <section role="status" class="edit-found">
      <h3>What has changed meanwhile</h3>
      {lines.length ? <DiffLines lines={lines} label="What has changed meanwhile" /> : <p class="hint">Nothing of this text.</p>}
      {lines.length > 0 && (
        <Button small onClick={onTake}>
          {isOther ? "Let my change go and begin with this" : "Begin with this"}
        </Button>
      )}
    </section>
  );
}

/** The line on which a task is defined; 0 where none is. */
function lineOf(text: string, task: string): number {
  const lines = text.split("\n");
  return lines.findIndex((line) => !line.trimStart().startsWith("#") && (line.startsWith(`${task} `) || line.includes(`${task} =`) || line.includes(`"${task}"`))) + 1;
}
