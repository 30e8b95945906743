/** Tensors from numbers: constants take no memory until an operation needs it. */

import { type DType, isFloat } from "../dtype.js";
import { constantValue } from "../graph/value.js";
import { checkShape, type Shape } from "../shape.js";
import { Tensor } from "../tensor.js";
import { expand } from "./view.js";

/** A number as a scalar for arithmetic with a tensor of type `beside`. */
export function tensorOf(value: number, beside: DType): Tensor {
  const dtype = isFloat(beside) || Number.isInteger(value) ? beside : "float32";
  return new Tensor(constantValue(value, dtype === "bool" ? "int32" : dtype));
}

/** A tensor of one number; nothing is stored. */
export function full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
  return expand(new Tensor(constantValue(value, dtype)), checkShape(shape, "shape"));
}

export const zeros = (shape: Shape, dtype: DType = "float32"): Tensor => full(shape, 0, dtype);
export const ones = (shape: Shape, dtype: DType = "float32"): Tensor => full(shape, 1, dtype);
