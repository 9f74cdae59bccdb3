import { expect, test } from "vitest";
import { between, fitted, panned, revealing, seen, toPicture, toScreen, zoomed } from "./camera";

const SIZE = { width: 800, height: 600 };
const BOUNDS = { left: -100, top: 0, right: 3900, bottom: 500 };

test("the whole is in view, in the middle, and no larger than it is", () => {
  const camera = fitted(BOUNDS, SIZE);
  const view = seen(camera, SIZE);
  expect(view.left).toBeLessThanOrEqual(BOUNDS.left);
  expect(view.right).toBeGreaterThanOrEqual(BOUNDS.right);
  expect((view.left + view.right) / 2).toBeCloseTo(1900);
  expect((view.top + view.bottom) / 2).toBeCloseTo(250);
  expect(fitted({ left: 0, top: 0, right: 10, bottom: 10 }, SIZE).scale).toBe(1);
  const map = { width: 168, height: 108 };
  expect(seen(fitted({ ...BOUNDS, right: 200_000 }, map, 0), map).right).toBeGreaterThan(200_000);
});

test("a place of the screen and of the picture lead to each other", () => {
  const camera = { x: 13, y: -7, scale: 0.4 };
  expect(toScreen(camera, toPicture(camera, { x: 300, y: 200 }))).toEqual({ x: 300, y: 200 });
});

test("what is under the hand stays there as it grows", () => {
  const camera = fitted(BOUNDS, SIZE);
  const about = { x: 250, y: 310 };
  const before = toPicture(camera, about);
  const after = toPicture(zoomed(camera, 3, about), about);
  expect(after.x).toBeCloseTo(before.x);
  expect(after.y).toBeCloseTo(before.y);
  expect(zoomed(camera, 1e9, about).scale).toBeLessThan(10);
  expect(zoomed(camera, 0, about).scale).toBeGreaterThan(0);
});

test("however far one drags, some of the picture stays in view", () => {
  for (const [dx, dy] of [
    [1e6, 0],
    [-1e6, 0],
    [0, 1e6],
    [0, -1e6],
  ] as const) {
    const view = seen(panned(fitted(BOUNDS, SIZE), dx, dy, BOUNDS, SIZE), SIZE);
    expect(view.left < BOUNDS.right && view.right > BOUNDS.left && view.top < BOUNDS.bottom && view.bottom > BOUNDS.top).toBe(true);
  }
});

test("a place that is in view and can be read stays where it is; another one comes to the middle", () => {
  const camera = { x: 0, y: 0, scale: 1 };
  expect(revealing(camera, { x: 400, y: 300 }, SIZE, 0.6)).toBe(camera);
  const to = revealing(camera, { x: 2000, y: 300 }, SIZE, 0.6);
  expect(toScreen(to, { x: 2000, y: 300 })).toEqual({ x: 400, y: 300 });
  expect(revealing({ x: 0, y: 0, scale: 0.1 }, { x: 4000, y: 3000 }, SIZE, 0.6).scale).toBe(0.6);
});

test("a glide begins at one camera and ends at the other", () => {
  const [from, to] = [fitted(BOUNDS, SIZE), { x: 5, y: 6, scale: 2 }];
  expect(between(from, to, 0)).toEqual(from);
  expect(between(from, to, 1)).toEqual(to);
});
