// What stands in the form of a workflow, as texts, and the inputs that it means.

import type { Fault, Field, Start } from "../../api/types";

/** What stands in the controls, by the name of the field: text, or whether a box is checked. */
export type Entries = Readonly<Record<string, string | boolean>>;

export interface Read {
  inputs: Record<string, unknown>;
  /** What is wrong, by the name of the field. */
  faults: Record<string, string>;
}

/** How a field is entered. */
export type Control = "line" | "text" | "number" | "check" | "json";

export function controlOf(field: Field): Control {
  switch (field.type) {
    case "boolean":
      return "check";
    case "integer":
    case "number":
      return "number";
    case "string":
      return typeof field.default === "string" && field.default.includes("\n") ? "text" : "line";
    default:
      return "json";
  }
}

/** What the controls show at first: the defaults. */
export function entriesOf(fields: readonly Field[]): Entries {
  return Object.fromEntries(fields.map((field) => [field.name, entryOf(field)]));
}

function entryOf(field: Field): string | boolean {
  const given = field.default;
  if (field.type === "boolean") return given === true;
  if (given === undefined || given === null) return "";
  if (field.type === "string" && typeof given === "string") return given;
  return JSON.stringify(given, null, typeof given === "object" ? 2 : 0);
}

/**
 * The inputs that the entries mean. What was left as it was, or empty where that is no text, is left out, so that the
 * workflow's own default counts.
 */
export function read(fields: readonly Field[], entries: Entries): Read {
  const found: Read = { inputs: {}, faults: {} };
  for (const field of fields) {
    const entry = entries[field.name] ?? "";
    if (!field.required && (entry === entryOf(field) || isLeftOut(field, entry))) continue;
    try {
      found.inputs[field.name] = valueOf(field, entry);
    } catch (error) {
      found.faults[field.name] = error instanceof Error ? error.message : String(error);
    }
  }
  return found;
}

const isLeftOut = (field: Field, entry: string | boolean): boolean =>
  field.type !== "string" && typeof entry === "string" && entry.trim() === "";

function valueOf(field: Field, entry: string | boolean): unknown {
  if (typeof entry === "boolean") return entry;
  if (field.required && entry.trim() === "") throw new Error("This is needed.");
  if (field.type === "string") return entry;
  const text = entry.trim();
  switch (field.type) {
    case "integer":
      return integer(text);
    case "number":
      return number(text);
    case "array": {
      const value = json(text);
      if (!Array.isArray(value)) throw new Error('A list is wanted, such as ["a", "b"].');
      return value;
    }
    case "object": {
      const value = json(text);
      if (typeof value !== "object" || value === null || Array.isArray(value))
        throw new Error('An object is wanted, such as {"name": "value"}.');
      return value;
    }
    default:
      return anything(text);
  }
}

function integer(text: string): number {
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text)) throw new Error("A whole number is wanted, such as 3.");
  if (!Number.isSafeInteger(value)) throw new Error("This number is too large to be sent exactly.");
  return value;
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || !/^[+-]?[\d.]/.test(text) || /^[+-]?0[xob]/i.test(text))
    throw new Error("A number is wanted, such as 0.5.");
  return value;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`This is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** JSON where it is JSON, else the text itself; what begins like JSON must be it. */
function anything(text: string): unknown {
  if (/^[[{"]/.test(text)) return json(text);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What can be set beside the inputs, as texts. */
export interface Options {
  name: string;
  optimise: boolean;
  money: string;
  tokens: string;
  wall: string;
}

export const NO_OPTIONS: Options = { name: "", optimise: false, money: "", tokens: "", wall: "" };

/** The key of what is wrong with an option; it has a space in it, so that no input has the same. */
export const faultKey = (option: keyof Options): string => `run ${option}`;

/** Budgets and the rest as they are sent, and what is wrong, by `faultKey`. */
export function readOptions(options: Options): { said: Partial<Start>; faults: Record<string, string> } {
  const said: Partial<Start> = {};
  const faults: Record<string, string> = {};
  const take = <Key extends "budget_money" | "budget_tokens" | "budget_wall_s">(
    key: Key,
    option: keyof Options,
    parse: (text: string) => number,
  ) => {
    const text = String(options[option]).trim();
    if (!text) return;
    try {
      const value = parse(text);
      if (value <= 0) throw new Error("A limit is larger than nothing.");
      said[key] = value;
    } catch (error) {
      faults[faultKey(option)] = error instanceof Error ? error.message : String(error);
    }
  };
  take("budget_money", "money", (text) => number(text.replace(/^\$/, "")));
  take("budget_tokens", "tokens", integer);
  take("budget_wall_s", "wall", seconds);
  if (options.optimise) said.optimise = true;
  return { said, faults };
}

const UNITS: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86400 };

/** A time span as it is typed: "90", "90 s", "10m", "1.5 h". */
export function seconds(text: string): number {
  const found = /^(\d+(?:\.\d+)?|\.\d+)\s*(s|m|min|h|d)?$/.exec(text);
  if (!found) throw new Error("A time is wanted, such as 90 s, 10 m or 2 h.");
  return Number(found[1]) * (UNITS[found[2] ?? "s"] ?? 1);
}

/**
 * A name for a run of a target: what it is of, when, and some letters by chance. The page makes it, so that a request
 * that is sent twice begins one run.
 */
export function nameFor(target: string, at: Date, chance: () => number): string {
  const isWords = /\s/.test(target.trim());
  const stem = (isWords ? target : (target.split(/[/\\]/).pop() ?? "")).replace(/\.(ya?ml|json|py|toml)$/i, "");
  const words = stem.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${two(at.getMonth() + 1)}${two(at.getDate())}`;
  const time = `${two(at.getHours())}${two(at.getMinutes())}`;
  const letters = Array.from({ length: 4 }, () => "abcdefghjkmnpqrstuvwxyz23456789"[Math.floor(chance() * 31)]).join("");
  return `${words.join("-").slice(0, 32).replace(/-$/, "") || "run"}-${day}-${time}-${letters}`;
}

/** What a refusal says of single fields, by their name, and the rest in sentences. */
export function faultsOf(problems: readonly Fault[], fields: readonly Field[]): { faults: Record<string, string>; rest: string[] } {
  const faults: Record<string, string> = {};
  const rest: string[] = [];
  for (const { place, message } of problems) {
    const words = place.split(/[.[\]/ ]+/);
    const field = fields.find(({ name }) => words.includes(name));
    if (field) faults[field.name] = [faults[field.name], message].filter(Boolean).join(" ");
    else rest.push(place ? `${place}: ${message}` : message);
  }
  return { faults, rest };
}
