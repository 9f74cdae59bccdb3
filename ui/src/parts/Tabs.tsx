// Tabs: one stop for the Tab key; arrows, Home and End move between them.

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { classes } from "./classes";
import "./tabs.css";

export interface Tab {
  id: string;
  label: string;
  /** A figure behind the label. */
  count?: number | string;
}

interface Props {
  tabs: readonly Tab[];
  chosen: string;
  onChoose: (id: string) => void;
  /** What the tabs are of, for a screen reader. */
  label: string;
  /** What the chosen tab shows. */
  children?: ComponentChildren;
  /** A class of the panel. */
  panel?: string;
}

export function Tabs({ tabs, chosen, onChoose, label, children, panel }: Props) {
  const base = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const to = step(event.key, at, tabs.length);
    const tab = to === null ? undefined : tabs[to];
    if (!tab || to === null) return;
    event.preventDefault();
    onChoose(tab.id);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[to]?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${base}-${tab.id}`}
            class="tab"
            aria-selected={tab.id === chosen}
            aria-controls={`${base}-panel`}
            tabIndex={tab.id === chosen ? 0 : -1}
            onClick={() => onChoose(tab.id)}
          >
            {tab.label}
            {tab.count !== undefined && <span class="count">{tab.count}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${chosen}`} class={classes("tabpanel", panel)}>
        {children}
      </div>
    </>
  );
}

/** Where a key moves in a row of `length`, round its ends; null for a key that does not. */
export function step(key: string, at: number, length: number): number | null {
  if (length === 0) return null;
  if (key === "ArrowRight" || key === "ArrowDown") return (at + 1) % length;
  if (key === "ArrowLeft" || key === "ArrowUp") return (at - 1 + length) % length;
  if (key === "Home") return 0;
  if (key === "End") return length - 1;
  return null;
}
