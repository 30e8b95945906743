/** Reductions and softmax. */

import { checkOneOf, checkOptions } from "../errors.js";
import { ArrayCall, checkSize, type FloatArray, type KernelOptions, rowsIn } from "./call.js";

export type Reduction = "sum" | "mean" | "max" | "min" | "prod" | "sumOfSquares";
const reductions: readonly Reduction[] = ["sum", "mean", "max", "min", "prod", "sumOfSquares"];

export interface ReduceKernelOptions extends KernelOptions {
  /** x is [outer, length, inner] and `length` is what disappears. Default: all of x. */
  readonly outer?: number;
  readonly length?: number;
  readonly inner?: number;
}

function sizes(x: ArrayLike<number>, options: ReduceKernelOptions, name: string): [number, number, number] {
  checkOptions(options, ["outer", "length", "inner", "isa"], name);
  const { outer = 1, inner = 1 } = options;
  checkSize(outer, "outer");
  checkSize(inner, "inner");
  const around = outer * inner;
  const length = options.length ?? (around === 0 ? 0 : Math.floor(x.length / around));
  return [outer, checkSize(length, "length"), inner];
}

/** out[o, i] = the sum (or another reduction) of x[o, 0 .. length − 1, i]. NaN wins in max and min. */
export function reduce(
  kind: Reduction,
  x: FloatArray,
  out: FloatArray,
  options: ReduceKernelOptions = {},
): void {
  checkOneOf(kind, reductions, "kind");
  const [o, r, i] = sizes(x, options, "reduce");
  const call = new ArrayCall(options.isa);
  call.emit.reduce(
    { x: call.float("x", x, [o, r, i]) },
    { y: call.float("out", out, [o, i]) },
    { kind: reductions.indexOf(kind) },
  );
  call.run();
}

/** out[o, i] = where x[o, ., i] is largest (smallest); the first of equal ones. */
export function argReduce(
  kind: "max" | "min",
  x: FloatArray,
  out: Int32Array,
  options: ReduceKernelOptions = {},
): void {
  checkOneOf(kind, ["max", "min"] as const, "kind");
  const [o, r, i] = sizes(x, options, "argReduce");
  const call = new ArrayCall(options.isa);
  call.emit.argReduce(
    { x: call.float("x", x, [o, r, i]) },
    { y: call.int32("out", out, [o, i]) },
    { kind: kind === "max" ? 0 : 1 },
  );
  call.run();
}

export interface SoftmaxOptions extends KernelOptions {
  readonly columns: number;
  /** Default: as many as x holds. */
  readonly rows?: number;
  /** Logarithm of the softmax instead. Default false. */
  readonly log?: boolean;
}

const softmaxOptions = ["columns", "rows", "log", "isa"];

/** out = softmax of each row of x; `out` may be x. */
export function softmax(x: FloatArray, out: FloatArray, options: SoftmaxOptions): void {
  checkOptions(options, softmaxOptions, "softmax");
  const columns = checkSize(options.columns, "columns");
  const shape = [rowsIn(x, columns, options.rows, "x"), columns];
  const call = new ArrayCall(options.isa);
  call.emit.softmaxForward(
    { x: call.float("x", x, shape) },
    { y: call.float("out", out, shape) },
    { log: options.log === true ? 1 : 0 },
  );
  call.run();
}

/** dx from the result y of `softmax` and dy; `dx` may be dy. */
export function softmaxBackward(
  y: FloatArray,
  dy: FloatArray,
  dx: FloatArray,
  options: SoftmaxOptions,
): void {
  checkOptions(options, softmaxOptions, "softmaxBackward");
  const columns = checkSize(options.columns, "columns");
  const shape = [rowsIn(y, columns, options.rows, "y"), columns];
  const call = new ArrayCall(options.isa);
  call.emit.softmaxBackward(
    { y: call.float("y", y, shape), dy: call.float("dy", dy, shape) },
    { dx: call.float("dx", dx, shape) },
    { log: options.log === true ? 1 : 0 },
  );
  call.run();
}
