// A person's answer to a task that asks: yes or no, with a value where the answer is one; and for a task whose effect is not
// known, whether it took place.

import { useEffect, useState } from "preact/hooks";
import * as calls from "../api/calls";
import type { Answer, TaskRow } from "../api/types";
import { Button } from "../parts/Button";
import { Choice } from "../parts/Choice";
import { Dialog } from "../parts/Dialog";
import { Field, TextArea, TextInput } from "../parts/Field";
import { useActing } from "./acting";
import "./act.css";

type Kind = "yes" | "text" | "json";

const KINDS: readonly { id: Kind; label: string }[] = [
  { id: "yes", label: "Yes" },
  { id: "text", label: "A text" },
  { id: "json", label: "JSON" },
];

interface Props {
  run: string;
  row: TaskRow;
  question: string;
  onClose: () => void;
}

/** Whether it is the question of a task for a person; else an attempt vanished, and its effect is not known. */
export const isQuestion = (row: TaskRow): boolean => row.executor === "person";

export function AnswerDialog({ run, row, question, onClose }: Props) {
  const [kind, setKind] = useState<Kind>("yes");
  const [text, setText] = useState("");
  const [comment, setComment] = useState("");
  const [faulty, setFaulty] = useState("");
  const { busy, wrong, act } = useActing();
  const asks = isQuestion(row);
  const whole = useQuestion(run, row);

  const answer = async (verdict: Answer["verdict"]) => {
    const said: Answer = { verdict };
    if (comment.trim()) said.comment = comment.trim();
    if (verdict === "approve") {
      const value = kind === "yes" ? { value: asks ? true : null } : valueOf(kind, text);
      setFaulty("problem" in value ? value.problem : "");
      if ("problem" in value) return;
      said.value = value.value;
    }
    if (await act(verdict, () => calls.answer(run, row.id, said))) onClose();
  };
  const kinds = asks ? KINDS : [{ id: "yes" as const, label: "Nothing" }, ...KINDS.slice(1)];
  return (
    <Dialog
      title={asks ? `Answer ${row.id}` : `What became of ${row.id}?`}
      onClose={onClose}
      actions={
        <>
          <Button kind="danger" busy={busy === "deny"} disabled={busy !== ""} onClick={() => void answer("deny")}>
            {asks ? "Reject" : "Let it fail"}
          </Button>
          {!asks && (
            <Button icon="again" busy={busy === "rerun"} disabled={busy !== ""} onClick={() => void answer("rerun")}>
              Run it again
            </Button>
          )}
          <Button kind="main" icon="check" busy={busy === "approve"} disabled={busy !== ""} onClick={() => void answer("approve")} data-first>
            {asks ? (kind === "yes" ? "Approve" : "Answer") : "It took place"}
          </Button>
        </>
      }
    >
      <form
        class="answer"
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          void answer("approve");
        }}
        onSubmit={(event) => event.preventDefault()}
      >
        <p class="question">{whole || question || row.label || row.because}</p>
        {!asks && <p class="hint">If it took place, what it returned counts as its output. If it did not, it can be run again.</p>}
        <div class="answer-kind">
          <span>{asks ? "The answer is" : "It returned"}</span>
          <Choice label={asks ? "The answer is" : "It returned"} options={kinds} chosen={kind} onChoose={setKind} />
        </div>
        {kind !== "yes" && (
          <Field label={asks ? "Answer" : "Value"} wrong={faulty} hint={kind === "json" ? "As JSON, such as 3 or {\"size\": 3}" : undefined}>
            {(tied) => <TextArea {...tied} value={text} onValue={setText} class={kind === "json" ? "code" : undefined} rows={3} />}
          </Field>
        )}
        <Field label="Comment" hint="For the log; it may be empty.">
          {(tied) => <TextInput {...tied} value={comment} onValue={setComment} maxLength={2000} />}
        </Field>
      </form>
      <p class="wrong lines-kept" role="alert">
        {wrong}
      </p>
    </Dialog>
  );
}

/** The whole question, once it has come: a row has its first line only. */
function useQuestion(run: string, row: TaskRow): string {
  const [whole, setWhole] = useState("");
  useEffect(() => {
    if (!isQuestion(row)) return;
    const aborter = new AbortController();
    calls.panel(run, row.id, aborter.signal).then(
      ({ inputs = [] }) => setWhole((inputs.find(({ name }) => name === "question")?.value.text ?? "").trim()),
      () => undefined, // its first line is shown already
    );
    return () => aborter.abort();
  }, [run, row.id]);
  return whole;
}

function valueOf(kind: "text" | "json", text: string): { value: unknown } | { problem: string } {
  if (kind === "text") return { value: text };
  try {
    return { value: text.trim() === "" ? null : (JSON.parse(text) as unknown) };
  } catch (error) {
    return { problem: `This is no JSON: ${(error as Error).message}` };
  }
}
