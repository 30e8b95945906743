/** Reductions along any axes. */

import { isFloat } from "../dtype.js";
import { DTypeError, expected, ShapeError } from "../errors.js";
import { reshapeOperand } from "../graph/operand.js";
import { record } from "../graph/trace.js";
import { defineOp } from "../graph/value.js";
import { checkAxes, checkAxis, formatShape, type Shape, sameShape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import { expand, permute, reshape } from "./view.js";

/** One run of axes is reduced: the tensor as [before, reduced, behind]. */
interface ReduceAttributes {
  readonly kind: ReduceKind;
  readonly first: number;
  readonly count: number;
  readonly [key: string]: unknown;
}

export type ReduceKind = "sum" | "mean" | "max" | "min" | "prod" | "sumOfSquares";
const kinds: readonly ReduceKind[] = ["sum", "mean", "max", "min", "prod", "sumOfSquares"];

const withoutAxes = (shape: Shape, first: number, count: number): number[] => [
  ...shape.slice(0, first),
  ...shape.slice(first + count),
];

/** [before, reduced, behind] sizes. */
function threeWays(shape: Shape, first: number, count: number): [number, number, number] {
  return [
    sizeOf(shape.slice(0, first)),
    sizeOf(shape.slice(first, first + count)),
    sizeOf(shape.slice(first + count)),
  ];
}

const reduceOp = defineOp<ReduceAttributes>({
  name: "reduce",
  infer: ([x], { first, count }) => [{ shape: withoutAxes(x!.shape, first, count), dtype: x!.dtype }],
  lower(lowering, node) {
    const { kind, first, count } = node.attributes;
    const [o, r, i] = threeWays(node.inputs[0]!.shape, first, count);
    const y = lowering.output(node);
    lowering.emit.reduce(
      { x: reshapeOperand(lowering.dense(node.inputs[0]!), [o, r, i]) },
      { y: reshapeOperand(y, [o, i]) },
      { kind: kinds.indexOf(kind) },
    );
  },
  /** sum: dy; mean: dy/n; sum of squares: 2x·dy; prod: dy·y/x; max, min: dy shared among the equal ones. */
  gradient: ({ inputs, outputs, gradients, attributes: { kind, first, count } }) => {
    const x = inputs[0]!;
    const kept = x.shape.map((d, i) => (i >= first && i < first + count ? 1 : d));
    const dy = expand(reshape(gradients[0]!, kept), x.shape);
    const y = reshape(outputs[0]!, kept);
    const n = sizeOf(x.shape.slice(first, first + count));
    switch (kind) {
      case "sum":
        return [dy];
      case "mean":
        return [dy.mul(1 / n)];
      case "sumOfSquares":
        return [dy.mul(x).mul(2)];
      case "prod":
        return [productGradient(x, dy, first, count)];
      default: {
        const mask = x.equal(y).cast(x.dtype);
        const ties = reshape(reduceRun(mask, "sum", first, count), kept);
        return [dy.mul(mask).div(ties)];
      }
    }
  },
});

/** dx_i = dy·∏_{j≠i} x_j, without dividing by x_i, so that zeros are handled. */
function productGradient(x: Tensor, dy: Tensor, first: number, count: number): Tensor {
  const [o, r, i] = threeWays(x.shape, first, count);
  const rows = reshape(x, [o, r, i]);
  const others = Array.from({ length: r }, (_, skip) => {
    const parts: Tensor[] = [];
    if (skip > 0) parts.push(rows.narrow(1, 0, skip));
    if (skip < r - 1) parts.push(rows.narrow(1, skip + 1, r - skip - 1));
    const products = parts.map((p) => reduceRun(p, "prod", 1, 1));
    const product =
      products.length === 2
        ? products[0]!.mul(products[1]!)
        : (products[0] ?? rows.narrow(1, 0, 1).mul(0).add(1).reshape([o, i]));
    return product.reshape([o, 1, i]);
  });
  return dy.mul(reshape(others[0]!.concat(others.slice(1), 1), x.shape));
}

function reduceRun(x: Tensor, kind: ReduceKind, first: number, count: number): Tensor {
  return new Tensor(record(reduceOp, [x.value], { kind, first, count })[0]!);
}

/** Scattered axes are first moved to the end. */
function reduceAxes(x: Tensor, kind: ReduceKind, axes: readonly number[]): Tensor {
  if (axes.length === 0) return kind === "sumOfSquares" ? x.square() : x;
  const first = axes[0]!;
  const run = axes.every((a, i) => a === first + i);
  if (run) return reduceRun(x, kind, first, axes.length);
  const others = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  return reduceRun(permute(x, [...others, ...axes]), kind, others.length, axes.length);
}

export interface ReduceOptions {
  /** Keep reduced dimensions as 1. Default false. */
  readonly keepDims?: boolean;
}

/** Reduces `axes` (default all). Integers and truth values are summed as float32. */
export function reduce(
  x: Tensor,
  kind: ReduceKind,
  axes?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  const checked = checkAxes(axes, x.rank, `${kind} axes`);
  if ((kind === "max" || kind === "min") && checked.some((a) => x.shape[a] === 0)) {
    throw new ShapeError(
      expected("at least one element along each reduced axis", kind, formatShape(x.shape)),
    );
  }
  const y = reduceAxes(isFloat(x.dtype) ? x : x.cast("float32"), kind, checked);
  if (options.keepDims !== true) return y;
  return reshape(
    y,
    x.shape.map((d, i) => (checked.includes(i) ? 1 : d)),
  );
}

/** The gradient of a broadcast: `x` summed down to `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(reduceAxes(x, "sum", axes), shape);
}

const argReduceOp = defineOp<{ axis: number; kind: "max" | "min" }>({
  name: "argReduce",
  infer: ([x], { axis }) => [{ shape: withoutAxes(x!.shape, axis, 1), dtype: "int32" }],
  lower(lowering, node) {
    const { axis, kind } = node.attributes;
    const [o, r, i] = threeWays(node.inputs[0]!.shape, axis, 1);
    lowering.emit.argReduce(
      { x: reshapeOperand(lowering.dense(node.inputs[0]!), [o, r, i]) },
      { y: reshapeOperand(lowering.output(node), [o, i]) },
      { kind: kind === "max" ? 0 : 1 },
    );
  },
  gradient: { none: "its result is an index" },
});

/** Index of the largest (or smallest) element along `axis`; the first of equal ones; NaN wins. */
export function argReduce(x: Tensor, kind: "max" | "min", axis = -1): Tensor {
  const at = checkAxis(axis, x.rank, `arg${kind} axis`);
  if (!isFloat(x.dtype)) throw new DTypeError(expected("a float tensor", `arg${kind}`, x.dtype));
  if (x.shape[at] === 0)
    throw new ShapeError(expected("at least one element along the axis", `arg${kind}`, formatShape(x.shape)));
  return new Tensor(record(argReduceOp, [x.value], { axis: at, kind })[0]!);
}
