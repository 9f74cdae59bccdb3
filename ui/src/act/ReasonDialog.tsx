import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { Begun, Done } from "../api/types";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { Field, TextInput } from "../parts/Field";
import { useActing } from "./acting";

interface Props {
  title: string;
  /** The word on the button that does it. */
  does: string;
  danger?: boolean;
  /** The log has no place for a reason, so that none is asked for. */
  plain?: boolean;
  /** Given the reason, which may be empty. */
  onDo: (reason: string) => Promise<Done | Begun>;
  onClose: () => void;
  children?: ComponentChildren;
}

/** Asks before something is done to a run, and for the reason, which goes into its log. */
export function ReasonDialog({ title, does, danger, plain, onDo, onClose, children }: Props) {
  const [reason, setReason] = useState("");
  const { busy, wrong, act } = useActing();
  const submit = async () => {
    if (await act(does, () => onDo(reason.trim()))) onClose();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Not now</Button>
          <Button kind={danger ? "danger" : "main"} busy={busy !== ""} data-first={plain || undefined} onClick={() => void submit()}>
            {does}
          </Button>
        </>
      }
    >
      {children}
      {!plain && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Field label="Reason" hint="For the log; it may be empty.">
            {(tied) => <TextInput {...tied} value={reason} onValue={setReason} maxLength={2000} data-first />}
          </Field>
        </form>
      )}
      <p class="wrong lines-kept" role="alert">
        {wrong}
      </p>
    </Dialog>
  );
}
