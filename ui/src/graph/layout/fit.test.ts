import { expect, it } from "vitest";
import { fit } from "./fit";

const fitted = (wanted: number[], columns = 1, weight = wanted.map(() => 1)) => {
  const row = new Float64Array(wanted.length);
  fit(wanted.map((_, at) => at), columns, Float64Array.from(wanted), Float64Array.from(weight), row);
  return [...row];
};

it("leaves what has room where it is wanted", () => {
  expect(fitted([])).toEqual([]);
  expect(fitted([-3, 0, 7])).toEqual([-3, 0, 7]);
});

it("spreads what wants one place around it", () => {
  expect(fitted([5, 5, 5])).toEqual([3, 5, 7]);
  expect(fitted([0, 0, 3, 9])).toEqual([-1, 1, 3, 9]);
});

it("moves what is of little weight out of the way of the rest", () => {
  const [light, heavy] = fitted([0, 0], 1, [1, 99]);
  expect(heavy).toBeCloseTo(0.02);
  expect(light).toBeCloseTo(-1.98);
});

it("puts several nodes into a row", () => {
  expect(fitted([0, 0, 0, 0, 0], 2)).toEqual([-1.6, -1.6, 0.4, 0.4, 2.4].map((at) => expect.closeTo(at)));
});
