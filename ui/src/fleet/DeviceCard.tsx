// A device of the fleet: how it stands, what it does, what it can and holds, and what one can do about it.

import type { DeviceRow } from "../api/types";
import { Badge } from "../parts/Badge";
import { bytes, count, percent, plural, span } from "../parts/format";
import { Menu, type MenuItem } from "../parts/Menu";
import { Meter } from "../parts/Meter";
import { Ago } from "../parts/Time";
import { hrefOfRun } from "../router";
import { alike, standing, work } from "./standing";

export interface Deeds {
  onDrain: (device: DeviceRow, undo: boolean) => void;
  onRevoke: (device: DeviceRow) => void;
  onEnrol: (name: string) => void;
}

const MOST_RUNNING = 6;
const MOST_NAMES = 8;

export function Standing({ device }: { device: DeviceRow }) {
  const state = standing(device);
  return <Badge state={alike(state)}>{state}</Badge>;
}

export function DeviceCard({ device, deeds }: { device: DeviceRow; deeds: Deeds }) {
  const machine = [device.os, device.arch, device.cpus ? plural(device.cpus, "core") : "", ...(device.gpus ?? [])];
  return (
    <li class="device">
      <header>
        <h2>{device.name}</h2>
        <Standing device={device} />
        <DeviceMenu device={device} deeds={deeds} />
      </header>
      <p class="machine">{[...machine, device.zone].filter(Boolean).join(" · ") || "It has not been here yet."}</p>
      <Health device={device} />
      <Loads device={device} />
      <Slots device={device} />
      <Names label="Skills" names={device.skills ?? []} />
      <Names label="Tools" names={device.tools ?? []} />
    </li>
  );
}

export function DeviceMenu({ device, deeds }: { device: DeviceRow; deeds: Deeds }) {
  const items: MenuItem[] = device.revoked
    ? [{ id: "enrol", label: "Enrol it again…", icon: "plus", onChoose: () => deeds.onEnrol(device.name) }]
    : [
        device.draining
          ? { id: "undrain", label: "Let it work again", icon: "play", onChoose: () => deeds.onDrain(device, true) }
          : { id: "drain", label: "Drain: finish, take nothing new", icon: "pause", onChoose: () => deeds.onDrain(device, false) },
        { id: "revoke", label: "Revoke…", icon: "close", danger: true, onChoose: () => deeds.onRevoke(device) },
      ];
  return <Menu icon="more" label={`What to do with ${device.name}`} items={items} />;
}

function Health({ device }: { device: DeviceRow }) {
  return (
    <dl class="facts">
      <div>
        <dt>Heard</dt>
        <dd>
          <Ago at={device.heard_at} />
        </dd>
      </div>
      <div>
        <dt>Latency</dt>
        <dd>{span(device.latency_s)}</dd>
      </div>
      <div title="From how its attempts ended">
        <dt>Trust</dt>
        <dd>{percent(device.trust)}</dd>
      </div>
      <div>
        <dt>Done</dt>
        <dd>
          {count(device.done ?? 0)}
          {device.failed ? <span class="failures">, {count(device.failed)} failed</span> : ""}
        </dd>
      </div>
      <div title="Results and files that it keeps">
        <dt>Holds</dt>
        <dd>{bytes(device.held_bytes ?? 0)}</dd>
      </div>
    </dl>
  );
}

function Loads({ device }: { device: DeviceRow }) {
  const { cpu = 0, memory_bytes: memory = 0, memory_free_bytes: free = 0 } = device;
  if (!memory) return null;
  const used = (memory - free) / memory;
  return (
    <div class="loads">
      <span>CPU</span>
      <Meter share={cpu} label={`CPU of ${device.name}`} colour={heat(cpu)} />
      <span>{percent(cpu)}</span>
      <span>Memory</span>
      <Meter share={used} label={`Memory of ${device.name}`} colour={heat(used)} />
      <span>{`${bytes(memory - free)} of ${bytes(memory)}`}</span>
    </div>
  );
}

function heat(share: number): string {
  return share > 0.9 ? "--failed" : share > 0.7 ? "--asking" : "--running";
}

function Slots({ device }: { device: DeviceRow }) {
  const running = device.running ?? [];
  const slots = device.slots ?? 0;
  if (slots === 0 && running.length === 0) return null;
  return (
    <div class="slots">
      <h3>{`Slots: ${running.length} of ${slots} taken`}</h3>
      <ul>
        {running.slice(0, MOST_RUNNING).map((name) => {
          const { run, task } = work(name);
          return (
            <li key={name}>
              <a href={hrefOfRun(run, "", { task })}>{task || run}</a> <span class="of-run">{run}</span>
            </li>
          );
        })}
        {running.length > MOST_RUNNING && <li>{`and ${running.length - MOST_RUNNING} more`}</li>}
      </ul>
    </div>
  );
}

function Names({ label, names }: { label: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  const list = (
    <ul>
      {names.map((name) => (
        <li key={name}>{name}</li>
      ))}
    </ul>
  );
  if (names.length <= MOST_NAMES) {
    return (
      <div class="names">
        <h3>{label}</h3>
        {list}
      </div>
    );
  }
  return (
    <details class="names">
      <summary>{`${label}: ${names.length}`}</summary>
      {list}
    </details>
  );
}
