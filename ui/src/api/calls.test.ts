import { expect, it } from "vitest";
import { path } from "./calls";

it("encodes names, and leaves out of the query what is empty", () => {
  expect(path(["runs", "a b/c", "tasks", "each/0?x"], { after: 0, q: "", state: null, most: 5, no: false })).toBe(
    "/runs/a%20b%2Fc/tasks/each%2F0%3Fx?after=0&most=5",
  );
  expect(path(["explain"], { target: "flows.py:main & more" })).toBe("/explain?target=flows.py%3Amain%20%26%20more");
});
