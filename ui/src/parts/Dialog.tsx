// Dialogs: a native <dialog> shown modally, so that the browser keeps the focus in it and closes it with Escape.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { IconButton } from "./Button";
import { classes } from "./classes";
import "./dialog.css";

interface Props {
  title: string;
  /** Called when it is to go: Escape, the cross, or a press beside it. */
  onClose: () => void;
  /** The buttons at its foot. */
  actions?: ComponentChildren;
  wide?: boolean;
  /** Its content is only read, so that keys scroll it. */
  read?: boolean;
  /** Leave out the title's line; the title is still read aloud. */
  plain?: boolean;
  children?: ComponentChildren;
}

export function Dialog({ title, onClose, actions, wide, read, plain, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const name = useId();
  const isGone = useRef(false);
  const held = useRef<Element | null>(null);
  useEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    shown?.showModal();
    shown?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      isGone.current = true;
      shown?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={classes("dialog", wide && "wide", plain && "plain")}
      aria-labelledby={plain ? undefined : name}
      aria-label={plain ? title : undefined}
      onCancel={(event) => {
        event.preventDefault();
        held.current = document.activeElement;
        onClose();
      }}
      onClose={() => {
        // Pressed again and again, Escape closes it whatever `onClose` made of that: it is for who opened it to take it away.
        if (isGone.current) return;
        dialog.current?.showModal();
        if (held.current instanceof HTMLElement) held.current.focus();
      }}
      onPointerDown={(event) => event.target === dialog.current && onClose()}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div class="sheet">
        {!plain && (
          <header>
            <h2 id={name}>{title}</h2>
            <IconButton icon="close" label="Close" small onClick={onClose} />
          </header>
        )}
        <div class="content" tabIndex={read ? 0 : undefined}>
          {children}
        </div>
        {actions && <footer>{actions}</footer>}
      </div>
    </dialog>
  );
}
