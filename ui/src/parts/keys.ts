// Keys of the page: whoever is shown says which keys do what, and `?` lists them all.

import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

export interface Key {
  /** One key as the browser names it ("j", "Enter", "?"), two after another ("g r"), or one with Ctrl or Cmd ("Mod+k"). */
  press: string;
  /** What it does, for the list. */
  does: string;
  run: (event: KeyboardEvent) => void;
  /** Works while a text is being typed, too. */
  always?: boolean;
}

export interface Group {
  name: string;
  keys: readonly Key[];
}

/** The groups that are shown now; the one that came last is asked first. */
export const groups = signal<readonly Group[]>([]);

/** Let keys work as long as the component is shown. Keys of buttons, links and inputs stay theirs. */
export function useKeys(name: string, keys: readonly Key[]): void {
  const latest = useRef(keys);
  latest.current = keys;
  const presses = keys.map((key) => `${key.press} ${key.does}`).join("\n");
  // Before anybody sees what they belong to, so that no press is lost.
  useLayoutEffect(() => {
    const group: Group = {
      name,
      keys: latest.current.map((key, at) => ({ ...key, run: (event) => latest.current[at]?.run(event) })),
    };
    groups.value = [...groups.peek(), group];
    return () => {
      groups.value = groups.peek().filter((other) => other !== group);
    };
  }, [name, presses]);
}

const SECOND_WITHIN_MS = 1200;

/** Finds the key that a press of the keyboard means, and remembers the first of two. */
export class Chords {
  private first = "";
  private at = -Infinity;

  find(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">, typing: boolean, keys: readonly Key[], at: number): Key | null {
    if (event.altKey) return null;
    const first = at - this.at < SECOND_WITHIN_MS ? this.first : "";
    const pressed = event.ctrlKey || event.metaKey ? `Mod+${event.key.toLowerCase()}` : event.key;
    const able = keys.filter((key) => key.always || !typing);
    this.first = "";
    const both = first && able.find((key) => key.press === `${first} ${pressed}`);
    if (both) return both;
    if (able.some((key) => key.press.startsWith(`${pressed} `))) {
      this.first = pressed;
      this.at = at;
    }
    return able.find((key) => key.press === pressed) ?? null;
  }
}

/** Let the keyboard reach the groups; returns what ends that. */
export function startKeys(): () => void {
  const chords = new Chords();
  const press = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || ["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
    const all = [...groups.peek()].reverse().flatMap((group) => group.keys);
    const key = chords.find(event, isTyping(event.target), all, event.timeStamp);
    if (!key) return;
    if ((key.press === "Enter" || key.press === " ") && (event.target as Element).closest("a, button, summary, input:not([type=range])")) return;
    event.preventDefault();
    key.run(event);
  };
  addEventListener("keydown", press);
  return () => removeEventListener("keydown", press);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "range"].includes(target.type);
}
