/** Copies of the weights of frozen models in the layout that products read. */

import { bytesPerElement, type DType } from "../dtype.js";
import type { Shape } from "../shape.js";
import { Storage } from "./storage.js";

/** A matrix whose rows lie some way apart. */
export interface TurnedCopy {
  readonly storage: Storage;
  readonly shape: Shape;
  /** In elements. */
  readonly strides: Shape;
}

/** A frozen storage holds one tensor, as long as it is in use at all: a copy is never stale. */
const copies = new WeakMap<Storage, TurnedCopy>();

const LINE_BYTES = 64;

/**
 * The [columns, rows] matrix that `storage` holds as [rows, columns], transposed in memory; made once. Its rows
 * begin an odd number of cache lines apart: a panel of columns, which a product reads down all rows again and
 * again, would lie on few sets of the caches if that were a power of two.
 */
export function turnedCopy(storage: Storage, dtype: DType, rows: number, columns: number): TurnedCopy {
  let copy = copies.get(storage);
  if (copy === undefined) {
    const line = LINE_BYTES / bytesPerElement(dtype);
    const stride = (Math.ceil(rows / line) | 1) * line;
    copy = { storage: Storage.of(dtype, columns * stride), shape: [columns, rows], strides: [stride, 1] };
    const from = storage.array(dtype, 0, rows * columns);
    const to = copy.storage.array(dtype, 0, columns * stride);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) to[j * stride + i] = from[i * columns + j]!;
    copies.set(storage, copy);
  }
  return copy;
}
