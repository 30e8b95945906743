/** Moving elements: rows by index, strided copies, filling. */

import type { TypedArray } from "../dtype.js";
import { checkBoolean, checkInteger, checkOptions, expected, ShapeError } from "../errors.js";
import { checkShape, denseStrides, formatShape, type Shape } from "../shape.js";
import { ArrayCall, checkSize, type FloatArray, type KernelOptions, rowsIn } from "./call.js";

export interface RowOptions extends KernelOptions {
  readonly columns: number;
}

/**
 * out[k] = table[index[k]], rows of `columns` elements of any type.
 *
 * @throws OutOfRangeError when an index is no row; nothing is written then.
 */
export function gatherRows(table: TypedArray, index: Int32Array, out: TypedArray, options: RowOptions): void {
  checkOptions(options, ["columns", "isa"], "gatherRows");
  const columns = checkSize(options.columns, "columns");
  const call = new ArrayCall(options.isa);
  call.emit.gatherRows(
    {
      table: call.any("table", table, [rowsIn(table, columns, undefined, "table"), columns]),
      index: call.int32("index", index, [index.length]),
    },
    { y: call.any("out", out, [index.length, columns]) },
  );
  call.run();
}

/** table[index[k]] += dy[k], in the order of k; onto zeros unless `accumulate` (default false). */
export function scatterAddRows(
  dy: FloatArray,
  index: Int32Array,
  table: FloatArray,
  options: RowOptions & { readonly accumulate?: boolean },
): void {
  checkOptions(options, ["columns", "accumulate", "isa"], "scatterAddRows");
  const columns = checkSize(options.columns, "columns");
  const accumulate = checkBoolean(options.accumulate ?? false, "accumulate");
  const call = new ArrayCall(options.isa);
  call.emit.scatterAddRows(
    { dy: call.float("dy", dy, [index.length, columns]), index: call.int32("index", index, [index.length]) },
    { table: call.float("table", table, [rowsIn(table, columns, undefined, "table"), columns]) },
    { accumulate: accumulate ? 1 : 0 },
  );
  call.run();
}

export interface CopyOptions extends KernelOptions {
  /** Default: one dimension, all of x. */
  readonly shape?: Shape;
  /** Of x, in elements; default dense. 0 repeats, and a transpose is two strides exchanged. */
  readonly strides?: Shape;
}

/** out, dense and row-major, = x as seen through `shape` and `strides`; of any one type. */
export function copy(x: TypedArray, out: TypedArray, options: CopyOptions = {}): void {
  checkOptions(options, ["shape", "strides", "isa"], "copy");
  const shape = checkShape(options.shape ?? [x.length], "shape");
  const strides = options.strides ?? denseStrides(shape);
  if (strides.length !== shape.length)
    throw new ShapeError(expected(`${shape.length} strides`, "strides", formatShape(strides)));
  for (const stride of strides) checkInteger(stride, "strides", { min: 0 });
  const call = new ArrayCall(options.isa);
  call.emit.copy({ x: call.any("x", x, shape, strides) }, { y: call.any("out", out, shape) });
  call.run();
}

/** out[i] = value. */
export function fill(out: FloatArray, value: number, options: KernelOptions = {}): void {
  checkOptions(options, ["isa"], "fill");
  const call = new ArrayCall(options.isa);
  call.emit.fill({}, { y: call.float("out", out, [out.length]) }, { value });
  call.run();
}
