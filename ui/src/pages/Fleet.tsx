// The fleet: the devices of the hub, as cards or in a table, while they change.

import { useState } from "preact/hooks";
import * as calls from "../api/calls";
import type { DeviceRow, Fleet as Devices } from "../api/types";
import { DeviceCard, DeviceMenu, Standing, type Deeds } from "../fleet/DeviceCard";
import { EnrolDialog, RevokeDialog } from "../fleet/dialogs";
import { inOrder, isHere } from "../fleet/standing";
import { Button } from "../parts/Button";
import { Choice } from "../parts/Choice";
import { Empty } from "../parts/Empty";
import { bytes, count, percent, plural, span } from "../parts/format";
import { Spinner } from "../parts/Spinner";
import { Table, type Column } from "../parts/Table";
import { Ago } from "../parts/Time";
import { toast, toastError } from "../parts/Toast";
import { setQuery, type Route } from "../router";
import { usePolled } from "../state/polled";
import { useTitle } from "../state/title";
import "../fleet/fleet.css";

const EVERY_MS = 2000;
const MOST_CARDS = 24;

type Shown = "cards" | "table";
type Open = { kind: "enrol"; name: string } | { kind: "revoke"; device: DeviceRow } | null;

export default function Fleet({ route }: { route: Route }) {
  useTitle("Fleet");
  const asked = usePolled((signal) => calls.fleet(signal), "fleet", EVERY_MS);
  const [open, setOpen] = useState<Open>(null);
  const { value: fleet } = asked.value;
  const { value: error } = asked.error;
  const deeds: Deeds = {
    onDrain: (device, undo) =>
      void calls.drain(device.name, undo).then((done) => {
        toast(done.text);
        asked.refresh();
      }, toastError),
    onRevoke: (device) => setOpen({ kind: "revoke", device }),
    onEnrol: (name) => setOpen({ kind: "enrol", name }),
  };
  const devices = inOrder(fleet?.devices ?? []);
  const shown: Shown = (route.query.as as Shown | undefined) ?? (devices.length > MOST_CARDS ? "table" : "cards");
  return (
    <div class="page fleet">
      <header class="top">
        <h1>Fleet</h1>
        {fleet && devices.length > 0 && <Summary fleet={fleet} />}
        {devices.length > 0 && (
          <Choice
            label="Show devices as"
            options={[
              { id: "cards", label: "Cards" },
              { id: "table", label: "Table" },
            ]}
            chosen={shown}
            onChoose={(as) => setQuery({ as })}
          />
        )}
        <Button kind="main" icon="plus" onClick={() => deeds.onEnrol("")}>
          Enrol a device
        </Button>
      </header>
      {error && fleet ? <p class="notice">{`This may be old: ${(error as Error).message}`}</p> : null}
      {!fleet && (error ? <Empty title="The fleet cannot be shown">{(error as Error).message}</Empty> : <Spinner label="Asking the hub…" />)}
      {fleet && !fleet.running && devices.length > 0 && <p class="notice">{fleet.text || "The hub does not run."}</p>}
      {fleet && devices.length === 0 && <Nobody fleet={fleet} />}
      {devices.length > 0 &&
        (shown === "table" ? (
          <DeviceTable devices={devices} deeds={deeds} />
        ) : (
          <ul class="devices">
            {devices.map((device) => (
              <DeviceCard key={device.name} device={device} deeds={deeds} />
            ))}
          </ul>
        ))}
      {open?.kind === "enrol" && (
        <EnrolDialog
          name={open.name}
          onClose={() => {
            setOpen(null);
            asked.refresh();
          }}
        />
      )}
      {open?.kind === "revoke" && <RevokeDialog device={open.device} onDone={asked.refresh} onClose={() => setOpen(null)} />}
    </div>
  );
}

function Summary({ fleet }: { fleet: Devices }) {
  const here = fleet.devices.filter(isHere);
  const slots = here.reduce((sum, device) => sum + (device.slots ?? 0), 0);
  const taken = here.reduce((sum, device) => sum + (device.running?.length ?? 0), 0);
  return (
    <p class="summary">
      {`${count(here.length)} of ${plural(fleet.devices.length, "device")} here · ${count(taken)} of ${plural(slots, "slot")} taken`}
      {fleet.url && ` · hub at ${fleet.url}`}
    </p>
  );
}

function Nobody({ fleet }: { fleet: Devices }) {
  if (fleet.running) return <Empty title="No devices yet">Enrol one: you get a command to type there.</Empty>;
  return (
    <Empty title="No hub runs here">
      <p>{fleet.text || "A hub shares tasks out to other machines. Start one in the folder of this project:"}</p>
      {!fleet.text && <code>orrery hub</code>}
    </Empty>
  );
}

function DeviceTable({ devices, deeds }: { devices: readonly DeviceRow[]; deeds: Deeds }) {
  const columns: Column<DeviceRow>[] = [
    { id: "name", head: "Device", cell: (device) => <strong>{device.name}</strong> },
    { id: "state", head: "State", cell: (device) => <Standing device={device} /> },
    { id: "slots", head: "Slots", cell: (device) => `${device.running?.length ?? 0} / ${device.slots ?? 0}`, figure: true },
    { id: "cpu", head: "CPU", cell: (device) => (device.memory_bytes ? percent(device.cpu ?? 0) : "–"), figure: true },
    { id: "latency", head: "Latency", cell: (device) => span(device.latency_s), figure: true },
    { id: "trust", head: "Trust", cell: (device) => percent(device.trust), figure: true },
    { id: "done", head: "Done", cell: (device) => count(device.done ?? 0), figure: true },
    { id: "failed", head: "Failed", cell: (device) => count(device.failed ?? 0), figure: true },
    { id: "holds", head: "Holds", cell: (device) => bytes(device.held_bytes ?? 0), figure: true },
    { id: "heard", head: "Heard", cell: (device) => <Ago at={device.heard_at} /> },
    { id: "skills", head: "Skills", cell: (device) => (device.skills ?? []).join(", "), wide: true },
    { id: "do", head: <span class="unseen">Actions</span>, cell: (device) => <DeviceMenu device={device} deeds={deeds} /> },
  ];
  return (
    <div class="device-table">
      <Table label="Devices" columns={columns} rows={devices} keyOf={(device) => device.name} />
    </div>
  );
}
