import { expect, it } from "vitest";
import { Chords, type Key } from "./keys";

const key = (press: string, more: Partial<Key> = {}): Key => ({ press, does: press, run: () => undefined, ...more });
const KEYS = [key("j"), key("g r"), key("g s"), key("Mod+k", { always: true }), key("?")];
const plain = { ctrlKey: false, metaKey: false, altKey: false };

function find(chords: Chords, press: string, { typing = false, at = 0, ctrlKey = false, metaKey = false, altKey = false } = {}) {
  return chords.find({ ...plain, key: press, ctrlKey, metaKey, altKey }, typing, KEYS, at)?.press ?? null;
}

it("finds one key, two after another, and one with Ctrl or Cmd", () => {
  const chords = new Chords();
  expect(find(chords, "j")).toBe("j");
  expect(find(chords, "g")).toBe(null);
  expect(find(chords, "s", { at: 400 })).toBe("g s");
  expect(find(chords, "K", { ctrlKey: true })).toBe("Mod+k");
  expect(find(chords, "k", { metaKey: true })).toBe("Mod+k");
});

it("forgets the first of two after a while, and after another key", () => {
  const chords = new Chords();
  find(chords, "g");
  expect(find(chords, "r", { at: 5000 })).toBe(null);
  find(chords, "g", { at: 6000 });
  expect(find(chords, "j", { at: 6100 })).toBe("j");
  expect(find(chords, "r", { at: 6200 })).toBe(null);
});

it("leaves keys to whoever types, but for those that always work", () => {
  const chords = new Chords();
  expect(find(chords, "j", { typing: true })).toBe(null);
  expect(find(chords, "g", { typing: true })).toBe(null);
  expect(find(chords, "r", { at: 100 })).toBe(null);
  expect(find(chords, "k", { typing: true, ctrlKey: true })).toBe("Mod+k");
});

it("leaves keys with Alt to the browser, and Ctrl with a key is not that key", () => {
  const chords = new Chords();
  expect(find(chords, "j", { altKey: true })).toBe(null);
  expect(find(chords, "j", { ctrlKey: true })).toBe(null);
});
