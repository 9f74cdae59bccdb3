// What the command palette offers: whoever is shown adds what can be done there.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { IconName } from "../parts/Icon";

export interface Command {
  id: string;
  label: string;
  icon?: IconName;
  /** The keys that do the same. */
  press?: string;
  run: () => void;
}

/** The commands that are offered now; those that came last, which belong to what is shown, stand first. */
export const commands = signal<readonly Command[]>([]);

/** Offer commands as long as the component is shown. */
export function useCommands(offered: readonly Command[]): void {
  const latest = useRef(offered);
  latest.current = offered;
  const all = offered.map((command) => `${command.id} ${command.label}`).join("\n");
  useEffect(() => {
    const mine = latest.current.map((command) => ({
      ...command,
      run: () => latest.current.find((now) => now.id === command.id)?.run(),
    }));
    commands.value = [...mine, ...commands.peek()];
    return () => {
      commands.value = commands.peek().filter((command) => !mine.includes(command));
    };
  }, [all]);
}

/** Those that fit what was typed: every word of it occurs. */
export function fitting(all: readonly Command[], typed: string): Command[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((command) => words.every((word) => command.label.toLowerCase().includes(word)));
}
