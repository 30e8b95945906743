/** The tensor a user holds: a shape, a type, and a value that is computed when somebody looks. */

import {
  bytesPerElement,
  type DType,
  dtypeOfArray,
  dtypes,
  isDetached,
  isFloat,
  type TypedArray,
} from "./dtype.js";
import { ArgumentError, checkOneOf, DTypeError, expected, ShapeError, StateError } from "./errors.js";
import { evaluate, evaluateAsync } from "./graph/evaluate.js";
import { Storage } from "./graph/storage.js";
import { currentTrace } from "./graph/trace.js";
import { storedValue, type Value } from "./graph/value.js";
import * as act from "./ops/activations.js";
import * as ops from "./ops/arithmetic.js";
import { tensorOf } from "./ops/creation.js";
import { gatherRows, pick } from "./ops/indexing.js";
import { matmul } from "./ops/matmul.js";
import { argReduce, type ReduceOptions, reduce } from "./ops/reduce.js";
import { logSoftmax, logSumExp, softmax } from "./ops/softmax.js";
import * as views from "./ops/view.js";
import { checkShape, formatShape, type Shape, sizeOf } from "./shape.js";

/** A tensor, or a number standing for a scalar. */
export type TensorLike = Tensor | number;
/** Numbers nested as deep as the tensor has dimensions. */
export type NestedNumbers = number | boolean | readonly NestedNumbers[];

type Axes = number | readonly number[];

export class Tensor {
  /** @internal */
  constructor(public value: Value) {}

  get shape(): Shape {
    return this.value.shape;
  }
  get dtype(): DType {
    return this.value.dtype;
  }
  get rank(): number {
    return this.value.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return sizeOf(this.value.shape);
  }
  get requiresGrad(): boolean {
    return this.value.requiresGrad;
  }

  // ---- reading ----------------------------------------------------------------------------------

  /** A copy of the elements in row-major order, computed on the engine's own thread. */
  async data(): Promise<TypedArray> {
    this.checkReadable();
    await evaluateAsync([this.value]);
    return this.copyOut();
  }

  /** A copy of the elements in row-major order, computed now. */
  dataSync(): TypedArray {
    this.checkReadable();
    evaluate([this.value]);
    return this.copyOut();
  }

  /** The elements as nested arrays (a number for a scalar; booleans for `bool`). */
  async array(): Promise<NestedNumbers> {
    return this.nest(await this.data());
  }

  arraySync(): NestedNumbers {
    return this.nest(this.dataSync());
  }

  /** The only element, as a number. */
  item(): number {
    if (this.size !== 1)
      throw new ShapeError(expected("a tensor of one element", "item", formatShape(this.shape)));
    return this.dataSync()[0]!;
  }

  private copyOut(): TypedArray {
    const { slice, constant } = this.value;
    if (slice === null) {
      const storage = new Float64Array(this.size).fill(constant!);
      return this.dtype === "float64" ? storage : copyAs(this.dtype, storage);
    }
    return slice.storage.array(this.dtype, slice.byteOffset, this.size).slice();
  }

  private checkReadable(): void {
    if (currentTrace() !== null) {
      throw new StateError(
        expected(
          "no reading of values",
          "a function being compiled",
          "item, data or array of a tensor; return it from the function instead",
        ),
      );
    }
  }

  private nest(data: TypedArray): NestedNumbers {
    let at = 0;
    const level = (axis: number): NestedNumbers => {
      if (axis === this.rank) return this.dtype === "bool" ? data[at++] !== 0 : data[at++]!;
      return Array.from({ length: this.shape[axis]! }, () => level(axis + 1));
    };
    return level(0);
  }

  toString(): string {
    return `Tensor(${this.dtype}${formatShape(this.shape)})`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    if (currentTrace() !== null || this.size > 1000) return this.toString();
    return `${this.toString()} ${JSON.stringify(this.arraySync())}`;
  }

