// Dialogs of the fleet: letting a device in, and taking its key away.

import { useState } from "preact/hooks";
import * as calls from "../api/calls";
import type { DeviceRow, Enrolment } from "../api/types";
import { Button } from "../parts/Button";
import { Dialog } from "../parts/Dialog";
import { Field, TextInput } from "../parts/Field";
import { toast, toastError } from "../parts/Toast";

/** Asks for a name and skills, then shows once what to type on the device. */
export function EnrolDialog({ name: given, onClose }: { name: string; onClose: () => void }) {
  const [name, setName] = useState(given);
  const [skills, setSkills] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const [made, setMade] = useState<Enrolment | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      setMade(await calls.enrol(name.trim(), skills.split(",").map((skill) => skill.trim()).filter(Boolean)));
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  if (made) return <Made made={made} onClose={onClose} />;
  return (
    <Dialog
      title="Enrol a device"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Not now</Button>
          <Button kind="main" type="submit" form="enrol" busy={busy}>
            Make a token
          </Button>
        </>
      }
    >
      <form id="enrol" class="stack" onSubmit={submit}>
        <Field label="Name" hint="What it will be called; it chooses itself where this is empty." wrong={wrong}>
          {(tied) => <TextInput {...tied} data-first value={name} onValue={setName} maxLength={64} />}
        </Field>
        <Field label="Skills" hint="What it counts as having, joined by commas, like gpu, camera; it says itself where this is empty.">
          {(tied) => <TextInput {...tied} value={skills} onValue={setSkills} />}
        </Field>
      </form>
    </Dialog>
  );
}

function Made({ made, onClose }: { made: Enrolment; onClose: () => void }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(made.command);
      toast("The command is copied.");
    } catch {
      toastError("The browser does not let the page copy: select the command and copy it yourself.");
    }
  };
  return (
    <Dialog
      title={made.name ? `Let ${made.name} in` : "Let the device in"}
      wide
      onClose={onClose}
      actions={
        <>
          <Button icon="copy" onClick={copy} data-first>
            Copy
          </Button>
          <Button kind="main" onClick={onClose}>
            Done
          </Button>
        </>
      }
    >
      <p>Type this on the device. It is shown this once: the token in it works for one device and a short time.</p>
      <pre class="command" tabIndex={0} aria-label="Command">
        {made.command}
      </pre>
      <p class="hint">Whoever has the token can be that device: give it to nobody else.</p>
    </Dialog>
  );
}

/** Asks for the name of the device, since there is no way back. */
export function RevokeDialog({ device, onDone, onClose }: { device: DeviceRow; onDone: () => void; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const revoke = async (event: Event) => {
    event.preventDefault();
    if (typed !== device.name) return;
    setBusy(true);
    try {
      toast((await calls.revoke(device.name)).text);
      onDone();
      onClose();
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Revoke ${device.name}?`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Not now</Button>
          <Button kind="danger" type="submit" form="revoke" busy={busy} disabled={typed !== device.name}>
            Revoke
          </Button>
        </>
      }
    >
      <form id="revoke" class="stack" onSubmit={revoke}>
        <p>Its key is taken away: it is cut off at once, and what it works on is given to others. To come back it must be enrolled again.</p>
        <Field label={`Type its name, ${device.name}, to go on`} wrong={wrong}>
          {(tied) => <TextInput {...tied} data-first value={typed} onValue={setTyped} />}
        </Field>
      </form>
    </Dialog>
  );
}
