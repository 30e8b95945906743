/** Copies of the weights of frozen models in the layout that products read. */

import { bytesPerElement, type DType } from "../dtype.js";
import { addon } from "../native/addon.js";
import type { Shape } from "../shape.js";
import { Storage } from "./storage.js";

/** A matrix as gemm takes it: [1, rows, columns], or panels of columns. */
export interface TurnedCopy {
  readonly storage: Storage;
  readonly shape: Shape;
  /** In elements. */
  readonly strides: Shape;
}

/** A frozen storage holds one tensor, as long as it is in use at all: a copy is never stale. */
const copies = new WeakMap<Storage, TurnedCopy>();

const LINE_BYTES = 64;

/** Columns of a panel of a copy; 0 where copies lie in rows. */
const panelColumns = (dtype: DType): number => (dtype === "float32" ? addon.panelColumns() : 0);

/** Rows of a product up to which no copy is worth anything. */
export const fewRows = (dtype: DType): number => (panelColumns(dtype) > 0 ? 6 : 8);

/** How a copy of so many rows and columns lies: in panels of so many columns, if the instruction set reads those
 * best, or in rows an odd number of cache lines apart. A product reads some columns down all rows again and again;
 * a power of two apart they would lie on few sets of the caches. */
function layout(dtype: DType, rows: number, columns: number): Pick<TurnedCopy, "shape" | "strides"> {
  const width = panelColumns(dtype);
  if (width > 0 && columns > width)
    return { shape: [Math.ceil(columns / width), rows, width], strides: [rows * width, width, 1] };
  const line = LINE_BYTES / bytesPerElement(dtype);
  const row = (Math.ceil(columns / line) | 1) * line;
  return { shape: [1, rows, columns], strides: [rows * row, row, 1] };
}

/** The [columns, rows] matrix that `storage` holds as [rows, columns], transposed in memory; made once. */
export function turnedCopy(storage: Storage, dtype: DType, rows: number, columns: number): TurnedCopy {
  let copy = copies.get(storage);
  if (copy === undefined) {
    const { shape, strides } = layout(dtype, columns, rows);
    const [panel, row] = strides as [number, number, number];
    const [panels, , width] = shape as [number, number, number];
    copy = { storage: Storage.of(dtype, panels * panel), shape, strides };
    const from = storage.array(dtype, 0, rows * columns);
    const to = copy.storage.array(dtype, 0, panels * panel);
    for (let i = 0; i < rows; i++) {
      const column = Math.floor(i / width) * panel + (i % width);
      for (let j = 0; j < columns; j++) to[column + j * row] = from[i * columns + j]!;
    }
    copies.set(storage, copy);
  }
  return copy;
}
