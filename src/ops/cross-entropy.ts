/** Softmax cross-entropy on logits and integer labels, in one kernel that keeps log-sum-exp. */

import { DTypeError, expected, ShapeError } from "../errors.js";
import { reshapeOperand } from "../graph/operand.js";
import { record } from "../graph/trace.js";
import { defineOp } from "../graph/value.js";
import { formatShape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import { checkFloat } from "./define-pointwise.js";
import { rowsOf } from "./softmax.js";

interface CrossEntropyAttributes {
  readonly smoothing: number;
  readonly ignoreIndex: number;
  readonly [key: string]: unknown;
}

/** Inputs: logits [r, c], labels [r], class weights [c] or none. Outputs: loss [r], logsumexp [r]. */
const crossEntropyOp = defineOp<CrossEntropyAttributes>({
  name: "crossEntropy",
  infer: ([logits]) => {
    const r = { shape: logits!.shape.slice(0, -1), dtype: logits!.dtype };
    return [r, r];
  },
  lower(lowering, node) {
    const [logits, labels, weight] = node.inputs;
    const [r, c] = rowsOf(logits!.shape);
    const [loss, logsumexp] = [0, 1].map((i) => reshapeOperand(lowering.output(node, i), [r]));
    lowering.emit.crossEntropyForward(
      {
        logits: reshapeOperand(lowering.dense(logits!), [r, c]),
        labels: reshapeOperand(lowering.dense(labels!), [r]),
        weight: weight === undefined ? undefined : lowering.dense(weight),
      },
      { loss: loss!, logsumexp: logsumexp! },
      node.attributes,
    );
  },
  gradient: ({ inputs: [logits, labels, weight], outputs, gradients, attributes }) => {
    const values = [
      logits!,
      labels!,
      outputs[1]!,
      gradients[0]!,
      ...(weight === undefined ? [] : [weight]),
    ].map((t) => t.value);
    const dlogits = new Tensor(record(crossEntropyGradOp, values, attributes)[0]!);
    return weight === undefined ? [dlogits, null] : [dlogits, null, null];
  },
});

/** Without smoothing and weights: dlogits = (softmax(logits) − onehot(label))·dloss. */
const crossEntropyGradOp = defineOp<CrossEntropyAttributes>({
  name: "crossEntropyGrad",
  infer: ([logits]) => [{ shape: logits!.shape, dtype: logits!.dtype }],
  lower(lowering, node) {
    const [logits, labels, logsumexp, dloss, weight] = node.inputs;
    const [r, c] = rowsOf(logits!.shape);
    const rowVector = (v: typeof labels) => reshapeOperand(lowering.dense(v!), [r]);
    lowering.emit.crossEntropyBackward(
      {
        logits: reshapeOperand(lowering.dense(logits!), [r, c]),
        labels: rowVector(labels),
        weight: weight === undefined ? undefined : lowering.dense(weight),
        logsumexp: rowVector(logsumexp),
        dloss: rowVector(dloss),
      },
      { dlogits: reshapeOperand(lowering.output(node), [r, c]) },
      node.attributes,
    );
  },
  gradient: { none: "second derivatives of crossEntropy are not defined; use logSoftmax and pick" },
});

export interface CrossEntropyRowOptions {
  /** One weight a class. */
  readonly weight?: Tensor;
  /** s in (1−s)·(−ln p_label) + s/c·Σ_j (−ln p_j). Default 0. */
  readonly labelSmoothing?: number;
  /** Rows with this label count nothing. Default −100. */
  readonly ignoreIndex?: number;
}

/** The loss of every row: logits [..., c], labels int32 [...]. */
export function crossEntropyRows(
  logits: Tensor,
  labels: Tensor,
  options: CrossEntropyRowOptions = {},
): Tensor {
  checkFloat(logits, "crossEntropy");
  if (labels.dtype !== "int32") throw new DTypeError(expected("int32 labels", "crossEntropy", labels.dtype));
  const rows = logits.shape.slice(0, -1);
  if (logits.rank < 1 || labels.rank !== rows.length || sizeOf(rows) !== sizeOf(labels.shape)) {
    throw new ShapeError(
      expected(`labels of shape ${formatShape(rows)}`, "crossEntropy", formatShape(labels.shape)),
    );
  }
  const classes = logits.shape[logits.rank - 1]!;
  const { weight, labelSmoothing: smoothing = 0, ignoreIndex = -100 } = options;
  if (weight !== undefined && (weight.rank !== 1 || weight.shape[0] !== classes)) {
    throw new ShapeError(
      expected(`class weights of shape [${classes}]`, "crossEntropy weight", formatShape(weight.shape)),
    );
  }
  const inputs = [logits, labels, ...(weight === undefined ? [] : [weight])].map((t) => t.value);
  return new Tensor(record(crossEntropyOp, inputs, { smoothing, ignoreIndex })[0]!);
}
