// A layout: layers from left to right, and a place in its layer for every node. What has a place keeps it unless its layer
// changed or somebody stands there.

import { arcsOf } from "./arcs";
import { impliedOf } from "./implied";
import { layersOf } from "./layers";
import { place } from "./place";
import type { Layout, Shape } from "./shape";

export function layout(shape: Shape): Layout {
  const { count, edges, owner } = shape;
  const arcs = arcsOf(count, edges, owner);
  const implied = impliedOf(arcs, edges);
  // An edge that is not shown would only pull nodes out of line.
  const shown = { ...shape, edges: edges.filter((_, i) => !implied[i >> 1]) };
  return { ...place(shown, layersOf(arcs)), implied };
}
