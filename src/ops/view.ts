/** Operations that read the same memory in another way, and those that put tensors together. */

import { expected, OutOfRangeError, ShapeError } from "../errors.js";
import { isDenseOperand, type OperandRef, reshapeOperand } from "../graph/operand.js";
import { record } from "../graph/trace.js";
import { defineOp, type Value } from "../graph/value.js";
import {
  broadcastStrides,
  checkAxis,
  checkShape,
  formatShape,
  type Shape,
  sameShape,
  sizeOf,
} from "../shape.js";
import { Tensor } from "../tensor.js";
import { sumTo } from "./reduce.js";

const reshapeOp = defineOp<{ shape: Shape }>({
  name: "reshape",
  view: true,
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  lower(lowering, node) {
    const x = lowering.operand(node.inputs[0]!);
    const dense = isDenseOperand(x) ? x : lowering.dense(node.inputs[0]!);
    lowering.define(node.outputs[0]!, reshapeOperand(dense, node.attributes.shape));
  },
  gradient: ({ inputs, gradients }) => [reshape(gradients[0]!, inputs[0]!.shape)],
});

/** The same elements in row-major order under another shape; one dimension may be −1 (inferred). */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const inferred = inferDimension(x.shape, shape);
  if (sameShape(inferred, x.shape)) return x;
  return new Tensor(record(reshapeOp, [x.value], { shape: inferred })[0]!);
}

function inferDimension(from: Shape, to: Shape): Shape {
  const unknown = to.filter((d) => d === -1).length;
  const size = sizeOf(from);
  const known = to.filter((d) => d !== -1).reduce((a, b) => a * b, 1);
  const fits = unknown === 0 ? known === size : unknown === 1 && known > 0 && size % known === 0;
  if (!fits)
    throw new ShapeError(
      expected(`a shape of ${size} elements, at most one dimension −1,`, "reshape", formatShape(to)),
    );
  return checkShape(
    to.map((d) => (d === -1 ? size / known : d)),
    "shape",
  );
}

/** Dimensions from `start` to `end` (included) as one. */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  if (x.rank === 0) return reshape(x, [1]);
  const a = checkAxis(start, x.rank, "flatten start");
  const b = checkAxis(end, x.rank, "flatten end");
  if (b < a) throw new OutOfRangeError(expected("start <= end", "flatten", `${start}, ${end}`));
  return reshape(x, [...x.shape.slice(0, a), sizeOf(x.shape.slice(a, b + 1)), ...x.shape.slice(b + 1)]);
}

