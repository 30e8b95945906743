/** Matrix products. */

import { isFloat } from "../dtype.js";
import { DTypeError, expected, ShapeError } from "../errors.js";
import type { Lowering } from "../graph/lower.js";
import type { OperandRef } from "../graph/operand.js";
import { checkOneFloatType, record } from "../graph/trace.js";
import { fewRows } from "../graph/turned.js";
import { defineOp, type Node, type Op, type Value } from "../graph/value.js";
import { broadcastShapes, formatShape, type Shape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import { expand, reshape, transpose } from "./view.js";

function fail(a: Shape, b: Shape): never {
  throw new ShapeError(
    expected("shapes [..., m, k] and [..., k, n]", "matmul", `${formatShape(a)} and ${formatShape(b)}`),
  );
}

interface ProductAttributes {
  /** Whether the second operand is read transposed, as the weight [out, in] of a linear layer is. */
  readonly transposed: boolean;
  readonly [key: string]: unknown;
}

/** y[b,m,n] = a[b,m,k]·w[b,k,n], or a[b,m,k]·w[b,n,k]ᵀ; ranks 2 or 3, one batch size for both. */
export const matmulOp: Op<ProductAttributes> = defineOp<ProductAttributes>({
  name: "matmul",
  infer([a, w], { transposed }) {
    const [x, y] = [a!.shape, w!.shape];
    const [k, n] = transposed ? [y[y.length - 1], y[y.length - 2]!] : [y[y.length - 2], y[y.length - 1]!];
    if (x.length !== y.length || (x.length === 3 && x[0] !== y[0]) || x[x.length - 1] !== k) fail(x, y);
    return [{ shape: [...x.slice(0, -1), n], dtype: a!.dtype }];
  },
  lower: (lowering, node) => lowering.gemm(node as unknown as Node),
  /** da = dy·wᵀ, dw = aᵀ·dy; with w read transposed da = dy·w, dw = dyᵀ·a. */
  gradient: ({ inputs: [a, w], gradients: [dy], attributes: { transposed }, needs }) => [
    needs(0) ? matrixProduct(dy!, w!, !transposed) : null,
    needs(1) ? (transposed ? matrixProduct(transpose(dy!), a!) : matrixProduct(transpose(a!), dy!)) : null,
  ],
});

const matrixProduct = (a: Tensor, b: Tensor, transposed = false): Tensor =>
  new Tensor(record(matmulOp, [a.value, b.value], { transposed })[0]!);

/** A matrix operand as GEMM takes it: [batch, rows, columns] with one of the last two strides 1. */
function matrixOperand(lowering: Lowering, value: Value): OperandRef {
  const operand = lowering.operand(value);
  const [rows, columns] = operand.strides.slice(-2) as [number, number];
  const [m, n] = operand.shape.slice(-2) as [number, number];
  const usable = rows === 1 || columns === 1 || m === 1 || n === 1;
  const x = usable ? operand : lowering.dense(value);
  return batched(x);
}

const batched = (x: OperandRef): OperandRef =>
  x.shape.length === 3 ? x : { ...x, shape: [1, ...x.shape], strides: [0, ...x.strides] };

/**
 * Products with so few columns, or with few rows, are sums along k, for which a weight [out, in] lies best as it
 * is stored. One row reads it only once, and in longer runs.
 */
const FEW_COLUMNS = 16;

/** The two operands of a product as GEMM takes them: a [b,m,k], w [b,k,n]. */
export function productOperands(
  lowering: Lowering,
  { inputs, attributes }: Node,
): { a: OperandRef; w: OperandRef } {
  const a = matrixOperand(lowering, inputs[0]!);
  const [rows, columns] = [a.shape[1]!, inputs[1]!.shape.at(-2)!];
  if (attributes.transposed === true && rows > fewRows(inputs[1]!.dtype) && columns > FEW_COLUMNS) {
    const turned = lowering.turned(inputs[1]!);
    if (turned !== null) return { a, w: turned };
  }
  const w = matrixOperand(lowering, inputs[1]!);
  if (attributes.transposed !== true) return { a, w };
  const [b, n, k] = w.shape as [number, number, number];
  const [batch, row, column] = w.strides as [number, number, number];
  return { a, w: { ...w, shape: [b, k, n], strides: [batch, column, row] } };
}

/**
 * The matrix product by PyTorch's rules: vectors become a row or a column for the time being,
 * leading dimensions broadcast.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  for (const x of [a, b])
    if (!isFloat(x.dtype)) throw new DTypeError(expected("float tensors", "matmul", x.dtype));
  checkOneFloatType([a.value, b.value], "matmul");
  if (a.rank === 0 || b.rank === 0) fail(a.shape, b.shape);
  if (a.rank === 1 && b.rank === 1) return reshape(matmul(reshape(a, [1, -1]), reshape(b, [-1, 1])), []);
  if (a.rank === 1) return withoutAxis(matmul(reshape(a, [1, a.shape[0]!]), b), -2);
  if (b.rank === 1) return withoutAxis(matmul(a, reshape(b, [b.shape[0]!, 1])), -1);
  if (a.shape[a.rank - 1] !== b.shape[b.rank - 2]) fail(a.shape, b.shape);
  if (b.rank === 2) {
    // One weight for all rows: a single tall product.
    const rows = sizeOf(a.shape.slice(0, -1));
    const flat = matrixProduct(reshape(a, [rows, a.shape[a.rank - 1]!]), b);
    return reshape(flat, [...a.shape.slice(0, -1), b.shape[1]!]);
  }
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), "matmul");
  const spread = (x: Tensor) => {
    const matrix = x.shape.slice(-2);
    return reshape(expand(x, [...batch, ...matrix]), [sizeOf(batch), ...matrix]);
  };
  const y = matrixProduct(spread(a), spread(b));
  return reshape(y, [...batch, a.shape[a.rank - 2]!, b.shape[b.rank - 1]!]);
}

function withoutAxis(x: Tensor, axis: number): Tensor {
  const shape = [...x.shape];
  shape.splice(x.rank + axis, 1);
  return reshape(x, shape);
}

/** y = x·Wᵀ + b for x [..., in], W [out, in], b [out]: PyTorch's `linear`. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (x.rank === 0 || weight.rank !== 2 || x.shape[x.rank - 1] !== weight.shape[1]) {
    throw new ShapeError(expected(`input [..., ${weight.shape[1]}]`, "linear", formatShape(x.shape)));
  }
  const rows = sizeOf(x.shape.slice(0, -1));
  checkOneFloatType([x.value, weight.value], "linear");
  const product = matrixProduct(reshape(x, [rows, x.shape[x.rank - 1]!]), weight, true);
  const y = bias === undefined ? product : product.add(bias);
  return reshape(y, [...x.shape.slice(0, -1), weight.shape[0]!]);
}
