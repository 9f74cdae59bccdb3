// Places within layers.

import type { Places, Shape } from "./shape";
import { noPlaces } from "./shape";

export function place(shape: Shape, layer: Int32Array): Places {
  const { count } = shape;
  const places = { ...noPlaces(count), layer };
  const filled: number[] = [];
  for (let v = 0; v < count; v++) {
    const at = layer[v]!;
    places.row[v] = 2 * (filled[at] ??= 0);
    filled[at]!++;
  }
  return places;
}
