import { expect, it } from "vitest";
import { hrefOf, hrefOfRun, parse } from "./router";

it("knows every page, and the runs where nothing is named", () => {
  expect(["", "#", "#/", "#/runs"].map((hash) => parse(hash).page)).toEqual(["runs", "runs", "runs", "runs"]);
  expect(["#/start", "#/compare", "#/explain", "#/fleet"].map((hash) => parse(hash).page)).toEqual([
    "start",
    "compare",
    "explain",
    "fleet",
  ]);
});

it("reads back what it wrote, whatever a run or a task is called", () => {
  for (const name of ["nightly", "a/b c", "50% of &all=?#", "ünïcode ✓", "..", "%2F"]) {
    expect(parse(hrefOfRun(name, "timeline", { task: name, at: 12 }))).toEqual({
      page: "run",
      run: name,
      tab: "timeline",
      query: { task: name, at: "12" },
    });
    expect(parse(hrefOf("compare", { a: name, b: "x" })).query).toEqual({ a: name, b: "x" });
  }
});

it("leaves out of an address what is empty", () => {
  expect(hrefOf("runs", { state: "", q: null, skip: undefined, most: 0 })).toBe("#/runs?most=0");
  expect(hrefOfRun("x")).toBe("#/run/x");
});

it("says of an address that it leads nowhere", () => {
  for (const hash of ["#/nothing", "#/run", "#/run/a/b/c", "#/runs/x", "#main"]) expect(parse(hash).page).toBe("nowhere");
});

it("bears an address that is not encoded rightly", () => {
  expect(parse("#/run/50%")).toMatchObject({ page: "run", run: "50%" });
});
