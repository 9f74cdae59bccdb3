// The icons of the page: 16 px, drawn in the colour of the text beside them.

const PATHS = {
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zm3.6-1.4L14 14",
  close: "M3.5 3.5l9 9m0-9l-9 9",
  menu: "M2 4h12M2 8h12M2 12h12",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  check: "M3 8.5l3.2 3.2L13 4.5",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4L6 8l4 4",
  up: "M4 10l4-4 4 4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  play: "M4.5 2.5l8 5.5-8 5.5z",
  pause: "M5 3v10M11 3v10",
  stop: "M3.5 3.5h9v9h-9z",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 1.8v3h-3",
  edit: "M3 13l.6-2.8 7.5-7.5 2.2 2.2-7.5 7.5L3 13z",
  save: "M8 2v8m-3.2-3L8 10.2 11.2 7M3 13h10",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  link: "M9 3h4v4M13 3L7.5 8.5M11 9.5V13H3V5h3.5",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z",
  screen: "M2 3h12v8H2zM6 13.5h4",
  keys: "M1.5 4h13v8h-13zM4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 9.7h6",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  compare: "M5.5 2.5h-3v11h3M10.5 2.5h3v11h-3M8 1v14",
  filter: "M2 3.5h12M4.5 8h7M7 12.5h2",
  warning: "M8 2l6.5 11.5h-13zM8 6.5v3M8 11.6v.1",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
