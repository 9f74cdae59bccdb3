import { describe, expect, it } from "vitest";
import { inOrder, standing, work } from "./standing";

describe("standing", () => {
  it("says draining as soon as it was asked for, and revoked above all", () => {
    expect(standing({ name: "a", state: "online", draining: true })).toBe("draining");
    expect(standing({ name: "a", state: "away", draining: true })).toBe("away");
    expect(standing({ name: "a", state: "online", draining: true, revoked: true })).toBe("revoked");
  });

  it("lists what is here before what is not, by name", () => {
    const states = { pi10: "online", pi9: "online", old: "gone", mac: "shaky", tv: "offline" };
    const devices = Object.entries(states).map(([name, state]) => ({ name, state }));
    expect(inOrder(devices).map(({ name }) => name)).toEqual(["pi9", "pi10", "mac", "old", "tv"]);
  });

  it("finds the run and the task of what a device works on", () => {
    expect(work("demo-1/files/3/read")).toEqual({ run: "demo-1", task: "files/3/read" });
    expect(work("demo-1")).toEqual({ run: "demo-1", task: "" });
  });
});
