// How devices stand: words of the hub as looks of the page, and what is noteworthy of one.

import type { DeviceRow } from "../api/types";

/** The state of a task or a run that a device's state looks like. */
const ALIKE: Readonly<Record<string, string>> = {
  online: "succeeded",
  shaky: "retrying",
  draining: "paused",
  away: "interrupted",
  gone: "failed",
  offline: "waiting",
  revoked: "cancelled",
};
const ORDER = ["online", "shaky", "draining", "away", "gone", "offline", "revoked"];

/** What a device is said to be: that it is to drain counts as soon as it was said. */
export function standing(device: DeviceRow): string {
  if (device.revoked) return "revoked";
  return device.draining && (device.state === "online" || device.state === "shaky") ? "draining" : device.state;
}

export const alike = (state: string): string => ALIKE[state] ?? "waiting";

export const isHere = (device: DeviceRow): boolean => ["online", "shaky", "draining"].includes(standing(device));

/** Devices that are here first, then by name. */
export function inOrder(devices: readonly DeviceRow[]): DeviceRow[] {
  const place = (device: DeviceRow) => ORDER.indexOf(standing(device)) + (isHere(device) ? -10 : 0);
  return [...devices].sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** What a device works on, from the hub's `run/task`; a task may have slashes in it, a run has none. */
export function work(name: string): { run: string; task: string } {
  const at = name.indexOf("/");
  return at < 0 ? { run: name, task: "" } : { run: name.slice(0, at), task: name.slice(at + 1) };
}
