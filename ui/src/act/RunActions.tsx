// What can be done to a run as it stands, as buttons, keys and commands of the palette; and the dialogs that they open.

import { useState } from "preact/hooks";
import * as calls from "../api/calls";
import { embedded } from "../api/embedded";
import { lazy } from "../lazy";
import type { RunHead } from "../api/types";
import { Button } from "../parts/Button";
import type { IconName } from "../parts/Icon";
import { useKeys } from "../parts/keys";
import { Menu, type MenuItem } from "../parts/Menu";
import { hasEnded } from "../parts/states";
import { toast } from "../parts/Toast";
import { go, hrefOf } from "../router";
import { useCommands } from "../state/commands";
import type { RunStore } from "../state/run";
import { useActing } from "./acting";
import { ReasonDialog } from "./ReasonDialog";

const AnswerDialog = lazy(async () => ({ default: (await import("./AnswerDialog")).AnswerDialog }));
const EditDialog = lazy(async () => ({ default: (await import("./EditDialog")).EditDialog }));

/** A dialog that is open; a task where it is about one. */
export type Open = { kind: "answer"; task: string } | { kind: "edit"; task: string | null } | { kind: "cancel" | "retry" | "resume" } | null;

interface Action {
  id: string;
  label: string;
  press: string;
  icon: IconName;
  danger?: boolean;
  main?: boolean;
  run: () => void;
}

interface Props {
  store: RunStore;
  head: RunHead;
  selected: string | null;
  open: Open;
  onOpen: (open: Open) => void;
}

export function RunActions({ store, head, selected, open, onOpen }: Props) {
  const { busy, wrong, act } = useActing();
  const [shownWrong, setShownWrong] = useState("");
  if (wrong !== shownWrong) {
    setShownWrong(wrong);
    if (wrong) toast(wrong, "wrong");
  }
  const { run } = store;
  const actions = embedded
    ? []
    : actionsOf(head, {
        pause: () => void act("pause", () => calls.pause(run)),
        goOn: () => void act("continue", () => calls.goOn(run)),
        resume: () => onOpen({ kind: "resume" }),
        cancel: () => onOpen({ kind: "cancel" }),
        retry: () => onOpen({ kind: "retry" }),
        edit: () => onOpen({ kind: "edit", task: selected }),
      });
  const asking = Object.keys(head.asking ?? {});
  const asked = selected && asking.includes(selected) ? selected : asking[0];
  const answer = !embedded && asked ? () => onOpen({ kind: "answer", task: asked }) : null;
  useKeys("Act on the run", [
    ...(answer ? [{ press: "a", does: "Answer what is asked", run: answer }] : []),
    ...actions.map(({ press, label, run: does }) => ({ press, does: label, run: does })),
  ]);
  useCommands([
    ...(answer ? [{ id: "answer", label: `Answer ${asked}`, icon: "check" as const, press: "a", run: answer }] : []),
    ...actions.map(({ id, label, icon, press, run: does }) => ({ id, label, icon, press, run: does })),
  ]);
  return (
    <div class="run-actions">
      {actions.map(({ id, label, icon, press, danger, main, run: does }) => (
        <Button
          key={id}
          icon={icon}
          small
          kind={danger ? "danger" : main ? "main" : "plain"}
          busy={busy === id}
          disabled={busy !== ""}
          aria-keyshortcuts={press}
          title={`${label} (${press})`}
          onClick={does}
        >
          {label}
        </Button>
      ))}
      {!embedded && <Menu label="More" icon="more" items={more(run)} />}
      <Dialogs store={store} head={head} open={open} onClose={() => onOpen(null)} />
    </div>
  );
}

type Doing = Record<"pause" | "goOn" | "resume" | "cancel" | "retry" | "edit", () => void>;

function actionsOf(head: RunHead, does: Doing): Action[] {
  if (hasEnded(head.state)) {
    return [{ id: "retry", label: "Run again", press: "r", icon: "again", main: true, run: does.retry }];
  }
  const edit: Action = { id: "edit", label: "Change", press: "e", icon: "edit", run: does.edit };
  const cancel: Action = { id: "cancel", label: "Cancel", press: "x", icon: "stop", danger: true, run: does.cancel };
  const first: Action[] = [];
  if (!head.live) first.push({ id: "resume", label: "Resume", press: "r", icon: "play", main: true, run: does.resume });
  if (head.state === "paused") first.push({ id: "continue", label: "Continue", press: "p", icon: "play", main: head.live, run: does.goOn });
  else if (head.live) first.push({ id: "pause", label: "Pause", press: "p", icon: "pause", run: does.pause });
  return [...first, edit, cancel];
}

function more(run: string): MenuItem[] {
  return [
    { id: "explain", label: "Explain: estimate against actual", icon: "filter", onChoose: () => go(hrefOf("explain", { run })) },
    { id: "html", label: "Save as a page to send", icon: "save", onChoose: () => save(calls.exportAddress(run, "html")) },
    { id: "json", label: "Save as JSON", icon: "save", onChoose: () => save(calls.exportAddress(run, "json")) },
  ];
}

function save(address: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
}

function Dialogs({ store, head, open, onClose }: { store: RunStore; head: RunHead; open: Open; onClose: () => void }) {
  const { run } = store;
  switch (open?.kind) {
    case "answer": {
      const row = store.rows.get(open.task);
      if (!row) return null;
      return <AnswerDialog run={run} row={row} question={head.asking?.[open.task] ?? row.because ?? ""} onClose={onClose} />;
    }
    case "edit":
      return <EditDialog store={store} task={open.task} onClose={onClose} />;
    case "cancel":
      return (
        <ReasonDialog title="Cancel the run?" does="Cancel the run" danger onDo={(reason) => calls.cancel(run, reason)} onClose={onClose}>
          <p>What runs is stopped, and nothing new starts. What was done stays done.</p>
        </ReasonDialog>
      );
    case "retry":
      return (
        <ReasonDialog title="Run it again?" does="Run again" plain onDo={() => calls.retry(run)} onClose={onClose}>
          <p>A new run of the same target begins, with the same inputs. This one stays as it is.</p>
        </ReasonDialog>
      );
    case "resume":
      return (
        <ReasonDialog title="Resume the run?" does="Resume" plain onDo={() => calls.resume(run)} onClose={onClose}>
          <p>A process of its own goes on with it. What has ended is not done again.</p>
        </ReasonDialog>
      );
  }
  return null;
}
