// Figures and times as people read them. Every function is pure; what is unknown is an en dash.

const NOTHING = "–";
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

/** How long: "320 ms", "4.2 s", "48 s", "3 m 05 s", "2 h 05 m", "3 d 4 h". */
export function span(seconds: Maybe): string {
  if (!known(seconds)) return NOTHING;
  if (seconds < 0) return `-${span(-seconds)}`;
  if (seconds === 0) return "0 s";
  if (seconds < 0.0005) return "< 1 ms";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return pair(Math.floor(whole / MINUTE), "m", whole % MINUTE, "s");
  const minutes = Math.round(seconds / MINUTE);
  if (minutes < DAY / MINUTE) return pair(Math.floor(minutes / 60), "h", minutes % 60, "m");
  const hours = Math.round(seconds / HOUR);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function pair(much: number, unit: string, little: number, smaller: string): string {
  return `${much} ${unit} ${String(little).padStart(2, "0")} ${smaller}`;
}

/** Money in dollars, with as many digits as a small sum needs: "$0", "$0.0042", "$1.50", "$1,234.00". */
export function money(amount: Maybe): string {
  if (!known(amount)) return NOTHING;
  if (amount === 0) return "$0";
  const size = Math.abs(amount);
  const sign = amount < 0 ? "-" : "";
  if (size < 0.0001) return `${sign}< $0.0001`;
  const digits = size < 0.1 ? 4 : size < 1 ? 3 : 2;
  return `${sign}$${size.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** A count with thousands apart: "12,345". */
export function count(number: Maybe): string {
  return known(number) ? Math.round(number).toLocaleString("en") : NOTHING;
}

/** Tokens, short: "950", "1.2 k", "3.4 M". */
export function tokens(number: Maybe): string {
  if (!known(number)) return NOTHING;
  if (number < 1000) return String(Math.round(number));
  return number < 999_500 ? `${threeDigits(number / 1000)} k` : `${threeDigits(number / 1e6)} M`;
}

/** A size: "0 B", "812 B", "1.5 KiB", "20 MiB". */
export function bytes(size: Maybe): string {
  if (!known(size)) return NOTHING;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let step = 0;
  let rest = size;
  while (rest >= 1023.5 && step < units.length - 1) {
    rest /= 1024;
    step++;
  }
  return `${step === 0 ? Math.round(rest) : threeDigits(rest)} ${units[step]}`;
}

/** A share of one in whole percent, never rounded to 0 or 100 where it is not: "< 1 %", "42 %", "> 99 %". */
export function percent(share: Maybe): string {
  if (!known(share)) return NOTHING;
  if (share > 0 && share < 0.005) return "< 1 %";
  if (share < 1 && share >= 0.995) return "> 99 %";
  return `${Math.round(share * 100)} %`;
}

/** How long before `now` a time was; both in seconds since the epoch. */
export function ago(at: Maybe, now: number): string {
  if (!known(at)) return NOTHING;
  const seconds = now - at;
  if (seconds < -5) return `in ${coarse(-seconds)}`;
  return seconds < 5 ? "just now" : `${coarse(seconds)} ago`;
}

function coarse(seconds: number): string {
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} m`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

/** The time of day, with the date in front where it is another day than `now`: "14:03:22", "24 Nov 14:03:22". */
export function clock(at: Maybe, now: number = Date.now() / 1000): string {
  if (!known(at)) return NOTHING;
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString("en-GB");
  if (date.toDateString() === new Date(now * 1000).toDateString()) return time;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}

/** The whole date and time: "24 Nov 2026, 14:03:22". */
export function exact(at: Maybe): string {
  if (!known(at)) return NOTHING;
  const date = new Date(at * 1000);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return `${day}, ${date.toLocaleTimeString("en-GB")}`;
}

/** "1 task", "3 tasks". */
export function plural(number: number, one: string, many: string = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

function threeDigits(value: number): string {
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}