  // ---- gradients --------------------------------------------------------------------------------

  /** The same numbers, cut off from differentiation. */
  detach(): Tensor {
    if (!this.requiresGrad) return this;
    return new Tensor(views.detachValue(this.value));
  }

  // ---- arithmetic -------------------------------------------------------------------------------

  private other(x: TensorLike): Tensor {
    if (x instanceof Tensor) return x;
    if (typeof x !== "number") throw new ArgumentError(expected("a tensor or a number", "operand", x));
    return tensorOf(x, this.dtype);
  }

  add(x: TensorLike): Tensor {
    return ops.add(this, this.other(x));
  }
  sub(x: TensorLike): Tensor {
    return ops.sub(this, this.other(x));
  }
  mul(x: TensorLike): Tensor {
    return ops.mul(this, this.other(x));
  }
  div(x: TensorLike): Tensor {
    return ops.div(this, this.other(x));
  }
  pow(x: TensorLike): Tensor {
    return ops.pow(this, this.other(x));
  }
  minimum(x: TensorLike): Tensor {
    return ops.minimum(this, this.other(x));
  }
  maximum(x: TensorLike): Tensor {
    return ops.maximum(this, this.other(x));
  }
  /** Elements held within [low, high]. */
  clip(low: TensorLike, high: TensorLike): Tensor {
    return ops.clip(this, this.other(low), this.other(high));
  }
  equal(x: TensorLike): Tensor {
    return ops.equal(this, this.other(x));
  }
  notEqual(x: TensorLike): Tensor {
    return ops.notEqual(this, this.other(x));
  }
  less(x: TensorLike): Tensor {
    return ops.less(this, this.other(x));
  }
  lessEqual(x: TensorLike): Tensor {
    return ops.lessEqual(this, this.other(x));
  }
  greater(x: TensorLike): Tensor {
    return ops.greater(this, this.other(x));
  }
  greaterEqual(x: TensorLike): Tensor {
    return ops.greaterEqual(this, this.other(x));
  }
  logicalAnd(x: TensorLike): Tensor {
    return ops.logicalAnd(this, this.other(x));
  }
  logicalOr(x: TensorLike): Tensor {
    return ops.logicalOr(this, this.other(x));
  }
  /** This tensor is the condition: `a` where it is true, `b` elsewhere. */
  where(a: TensorLike, b: TensorLike): Tensor {
    const dtype = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : "float32";
    const branch = (x: TensorLike) => (x instanceof Tensor ? x : tensorOf(x, dtype));
    return ops.where(this, branch(a), branch(b));
  }
  neg(): Tensor {
    return ops.neg(this);
  }
  abs(): Tensor {
    return ops.abs(this);
  }
  sign(): Tensor {
    return ops.sign(this);
  }
  square(): Tensor {
    return ops.square(this);
  }
  sqrt(): Tensor {
    return ops.sqrt(this);
  }
  rsqrt(): Tensor {
    return ops.rsqrt(this);
  }
  reciprocal(): Tensor {
    return ops.reciprocal(this);
  }
  exp(): Tensor {
    return ops.exp(this);
  }
  expm1(): Tensor {
    return ops.expm1(this);
  }
  log(): Tensor {
    return ops.log(this);
  }
  log1p(): Tensor {
    return ops.log1p(this);
  }
  log2(): Tensor {
    return ops.log2(this);
  }
  sin(): Tensor {
    return ops.sin(this);
  }
  cos(): Tensor {
    return ops.cos(this);
  }
  erf(): Tensor {
    return ops.erf(this);
  }
  floor(): Tensor {
    return ops.floor(this);
  }
  ceil(): Tensor {
    return ops.ceil(this);
  }
  round(): Tensor {
    return ops.round(this);
  }
  trunc(): Tensor {
    return ops.trunc(this);
  }
  isNaN(): Tensor {
    return ops.isNaN(this);
  }
  isFinite(): Tensor {
    return ops.isFinite(this);
  }
  logicalNot(): Tensor {
    return ops.logicalNot(this);
  }
  cast(dtype: DType): Tensor {
    checkOneOf(dtype, dtypes, "dtype");
    if (isFloat(dtype) && isFloat(this.dtype) && dtype !== this.dtype) return this.recast(dtype);
    return ops.cast(this, dtype);
  }

