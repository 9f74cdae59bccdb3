// Short words about what was just done, in a corner; read aloud as they come.

import { signal } from "@preact/signals";
import { IconButton } from "./Button";
import { classes } from "./classes";
import "./toast.css";

type Kind = "done" | "wrong";

interface Note {
  id: number;
  text: string;
  kind: Kind;
}

const SHOWN_MS: Record<Kind, number> = { done: 5000, wrong: 12000 };
const MOST = 4;

const notes = signal<Note[]>([]);
let last = 0;

/** Say something for a few seconds. */
export function toast(text: string, kind: Kind = "done"): void {
  const id = ++last;
  notes.value = [...notes.value, { id, text, kind }].slice(-MOST);
  setTimeout(() => drop(id), SHOWN_MS[kind]);
}

/** Say that something went wrong: an error, or its text. */
export function toastError(error: unknown): void {
  toast(error instanceof Error ? error.message : String(error), "wrong");
}

function drop(id: number): void {
  notes.value = notes.value.filter((note) => note.id !== id);
}

/** Where they are shown; once, in the shell. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {notes.value.map((note) => (
        <div key={note.id} class={classes("toast", note.kind)}>
          <span>{note.text}</span>
          <IconButton icon="close" label="Dismiss" small onClick={() => drop(note.id)} />
        </div>
      ))}
    </div>
  );
}
