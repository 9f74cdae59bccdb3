import { expect, it } from "vitest";
import { fitting, type Command } from "./commands";

const command = (label: string): Command => ({ id: label, label, run: () => undefined });

it("finds what has every word that was typed, in any order", () => {
  const all = [command("Go to Runs"), command("Go to Fleet"), command("Theme: dark")];
  expect(fitting(all, "runs GO").map(({ label }) => label)).toEqual(["Go to Runs"]);
  expect(fitting(all, "").length).toBe(3);
  expect(fitting(all, "nothing of it")).toEqual([]);
});
