// Where columns and rows of a layout lie in the picture, in its pixels.

import type { Places } from "./shape";

export const NODE_WIDTH = 184;
export const NODE_HEIGHT = 40;
/** Between two columns of a layer, and two layers. */
export const COLUMN_GAP = 24;
const LAYER_GAP = 72;
const ROW_GAP = 16;

export const COLUMN_PX = NODE_WIDTH + COLUMN_GAP;
/** Of half a row, as `Places` counts them. */
export const HALF_ROW_PX = (NODE_HEIGHT + ROW_GAP) / 2;

/** Where every layer begins and ends; the centre of the first column of the first is at 0. */
export function layerSides({ layer, column }: Places): { left: Float64Array; right: Float64Array } {
  const columns: number[] = [];
  for (let v = 0; v < layer.length; v++) columns[layer[v]!] = Math.max(columns[layer[v]!] ?? 1, column[v]! + 1);
  const left = new Float64Array(columns.length);
  const right = new Float64Array(columns.length);
  for (let at = 0; at < columns.length; at++) {
    left[at] = at === 0 ? -NODE_WIDTH / 2 : right[at - 1]! + LAYER_GAP;
    right[at] = left[at]! + (columns[at] ?? 1) * COLUMN_PX - COLUMN_GAP;
  }
  return { left, right };
}

/** How wide a picture may be for its height. */
const ASPECT = 1.8;
const FEWEST_ROWS = 12;

/** How many rows a column should have, so that a picture of layers of these sizes is not far wider, or higher, than a screen. */
export function rowsOfColumn(sizes: readonly number[]): number {
  const most = sizes.reduce((high, size) => Math.max(high, size), FEWEST_ROWS);
  const isNarrow = (rows: number) => {
    const width = sizes.reduce((sum, size) => sum + Math.ceil(size / rows) * COLUMN_PX + LAYER_GAP - COLUMN_GAP, 0);
    return width <= ASPECT * 2 * HALF_ROW_PX * rows;
  };
  let low = FEWEST_ROWS;
  let high = most;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isNarrow(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
