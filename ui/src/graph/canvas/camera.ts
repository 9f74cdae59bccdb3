// Which part of the picture is seen, and how large: pixels of the screen are pixels of the picture times `scale`, plus x and y.

import type { GraphBounds } from "../model";

export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const LARGEST = 2.5;
const SMALLEST = 0.01;
const MARGIN_PX = 24;

/** The part of the picture that is seen. */
export function seen({ x, y, scale }: Camera, { width, height }: Size): GraphBounds {
  return { left: -x / scale, top: -y / scale, right: (width - x) / scale, bottom: (height - y) / scale };
}

export const toScreen = ({ x, y, scale }: Camera, at: { x: number; y: number }) => ({ x: at.x * scale + x, y: at.y * scale + y });

export const toPicture = ({ x, y, scale }: Camera, at: { x: number; y: number }) => ({ x: (at.x - x) / scale, y: (at.y - y) / scale });

/** The whole picture in the middle, no larger than it is drawn, and no smaller than what is of use. */
export function fitted({ left, top, right, bottom }: GraphBounds, { width, height }: Size, least = SMALLEST): Camera {
  const [wide, high] = [Math.max(1, right - left), Math.max(1, bottom - top)];
  const room = (side: number) => Math.max(1, side - 2 * MARGIN_PX);
  const scale = Math.max(least, Math.min(1, room(width) / wide, room(height) / high));
  return { scale, x: width / 2 - ((left + right) / 2) * scale, y: height / 2 - ((top + bottom) / 2) * scale };
}

/** Larger or smaller, with a point of the screen staying where it is. */
export function zoomed(camera: Camera, factor: number, about: { x: number; y: number }): Camera {
  const scale = Math.min(LARGEST, Math.max(SMALLEST, camera.scale * factor));
  const by = scale / camera.scale;
  return { scale, x: about.x - (about.x - camera.x) * by, y: about.y - (about.y - camera.y) * by };
}

/** Moved over the screen; some of the picture stays in view. */
export function panned(camera: Camera, dx: number, dy: number, bounds: GraphBounds, { width, height }: Size): Camera {
  const keep = (at: number, low: number, high: number, side: number) => {
    const least = side / 4;
    return Math.min(side - least - low * camera.scale, Math.max(least - high * camera.scale, at));
  };
  return {
    scale: camera.scale,
    x: keep(camera.x + dx, bounds.left, bounds.right, width),
    y: keep(camera.y + dy, bounds.top, bounds.bottom, height),
  };
}

/** Moved so that a place is in view, in the middle if it was not; large enough to be read. */
export function revealing(camera: Camera, at: { x: number; y: number }, { width, height }: Size, readable: number): Camera {
  const now = toScreen(camera, at);
  const edge = 120;
  const isIn = now.x > edge && now.x < width - edge && now.y > edge / 2 && now.y < height - edge / 2;
  if (isIn && camera.scale >= readable) return camera;
  const scale = Math.max(camera.scale, readable);
  return { scale, x: width / 2 - at.x * scale, y: height / 2 - at.y * scale };
}

/** Between two cameras; `share` is 0 at the first and 1 at the second. */
export function between(from: Camera, to: Camera, share: number): Camera {
  const eased = 1 - (1 - share) ** 3;
  const mixed = (a: number, b: number) => a + (b - a) * eased;
  return { x: mixed(from.x, to.x), y: mixed(from.y, to.y), scale: mixed(from.scale, to.scale) };
}
