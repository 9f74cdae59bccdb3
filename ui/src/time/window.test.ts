import { expect, it } from "vitest";
import { kept, marks, moved, whole, zoomed } from "./window";

it("zooms about a place, which stays where it is", () => {
  expect(zoomed({ from: 0, to: 100 }, 2, 0.25)).toEqual({ from: 12.5, to: 62.5 });
  expect(zoomed(zoomed({ from: 0, to: 100 }, 2, 0.25), 0.5, 0.25)).toEqual({ from: 0, to: 100 });
  expect(moved({ from: 0, to: 100 }, -0.1)).toEqual({ from: -10, to: 90 });
});

it("never loses the run out of view", () => {
  expect(kept({ from: 500, to: 520 }, 100)).toEqual({ from: 90, to: 110 });
  expect(kept({ from: -1000, to: 2000 }, 100)).toEqual({ from: 25, to: 175 });
  expect(whole(0).to).toBeGreaterThan(0);
});

it.each([
  [{ from: 0, to: 10 }, ["0 s", "1.0 s", "2.0 s", "3.0 s", "4.0 s", "5.0 s", "6.0 s", "7.0 s", "8.0 s", "9.0 s", "10 s"]],
  [{ from: 12.1, to: 13 }, ["12.1 s", "12.2 s", "12.3 s", "12.4 s", "12.5 s", "12.6 s", "12.7 s", "12.8 s", "12.9 s", "13.0 s"]],
  [{ from: -5, to: 200 }, ["0 s", "30 s", "1 m 00 s", "1 m 30 s", "2 m 00 s", "2 m 30 s", "3 m 00 s"]],
  [{ from: 0, to: 0.02 }, ["0 s", "2 ms", "4 ms", "6 ms", "8 ms", "10 ms", "12 ms", "14 ms", "16 ms", "18 ms", "20 ms"]],
])("marks %o", (window, labels) => expect(marks(window, 0.1).map(({ label }) => label)).toEqual(labels));