export function unsqueeze(x: Tensor, axis: number): Tensor {
  const at = checkAxis(axis, x.rank + 1, "unsqueeze axis");
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Without the dimension `axis`, which must be 1; without `axis`, all dimensions of 1 go. */
export function squeeze(x: Tensor, axis?: number): Tensor {
  if (axis === undefined)
    return reshape(
      x,
      x.shape.filter((d) => d !== 1),
    );
  const at = checkAxis(axis, x.rank, "squeeze axis");
  return x.shape[at] === 1 ? reshape(x, [...x.shape.slice(0, at), ...x.shape.slice(at + 1)]) : x;
}

const permuteOp = defineOp<{ axes: readonly number[] }>({
  name: "permute",
  view: true,
  infer: ([x], { axes }) => [{ shape: axes.map((a) => x!.shape[a]!), dtype: x!.dtype }],
  lower(lowering, node) {
    const x = lowering.operand(node.inputs[0]!);
    const { axes } = node.attributes;
    lowering.define(node.outputs[0]!, {
      ...x,
      shape: axes.map((a) => x.shape[a]!),
      strides: axes.map((a) => x.strides[a]!),
    });
  },
  gradient: ({ gradients, attributes }) => {
    const inverse = new Array<number>(attributes.axes.length);
    attributes.axes.forEach((axis, i) => {
      inverse[axis] = i;
    });
    return [permute(gradients[0]!, inverse)];
  },
});

/** Dimensions in another order: output dimension i is input dimension axes[i]. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const checked = axes.map((a) => checkAxis(a, x.rank, "permute axes"));
  if (checked.length !== x.rank || new Set(checked).size !== x.rank) {
    throw new OutOfRangeError(expected(`each of ${x.rank} axes once`, "permute axes", axes));
  }
  return new Tensor(record(permuteOp, [x.value], { axes: checked })[0]!);
}

/** Two dimensions exchanged; by default the last two. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  const axes = x.shape.map((_, i) => i);
  const first = checkAxis(a, x.rank, "transpose axis");
  const second = checkAxis(b, x.rank, "transpose axis");
  axes[first] = second;
  axes[second] = first;
  return permute(x, axes);
}

const expandOp = defineOp<{ shape: Shape }>({
  name: "expand",
  view: true,
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  lower(lowering, node) {
    const x = lowering.operand(node.inputs[0]!);
    const { shape } = node.attributes;
    lowering.define(node.outputs[0]!, { ...x, shape, strides: broadcastStrides(x.shape, x.strides, shape) });
  },
  gradient: ({ inputs, gradients }) => [sumTo(gradients[0]!, inputs[0]!.shape)],
});

/** Dimensions of 1 (and missing leading ones) repeated to `shape`, without copying. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const lead = shape.length - x.rank;
  if (lead < 0 || x.shape.some((d, i) => d !== 1 && d !== shape[i + lead])) {
    throw new ShapeError(
      expected(`a shape that ${formatShape(x.shape)} broadcasts to`, "expand", formatShape(shape)),
    );
  }
  if (sameShape(shape, x.shape)) return x;
  return new Tensor(record(expandOp, [x.value], { shape })[0]!);
}

const detachOp = defineOp({
  name: "detach",
  view: true,
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower: (lowering, node) => lowering.define(node.outputs[0]!, lowering.operand(node.inputs[0]!)),
  gradient: { none: "it stops differentiation" },
});

/** The same memory without its history. */
export const detachValue = (value: Value): Value => record(detachOp, [value], {})[0]!;

interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  readonly length: number;
  readonly [key: string]: unknown;
}

const sliceOp = defineOp<SliceAttributes>({
  name: "slice",
  view: true,
  infer: ([x], { axis, length }) => [
    { shape: x!.shape.map((d, i) => (i === axis ? length : d)), dtype: x!.dtype },
  ],
  lower(lowering, node) {
    const { axis, start, length } = node.attributes;
    lowering.define(node.outputs[0]!, windowOf(lowering.operand(node.inputs[0]!), axis, start, length));
  },
  gradient: ({ inputs, gradients, attributes: { axis, start, length } }) => {
    const after = inputs[0]!.shape[axis]! - start - length;
    return [
      pad(
        gradients[0]!,
        inputs[0]!.shape.map((_, i) => (i === axis ? [start, after] : [0, 0])),
      ),
    ];
  },
});

function windowOf(x: OperandRef, axis: number, start: number, length: number): OperandRef {
  const bytes = { float32: 4, float64: 8, int32: 4, uint8: 1, bool: 1 }[x.dtype];
  const shape = x.shape.map((d, i) => (i === axis ? length : d));
  // An empty window must not point behind the memory.
  const offset = sizeOf(shape) === 0 ? x.offset : x.offset + start * x.strides[axis]! * bytes;
  return { ...x, shape, offset };
}

/** Elements start .. start+length−1 along `axis`, without copying (PyTorch's `narrow`). */
export function narrow(x: Tensor, axis: number, start: number, length: number): Tensor {
  const at = checkAxis(axis, x.rank, "narrow axis");
  const size = x.shape[at]!;
  const from = start < 0 ? start + size : start;
  if (
    !Number.isInteger(from) ||
    !Number.isInteger(length) ||
    from < 0 ||
    length < 0 ||
    from + length > size
  ) {
    throw new OutOfRangeError(
      expected(`start and length within 0..${size}`, "narrow", `${start}, ${length}`),
    );
  }
  return new Tensor(record(sliceOp, [x.value], { axis: at, start: from, length })[0]!);
}

