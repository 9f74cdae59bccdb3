// A button that opens a menu of things to do; arrows move in it, Escape and a press elsewhere close it.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "./Button";
import { classes } from "./classes";
import { Icon, type IconName } from "./Icon";
import { step } from "./Tabs";
import "./menu.css";

export interface MenuItem {
  id: string;
  label: string;
  icon?: IconName;
  danger?: boolean;
  disabled?: boolean;
  /** For one of a choice: whether it is the one. */
  checked?: boolean;
  onChoose: () => void;
}

interface Props {
  label: string;
  icon: IconName;
  items: readonly MenuItem[];
  /** Shown on the button beside the icon; an icon alone where it is left out. */
  children?: ComponentChildren;
}

export function Menu({ label, icon, items, children }: Props) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    place.current?.querySelector<HTMLElement>("[role^=menuitem]:not(:disabled)")?.focus();
    const elsewhere = (event: Event) => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    if (!open) return;
    event.stopPropagation();
    if (event.key === "Escape") return close();
    const all = [...(place.current?.querySelectorAll<HTMLElement>("[role^=menuitem]:not(:disabled)") ?? [])];
    const to = step(event.key, all.indexOf(document.activeElement as HTMLElement), all.length);
    if (to === null) return;
    event.preventDefault();
    all[to]?.focus();
  };
  const opener = {
    ref: button,
    "aria-haspopup": "menu" as const,
    "aria-expanded": open,
    "aria-controls": open ? id : undefined,
    onClick: () => setOpen(!open),
  };
  return (
    <div class="menu" ref={place} onKeyDown={keys}>
      {children ? (
        <Button {...opener} kind="quiet" icon={icon} aria-label={label}>
          {children}
        </Button>
      ) : (
        <IconButton {...opener} icon={icon} label={label} />
      )}
      {open && (
        <div class="items" role="menu" id={id} aria-label={label}>
          {items.map((item) => (
            <button
              key={item.id}
              type="button"
              class={classes("item", item.danger && "danger")}
              role={item.checked === undefined ? "menuitem" : "menuitemradio"}
              aria-checked={item.checked}
              tabIndex={-1}
              disabled={item.disabled}
              onClick={() => {
                close();
                item.onChoose();
              }}
            >
              {item.icon ? <Icon name={item.icon} /> : <span class="gap" />}
              <span>{item.label}</span>
              {item.checked && <Icon name="check" />}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
