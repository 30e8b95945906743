/** Softmax and log-softmax along any axis, log-sum-exp. */

import { expected, ShapeError } from "../errors.js";
import { reshapeOperand } from "../graph/operand.js";
import { record } from "../graph/trace.js";
import { defineOp } from "../graph/value.js";
import { checkAxis, type Shape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import { checkFloat } from "./define-pointwise.js";
import { transpose, unsqueeze } from "./view.js";

/** [rows, columns] of a tensor whose last axis is the one worked on. */
export const rowsOf = (shape: Shape): [number, number] => [
  sizeOf(shape.slice(0, -1)),
  shape[shape.length - 1]!,
];

interface SoftmaxAttributes {
  readonly log: boolean;
  readonly [key: string]: unknown;
}

const softmaxOp = defineOp<SoftmaxAttributes>({
  name: "softmax",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower(lowering, node) {
    const shape = rowsOf(node.inputs[0]!.shape);
    const x = reshapeOperand(lowering.dense(node.inputs[0]!), shape);
    const y = reshapeOperand(lowering.output(node), shape);
    lowering.emit.softmaxForward({ x }, { y }, { log: node.attributes.log ? 1 : 0 });
  },
  gradient: ({ outputs, gradients, attributes }) => [
    new Tensor(record(softmaxGradOp, [outputs[0]!.value, gradients[0]!.value], attributes)[0]!),
  ],
});

/** softmax: dx = y·(dy − Σ dy·y); log-softmax: dx = dy − e^y·Σ dy. */
const softmaxGradOp = defineOp<SoftmaxAttributes>({
  name: "softmaxGrad",
  infer: ([y]) => [{ shape: y!.shape, dtype: y!.dtype }],
  lower(lowering, node) {
    const shape = rowsOf(node.inputs[0]!.shape);
    const [y, dy] = node.inputs.map((v) => reshapeOperand(lowering.dense(v), shape));
    const dx = reshapeOperand(lowering.output(node), shape);
    lowering.emit.softmaxBackward({ y: y!, dy: dy! }, { dx }, { log: node.attributes.log ? 1 : 0 });
  },
  gradient: ({ inputs: [y, dy], gradients: [g], attributes }) => {
    if (attributes.log) {
      const sum = dy!.sum(-1, { keepDims: true });
      const dotted = g!.mul(y!.exp());
      return [dotted.mul(sum).neg(), g!.sub(dotted.sum(-1, { keepDims: true }))];
    }
    const inner = dy!.mul(y!).sum(-1, { keepDims: true });
    const outer = g!.mul(y!).sum(-1, { keepDims: true });
    return [g!.mul(dy!.sub(inner)).sub(outer.mul(dy!)), y!.mul(g!.sub(outer))];
  },
});

function along(x: Tensor, axis: number, apply: (x: Tensor) => Tensor, name: string): Tensor {
  checkFloat(x, name);
  if (x.rank === 0) throw new ShapeError(expected("at least one dimension", name, "a scalar"));
  const at = checkAxis(axis, x.rank, `${name} axis`);
  return at === x.rank - 1 ? apply(x) : transpose(apply(transpose(x, at, -1)), at, -1);
}

/** softmax(x)_i = e^(x_i) / Σ_j e^(x_j) along `axis`, with the maximum taken out first. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return along(x, axis, (v) => new Tensor(record(softmaxOp, [v.value], { log: false })[0]!), "softmax");
}

/** x_i − ln Σ_j e^(x_j) along `axis`. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return along(x, axis, (v) => new Tensor(record(softmaxOp, [v.value], { log: true })[0]!), "logSoftmax");
}

/** ln Σ_j e^(x_j) along `axis`, which disappears. A maximum of ±inf is left out of the shift, so inf − inf never arises. */
export function logSumExp(x: Tensor, axis = -1): Tensor {
  checkFloat(x, "logSumExp");
  const at = checkAxis(axis, x.rank, "logSumExp axis");
  const max = x.max(at).detach();
  const shift = max.isFinite().where(max, max.mul(0).isNaN().where(max.isNaN().where(max, 0), 0));
  return x.sub(unsqueeze(shift, at)).exp().sum(at).log().add(shift);
}
