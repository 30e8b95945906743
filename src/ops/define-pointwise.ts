/** Making operations on single elements: shape rule, fusion rule and gradient from a few words each. */

import { type DType, isFloat, promote } from "../dtype.js";
import { DTypeError, expected } from "../errors.js";
import { checkOneFloatType, record } from "../graph/trace.js";
import {
  type Attributes,
  defineOp,
  type GradientContext,
  type NotDifferentiable,
  type Op,
  type Value,
} from "../graph/value.js";
import type { PointwiseName } from "../native/kernels.generated.js";
import { broadcastShapes, type Shape } from "../shape.js";
import { Tensor } from "../tensor.js";
import type { PointwiseRule } from "./pointwise-op.js";
import { sumTo } from "./reduce.js";

/** The element type of the result, from those of the inputs. */
export type ResultType = "float" | "same" | "bool";

interface PointwiseDefinition {
  /** Set when the rule is one call of this row with the inputs in order. */
  readonly row?: PointwiseName;
  readonly result: ResultType;
  readonly rule: PointwiseRule;
  /** Gradient by each input, before it is summed over stretched axes. */
  readonly gradient:
    | ((x: readonly Tensor[], y: Tensor, dy: Tensor, attributes: Attributes) => (Tensor | null)[])
    | NotDifferentiable;
}

function resultType(kind: ResultType, inputs: readonly Value[], name: string): DType {
  checkOneFloatType(inputs, name);
  if (kind === "bool") return "bool";
  const common = inputs.map((v) => v.dtype).reduce(promote);
  if (kind === "float" && !isFloat(common)) return "float32";
  return common === "bool" && kind === "same" ? "int32" : common;
}

/** The shape all inputs broadcast to. */
function commonShape(inputs: readonly Value[], name: string): Shape {
  return inputs.map((v) => v.shape).reduce((a, b) => broadcastShapes(a, b, name));
}

export function definePointwise(name: string, definition: PointwiseDefinition): Op {
  const { gradient } = definition;
  return defineOp<Attributes>({
    name,
    pointwise: definition.rule,
    row: definition.row,
    infer(inputs, attributes) {
      const dtype = (attributes.dtype as DType | undefined) ?? resultType(definition.result, inputs, name);
      return [{ shape: commonShape(inputs, name), dtype }];
    },
    lower(lowering, node) {
      lowering.pointwiseChain(node);
    },
    gradient:
      typeof gradient !== "function"
        ? gradient
        : ({ inputs, outputs, gradients, attributes }: GradientContext<Attributes>) =>
            gradient(inputs, outputs[0]!, gradients[0]!, attributes).map((g, i) =>
              g === null ? null : sumTo(g, inputs[i]!.shape),
            ),
  });
}

export type UnaryFunction = (x: Tensor) => Tensor;
export type BinaryFunction = (a: Tensor, b: Tensor) => Tensor;

/** An operation that is one row of pointwise.inc with one argument. */
export function unary(
  name: string,
  row: PointwiseName,
  gradient: ((x: Tensor, y: Tensor, dy: Tensor) => Tensor) | NotDifferentiable,
  result: ResultType = "float",
): UnaryFunction {
  const op = definePointwise(name, {
    result,
    row,
    rule: (call, [x]) => call(row, x!),
    gradient: typeof gradient === "function" ? ([x], y, dy) => [gradient(x!, y, dy)] : gradient,
  });
  return (x) => new Tensor(record(op, [x.value], {})[0]!);
}

/** An operation that is one row of pointwise.inc with two arguments. */
export function binary(
  name: string,
  row: PointwiseName,
  gradient: ((a: Tensor, b: Tensor, y: Tensor, dy: Tensor) => (Tensor | null)[]) | NotDifferentiable,
  result: ResultType = "same",
): BinaryFunction {
  const op = definePointwise(name, {
    result,
    row,
    rule: (call, [a, b]) => call(row, a!, b!),
    gradient: typeof gradient === "function" ? ([a, b], y, dy) => gradient(a!, b!, y, dy) : gradient,
  });
  return (a, b) => new Tensor(record(op, [a.value, b.value], {})[0]!);
}

/** An operation that is one row of pointwise.inc with three arguments. */
export function ternary(
  name: string,
  row: PointwiseName,
  gradient: ((x: readonly Tensor[], y: Tensor, dy: Tensor) => (Tensor | null)[]) | NotDifferentiable,
  result: ResultType = "same",
): (a: Tensor, b: Tensor, c: Tensor) => Tensor {
  const op = definePointwise(name, {
    result,
    rule: (call, [a, b, c]) => call(row, a!, b!, c!),
    gradient: typeof gradient === "function" ? (x, y, dy) => gradient(x, y, dy) : gradient,
  });
  return (a, b, c) => new Tensor(record(op, [a.value, b.value, c.value], {})[0]!);
}

export function checkFloat(x: Tensor, operation: string): void {
  if (!isFloat(x.dtype)) throw new DTypeError(expected("a float tensor", operation, x.dtype));
}
