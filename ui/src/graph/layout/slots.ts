// The places of one layer, and which of them are taken.

/** Rows of a column. Keys of places stay below 2 ** 30, up to which numbers are quick, in 2,000 columns. */
const COLUMN_KEYS = 2 ** 19;

export class Slots {
  /** Columns in which something is. */
  columns = 0;
  /** The lowest row that is taken. */
  bottom = -Infinity;
  private readonly taken = new Set<number>();
  /** Of a row that was asked for: how far from it all was taken. Nothing is ever freed, so that a search goes on there. */
  private readonly searched = new Map<number, number>();

  get isEmpty(): boolean {
    return this.taken.size === 0;
  }

  /** Take a place, if it is free. */
  claim(row: number, column: number): boolean {
    if (!this.isFree(row, column)) return false;
    this.taken.add(column * COLUMN_KEYS + row);
    this.columns = Math.max(this.columns, column + 1);
    this.bottom = Math.max(this.bottom, row);
    return true;
  }

  /** Take the free place nearest to a row; of those equally near the upper one, and the one that the column comes to next. */
  take(wanted: number, column: number, columns: number): { row: number; column: number } {
    // In several columns nodes stand side by side.
    const step = columns > 1 ? 2 : 1;
    const nearest = step * Math.round(wanted / step);
    for (let distance = this.searched.get(nearest) ?? 0; ; distance += step) {
      this.searched.set(nearest, distance);
      for (const row of distance === 0 ? [nearest] : [nearest - distance, nearest + distance]) {
        for (let i = 0; i < columns; i++) {
          const other = (column + i) % columns;
          if (this.claim(row, other)) return { row, column: other };
        }
      }
    }
  }

  private isFree(row: number, column: number): boolean {
    const key = column * COLUMN_KEYS + row;
    return !this.taken.has(key) && !this.taken.has(key - 1) && !this.taken.has(key + 1);
  }
}
