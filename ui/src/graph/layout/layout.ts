// A layout: layers from left to right, and a place in its layer for every node. What has a place keeps it unless its layer
// changed or somebody stands there.

import { layersOf } from "./layers";
import { place } from "./place";
import type { Places, Shape } from "./shape";

export function layout(shape: Shape): Places {
  return place(shape, layersOf(shape.count, shape.edges, shape.owner));
}