/** Elements start .. end−1 along `axis`; negative positions count from the end. */
export function slice(x: Tensor, axis: number, start: number, end?: number): Tensor {
  const size = x.shape[checkAxis(axis, x.rank, "slice axis")]!;
  const clamp = (i: number) => Math.min(Math.max(i < 0 ? i + size : i, 0), size);
  const from = clamp(start);
  return narrow(x, axis, from, Math.max(0, clamp(end ?? size) - from));
}

const concatOp = defineOp<{ axis: number }>({
  name: "concat",
  infer(inputs, { axis }) {
    const shape = [...inputs[0]!.shape];
    shape[axis] = inputs.reduce((sum, x) => sum + x.shape[axis]!, 0);
    return [{ shape, dtype: inputs[0]!.dtype }];
  },
  lower(lowering, node) {
    const y = lowering.output(node);
    let start = 0;
    for (const input of node.inputs) {
      const length = input.shape[node.attributes.axis]!;
      lowering.emit.copy(
        { x: lowering.operand(input) },
        { y: windowOf(y, node.attributes.axis, start, length) },
      );
      start += length;
    }
  },
  gradient: ({ inputs, gradients, attributes: { axis } }) => {
    let start = 0;
    return inputs.map((x) => {
      const part = narrow(gradients[0]!, axis, start, x.shape[axis]!);
      start += x.shape[axis]!;
      return part;
    });
  },
});

/** Tensors one behind the other along an existing axis. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = tensors[0];
  if (first === undefined) throw new ShapeError(expected("at least one tensor", "concat", "none"));
  const at = checkAxis(axis, first.rank, "concat axis");
  for (const t of tensors) {
    const fits =
      t.rank === first.rank &&
      t.dtype === first.dtype &&
      t.shape.every((d, i) => i === at || d === first.shape[i]);
    if (!fits) {
      const wanted = `${first.dtype}${formatShape(first.shape.map((d, i) => (i === at ? -1 : d)))}`;
      throw new ShapeError(expected(`tensors like ${wanted}`, "concat", `${t.dtype}${formatShape(t.shape)}`));
    }
  }
  return new Tensor(
    record(
      concatOp,
      tensors.map((t) => t.value),
      { axis: at },
    )[0]!,
  );
}

/** Tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  return concat(
    tensors.map((t) => unsqueeze(t, axis)),
    axis,
  );
}

interface PadAttributes {
  readonly padding: readonly (readonly number[])[];
  readonly value: number;
  readonly [key: string]: unknown;
}

const padOp = defineOp<PadAttributes>({
  name: "pad",
  infer: ([x], { padding }) => [
    { shape: x!.shape.map((d, i) => d + padding[i]![0]! + padding[i]![1]!), dtype: x!.dtype },
  ],
  lower(lowering, node) {
    const y = lowering.output(node);
    const { padding, value } = node.attributes;
    lowering.fill(y, value);
    const inner = node.inputs[0]!.shape.reduce((window, d, i) => windowOf(window, i, padding[i]![0]!, d), y);
    lowering.emit.copy({ x: lowering.operand(node.inputs[0]!) }, { y: inner });
  },
  gradient: ({ inputs, gradients, attributes: { padding } }) => {
    const window = inputs[0]!.shape.reduce((dy, d, i) => narrow(dy, i, padding[i]![0]!, d), gradients[0]!);
    return [window];
  },
});

/** `value` around the tensor: padding[i] = [before, after] along dimension i. */
export function pad(x: Tensor, padding: readonly (readonly number[])[], value = 0): Tensor {
  const valid =
    padding.length === x.rank &&
    padding.every((p) => p.length === 2 && p.every((n) => Number.isInteger(n) && n >= 0));
  if (!valid) throw new ShapeError(expected(`${x.rank} pairs of non-negative integers`, "pad", padding));
  if (x.dtype !== "float32" && x.dtype !== "float64")
    throw new ShapeError(expected("a float tensor", "pad", x.dtype));
  return new Tensor(record(padOp, [x.value], { padding: padding.map((p) => [...p]), value })[0]!);
}
