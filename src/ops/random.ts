/**
 * Random tensors and dropout, by Philox4x32-10 keyed with the seed, a stream number and the step.
 * Outside of compilation every recorded operation takes the next stream; inside, streams number the
 * random operations in order and the step is an input of the program.
 */

import type { FloatDType } from "../dtype.js";
import { checkInteger } from "../errors.js";
import { reshapeOperand } from "../graph/operand.js";
import { Storage } from "../graph/storage.js";
import { currentTrace, record } from "../graph/trace.js";
import { defineOp, type Op, storedValue, type Value } from "../graph/value.js";
import { checkShape, type Shape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import { checkFloat } from "./define-pointwise.js";

let globalSeed = 0;
let nextStream = 0;

/** Seeds initialisers, random tensors and dropout that no trainer seeds. The same seed, the same bits. */
export function manualSeed(seed: number): void {
  checkInteger(seed, "seed", { min: 0, max: Number.MAX_SAFE_INTEGER });
  globalSeed = seed;
  nextStream = 0;
}

/** The seed and a number used nowhere else, for generators outside the graph (initialisers). */
export function takeStream(): { seed: number; stream: number } {
  return { seed: globalSeed, stream: nextStream++ };
}

/** A seed and step as the four int32 words kernels read. */
export function keyWords(seed: number, step: number): [number, number, number, number] {
  const high = (x: number) => Math.floor(x / 2 ** 32) | 0;
  return [seed | 0, high(seed), step | 0, high(step)];
}

/** No program has so many random operations. */
const INTERACTIVE_STREAM = 2 ** 32 - 1;

interface StreamAttributes {
  readonly stream: number;
  readonly family: number;
  readonly [key: string]: unknown;
}

/** Outside of compilation the key itself differs from operation to operation, so that programs can be reused. */
function keyAndStream(): { key: Value; stream: number; family: number } {
  const trace = currentTrace();
  if (trace !== null) return { key: trace.randomKey(), stream: trace.streams++, family: trace.family };
  const { seed, stream } = takeStream();
  const storage = Storage.of("int32", 4);
  (storage.array("int32", 0, 4) as Int32Array).set(keyWords(seed, stream));
  return {
    key: storedValue({ storage, byteOffset: 0 }, [4], "int32"),
    stream: INTERACTIVE_STREAM,
    family: 0,
  };
}

interface RandomAttributes extends StreamAttributes {
  readonly kind: 0 | 1;
  readonly a: number;
  readonly b: number;
  readonly shape: Shape;
  readonly dtype: FloatDType;
}

const randomOp = defineOp<RandomAttributes>({
  name: "random",
  infer: (_inputs, { shape, dtype }) => [{ shape, dtype }],
  lower(lowering, node) {
    const { stream, family, kind, a, b, shape } = node.attributes;
    lowering.emit.random(
      { key: lowering.dense(node.inputs[0]!) },
      { y: reshapeOperand(lowering.output(node), [sizeOf(shape)]) },
      { streamLow: stream, streamHigh: family, kind, a, b },
    );
  },
  gradient: { none: "it depends on no tensor" },
});

function random(shape: Shape, kind: 0 | 1, a: number, b: number, dtype: FloatDType): Tensor {
  const { key, stream, family } = keyAndStream();
  return new Tensor(
    record(randomOp, [key], { stream, family, kind, a, b, shape: checkShape(shape, "shape"), dtype })[0]!,
  );
}

/** Independent numbers, uniform in [low, high). */
export const rand = (shape: Shape, low = 0, high = 1, dtype: FloatDType = "float32"): Tensor =>
  random(shape, 0, low, high, dtype);
/** Independent normal numbers. */
export const randn = (shape: Shape, mean = 0, std = 1, dtype: FloatDType = "float32"): Tensor =>
  random(shape, 1, mean, std, dtype);

interface DropoutAttributes extends StreamAttributes {
  readonly inverted: boolean;
}

/** The backward pass draws the same mask again from the same key and applies it to dy. */
const dropoutOp: Op<DropoutAttributes> = defineOp<DropoutAttributes>({
  name: "dropout",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower(lowering, node) {
    const n = [sizeOf(node.inputs[0]!.shape)];
    const [x, key, rate] = node.inputs.map((v) => lowering.dense(v));
    const { stream, family, inverted } = node.attributes;
    lowering.emit.dropout(
      { x: reshapeOperand(x!, n), key: key!, rate: reshapeOperand(rate!, [1]) },
      { y: reshapeOperand(lowering.output(node), n) },
      { streamLow: stream, streamHigh: family, inverted: inverted ? 1 : 0 },
    );
  },
  gradient: ({ inputs, gradients, attributes }) => [
    new Tensor(record(dropoutOp, [gradients[0]!.value, inputs[1]!.value, inputs[2]!.value], attributes)[0]!),
    null,
    null,
  ],
});

/**
 * Each element is 0 with probability `rate` (a scalar tensor), independently; the others are divided by
 * 1 − rate when `inverted` (Srivastava et al., 2014; the inverted form needs no scaling in evaluation).
 */
export function dropout(x: Tensor, rate: Tensor, inverted: boolean): Tensor {
  checkFloat(x, "dropout");
  const { key, stream, family } = keyAndStream();
  return new Tensor(record(dropoutOp, [x.value, key, rate.value], { stream, family, inverted })[0]!);
}