  /** A program computes in one float type, so going from one to the other reads the values and cannot be differentiated. */
  private recast(dtype: DType): Tensor {
    if (this.requiresGrad)
      throw new StateError(
        expected("a tensor that is not differentiated (detach it)", `cast to ${dtype}`, `${this}`),
      );
    if (currentTrace() !== null)
      throw new StateError(
        expected("one float type in a compiled function", "cast", `${this.dtype} to ${dtype}`),
      );
    return tensor(copyAs(dtype, this.dataSync()), { shape: this.shape });
  }

  // ---- activations ------------------------------------------------------------------------------

  sigmoid(): Tensor {
    return act.sigmoid(this);
  }
  tanh(): Tensor {
    return act.tanh(this);
  }
  relu(): Tensor {
    return act.relu(this);
  }
  gelu(): Tensor {
    return act.gelu(this);
  }
  silu(): Tensor {
    return act.silu(this);
  }
  softplus(): Tensor {
    return act.softplus(this);
  }
  softmax(axis = -1): Tensor {
    return softmax(this, axis);
  }
  logSoftmax(axis = -1): Tensor {
    return logSoftmax(this, axis);
  }
  logSumExp(axis = -1): Tensor {
    return logSumExp(this, axis);
  }

  // ---- reductions -------------------------------------------------------------------------------

  sum(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce(this, "sum", axes, options);
  }
  mean(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce(this, "mean", axes, options);
  }
  max(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce(this, "max", axes, options);
  }
  min(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce(this, "min", axes, options);
  }
  prod(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce(this, "prod", axes, options);
  }
  sumOfSquares(axes?: Axes, options?: ReduceOptions): Tensor {
    return reduce(this, "sumOfSquares", axes, options);
  }
  /** √Σx². */
  norm(axes?: Axes, options?: ReduceOptions): Tensor {
    return this.sumOfSquares(axes, options).sqrt();
  }
  /** Mean of (x − mean)², divided by n − correction instead of n. Default correction 1, as PyTorch. */
  variance(axes?: Axes, options: ReduceOptions & { correction?: number } = {}): Tensor {
    const { correction = 1, keepDims = false } = options;
    const mean = this.mean(axes, { keepDims: true });
    const count = this.size / Math.max(mean.size, 1);
    return ops
      .squaredDifference(this, mean)
      .sum(axes, { keepDims })
      .div(Math.max(count - correction, 0));
  }
  std(axes?: Axes, options: ReduceOptions & { correction?: number } = {}): Tensor {
    return this.variance(axes, options).sqrt();
  }
  argmax(axis = -1): Tensor {
    return argReduce(this, "max", axis);
  }
  argmin(axis = -1): Tensor {
    return argReduce(this, "min", axis);
  }

  // ---- matrices, shapes, indices ----------------------------------------------------------------

