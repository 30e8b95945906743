/** Transposed copies of the weights of frozen models. */

import type { DType } from "../dtype.js";
import { Storage } from "./storage.js";

/** A frozen storage holds one tensor, as long as it is in use at all: a copy is never stale. */
const copies = new WeakMap<Storage, Storage>();

/** The [rows, columns] matrix that `storage` holds as [columns, rows]; made once. */
export function turnedCopy(storage: Storage, dtype: DType, rows: number, columns: number): Storage {
  let copy = copies.get(storage);
  if (copy === undefined) {
    copy = Storage.of(dtype, rows * columns);
    const [from, to] = [storage.array(dtype, 0, rows * columns), copy.array(dtype, 0, rows * columns)];
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) to[j * rows + i] = from[i * columns + j]!;
    copies.set(storage, copy);
  }
  return copy;
}
