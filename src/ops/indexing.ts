/** Operations that look elements up by index. Indices are checked when the program runs. */

import { DTypeError, expected, ShapeError } from "../errors.js";
import { reshapeOperand } from "../graph/operand.js";
import { record } from "../graph/trace.js";
import { defineOp } from "../graph/value.js";
import { formatShape, type Shape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import { rowsOf } from "./softmax.js";

const tableShape = (shape: Shape): [number, number] => [shape[0]!, sizeOf(shape.slice(1))];

const gatherRowsOp = defineOp({
  name: "gatherRows",
  infer: ([table, index]) => [{ shape: [...index!.shape, ...table!.shape.slice(1)], dtype: table!.dtype }],
  lower(lowering, node) {
    const [table, index] = node.inputs as [(typeof node.inputs)[0], (typeof node.inputs)[0]];
    const n = sizeOf(index.shape);
    const [v, d] = tableShape(table.shape);
    lowering.emit.gatherRows(
      {
        table: reshapeOperand(lowering.dense(table), [v, d]),
        index: reshapeOperand(lowering.dense(index), [n]),
      },
      { y: reshapeOperand(lowering.output(node), [n, d]) },
    );
  },
  gradient: ({ inputs, gradients }) => [
    new Tensor(
      record(scatterAddRowsOp, [gradients[0]!.value, inputs[1]!.value], { shape: inputs[0]!.shape })[0]!,
    ),
    null,
  ],
});

const scatterAddRowsOp = defineOp<{ shape: Shape }>({
  name: "scatterAddRows",
  infer: ([dy], { shape }) => [{ shape, dtype: dy!.dtype }],
  lower(lowering, node) {
    const n = sizeOf(node.inputs[1]!.shape);
    const [v, d] = tableShape(node.attributes.shape);
    lowering.emit.scatterAddRows(
      {
        dy: reshapeOperand(lowering.dense(node.inputs[0]!), [n, d]),
        index: reshapeOperand(lowering.dense(node.inputs[1]!), [n]),
      },
      { table: reshapeOperand(lowering.output(node), [v, d]) },
      { accumulate: 0 },
    );
  },
  gradient: ({ inputs, gradients }) => [gatherRows(gradients[0]!, inputs[1]!), null],
});

function checkIndex(index: Tensor, operation: string): void {
  if (index.dtype !== "int32")
    throw new DTypeError(expected("an int32 tensor", `${operation} index`, index.dtype));
}

/** y[i…] = table[index[i…]]: rows (first axis) by number, as an embedding does. */
export function gatherRows(table: Tensor, index: Tensor): Tensor {
  checkIndex(index, "gatherRows");
  if (table.rank === 0)
    throw new ShapeError(expected("at least one dimension", "gatherRows table", "a scalar"));
  return new Tensor(record(gatherRowsOp, [table.value, index.value], {})[0]!);
}

const pickOp = defineOp({
  name: "pick",
  infer: ([x]) => [{ shape: x!.shape.slice(0, -1), dtype: x!.dtype }],
  lower(lowering, node) {
    const [r, c] = rowsOf(node.inputs[0]!.shape);
    lowering.emit.pickForward(
      {
        x: reshapeOperand(lowering.dense(node.inputs[0]!), [r, c]),
        index: reshapeOperand(lowering.dense(node.inputs[1]!), [r]),
      },
      { y: reshapeOperand(lowering.output(node), [r]) },
    );
  },
  gradient: ({ inputs, gradients }) => {
    const classes = inputs[0]!.shape[inputs[0]!.rank - 1]!;
    return [new Tensor(record(pickGradOp, [gradients[0]!.value, inputs[1]!.value], { classes })[0]!), null];
  },
});

const pickGradOp = defineOp<{ classes: number }>({
  name: "pickGrad",
  infer: ([dy], { classes }) => [{ shape: [...dy!.shape, classes], dtype: dy!.dtype }],
  lower(lowering, node) {
    const r = sizeOf(node.inputs[0]!.shape);
    lowering.emit.pickBackward(
      {
        dy: reshapeOperand(lowering.dense(node.inputs[0]!), [r]),
        index: reshapeOperand(lowering.dense(node.inputs[1]!), [r]),
      },
      { dx: reshapeOperand(lowering.output(node), [r, node.attributes.classes]) },
    );
  },
  gradient: ({ inputs, gradients }) => [pick(gradients[0]!, inputs[1]!), null],
});

/** y[…] = x[…, index[…]]: one element of each row (last axis). */
export function pick(x: Tensor, index: Tensor): Tensor {
  checkIndex(index, "pick");
  const lead = x.shape.slice(0, -1);
  if (x.rank === 0 || sizeOf(lead) !== sizeOf(index.shape) || lead.length !== index.rank) {
    throw new ShapeError(
      expected(`an index of shape ${formatShape(lead)}`, "pick", formatShape(index.shape)),
    );
  }
  return new Tensor(record(pickOp, [x.value, index.value], {})[0]!);
}