  matmul(x: Tensor): Tensor {
    return matmul(this, x);
  }
  reshape(shape: Shape): Tensor {
    return views.reshape(this, shape);
  }
  flatten(start?: number, end?: number): Tensor {
    return views.flatten(this, start, end);
  }
  squeeze(axis?: number): Tensor {
    return views.squeeze(this, axis);
  }
  unsqueeze(axis: number): Tensor {
    return views.unsqueeze(this, axis);
  }
  permute(axes: readonly number[]): Tensor {
    return views.permute(this, axes);
  }
  transpose(a?: number, b?: number): Tensor {
    return views.transpose(this, a, b);
  }
  expand(shape: Shape): Tensor {
    return views.expand(this, shape);
  }
  narrow(axis: number, start: number, length: number): Tensor {
    return views.narrow(this, axis, start, length);
  }
  slice(axis: number, start: number, end?: number): Tensor {
    return views.slice(this, axis, start, end);
  }
  concat(others: readonly Tensor[], axis = 0): Tensor {
    return views.concat([this, ...others], axis);
  }
  pad(padding: readonly (readonly number[])[], value = 0): Tensor {
    return views.pad(this, padding, value);
  }
  gatherRows(index: Tensor): Tensor {
    return gatherRows(this, index);
  }
  pick(index: Tensor): Tensor {
    return pick(this, index);
  }
}

/** The elements of `data` as a new typed array for `dtype`. */
function copyAs(dtype: DType, data: ArrayLike<number>): TypedArray {
  const make = {
    float32: Float32Array,
    float64: Float64Array,
    int32: Int32Array,
    uint8: Uint8Array,
    bool: Uint8Array,
  }[dtype];
  return dtype === "bool" ? Uint8Array.from(data, (x) => (x === 0 ? 0 : 1)) : new make(data as number[]);
}

export interface TensorOptions {
  /** Default: what the numbers are nested like; one dimension for a typed array. */
  readonly shape?: Shape;
  /** Default: of the typed array; else float32. */
  readonly dtype?: DType;
  /** Whether gradients by this tensor can be asked for. Default false. */
  readonly requiresGrad?: boolean;
}

/** A tensor holding a copy of `data`: a number, nested arrays or a typed array. */
export function tensor(data: NestedNumbers | TypedArray, options: TensorOptions = {}): Tensor {
  const flat: number[] = [];
  const from = dtypeOfArray(data);
  const ownShape =
    from === undefined ? nestedShape(data as NestedNumbers, flat) : [(data as TypedArray).length];
  if (from !== undefined && isDetached(data as TypedArray))
    throw new ArgumentError(
      expected("memory that is still attached", "tensor data", "a detached array (it was transferred)"),
    );
  const source: ArrayLike<number> = from === undefined ? flat : (data as TypedArray);
  const dtype = options.dtype ?? from ?? "float32";
  checkOneOf(dtype, dtypes, "dtype");
  const shape = options.shape === undefined ? ownShape : checkShape(options.shape, "shape");
  if (sizeOf(shape) !== source.length) {
    throw new ShapeError(
      expected(
        `${sizeOf(shape)} elements for shape ${formatShape(shape)}`,
        "tensor data",
        `${source.length}`,
      ),
    );
  }
  const requiresGrad = options.requiresGrad ?? false;
  if (requiresGrad && !isFloat(dtype))
    throw new DTypeError(expected("a float type with requiresGrad", "dtype", dtype));
  const storage = new Storage(bytesPerElement(dtype) * source.length);
  storage.array(dtype, 0, source.length).set(copyAs(dtype, source));
  return new Tensor(storedValue({ storage, byteOffset: 0 }, shape, dtype, requiresGrad));
}

/** The shape of nested arrays, their numbers appended to `flat`. Ragged nesting throws. */
function nestedShape(data: NestedNumbers, flat: number[]): number[] {
  if (typeof data === "number" || typeof data === "boolean") {
    flat.push(Number(data));
    return [];
  }
  if (!Array.isArray(data))
    throw new ArgumentError(expected("a number, nested arrays or a typed array", "tensor data", data));
  const shapes = (data as readonly NestedNumbers[]).map((part) => nestedShape(part, flat));
  const first = shapes[0] ?? [];
  shapes.forEach((shape, i) => {
    if (formatShape(shape) !== formatShape(first)) {
      throw new ShapeError(
        expected(`parts of shape ${formatShape(first)}`, `tensor data[${i}]`, formatShape(shape)),
      );
    }
  });
  return [data.length, ...first];
}
