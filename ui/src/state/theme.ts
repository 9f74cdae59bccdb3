// Light, dark, or as the system has it; remembered where the browser lets us.

import { computed, effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "orrery.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);

export const theme = signal<Theme>(remembered());

/** Whether dark colours are shown; what is drawn on a canvas reads the colours anew when it changes. */
export const dark = computed(() => (theme.value === "system" ? systemIsDark.value : theme.value === "dark"));

/** Show the theme from now on, and follow the system. */
export function startTheme(): void {
  system.addEventListener("change", (event) => {
    systemIsDark.value = event.matches;
  });
  effect(() => {
    const root = document.documentElement;
    if (theme.value === "system") delete root.dataset.theme;
    else root.dataset.theme = theme.value;
  });
}

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // It is not remembered, then.
  }
}

function remembered(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}
