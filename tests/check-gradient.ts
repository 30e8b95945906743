/**
 * Gradients against central differences in float64:
 *
 *     (L(x + h) − L(x − h)) / 2h,  h = 10⁻⁵·max(1, |x|)
 *
 * whose error is of the order h²·L‴ ≈ 10⁻¹⁰ by truncation and 10⁻¹⁶/h ≈ 10⁻¹¹ by rounding. The
 * tolerance of 10⁻⁷ leaves room for third derivatives and sums of a few hundred terms, and is far
 * below any wrong rule.
 */

import { expect } from "vitest";
import { isFloat } from "../src/dtype.js";
import { grad } from "../src/graph/differentiate.js";
import type { Module } from "../src/nn/module.js";
import { type Tensor, tensor } from "../src/tensor.js";

const TOLERANCE = 1e-7;

/** Numbers without a pattern, away from 0: ±[0.2, 1.2). */
export function irregular(count: number, phase = 0): number[] {
  return Array.from({ length: count }, (_, i) => {
    const fraction = ((i + 1) * 0.6180339887498949 + phase * 0.7548776662466927) % 1;
    return (i * 7 + Math.floor(phase * 3)) % 3 === 0 ? -0.2 - fraction : 0.2 + fraction;
  });
}

/** A float64 tensor to differentiate by. */
export function variable(
  shape: readonly number[],
  options: { phase?: number; data?: readonly number[] } = {},
): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = options.data ?? irregular(size, options.phase ?? 0);
  return tensor(Float64Array.from(data), { shape, requiresGrad: true });
}

/** A scalar that depends on every element of y, each in its own way. */
export function project(y: Tensor): Tensor {
  const weights = tensor(Float64Array.from(irregular(y.size, 0.5)), { shape: y.shape });
  return y.mul(weights).sum();
}

/** Something whose elements the check moves, and what the gradient by them is said to be. */
interface Variable {
  readonly name: string;
  readonly gradient: ArrayLike<number>;
  readonly values: { [index: number]: number; readonly length: number };
}

function compare(loss: () => number, variables: readonly Variable[]): void {
  for (const { name, gradient, values } of variables) {
    for (let i = 0; i < values.length; i++) {
      const x = values[i]!;
      const h = 1e-5 * Math.max(1, Math.abs(x));
      values[i] = x + h;
      const above = loss();
      values[i] = x - h;
      const below = loss();
      values[i] = x;
      const numeric = (above - below) / (2 * h);
      const error = Math.abs(gradient[i]! - numeric);
      if (!(error <= TOLERANCE * Math.max(1, Math.abs(numeric)))) {
        expect.fail(`gradient by ${name}[${i}]: ${gradient[i]} instead of ${numeric}`);
      }
    }
  }
}

/** Checks the gradients of a function of float64 tensors by each of them. */
export function checkFunction(fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): void {
  const gradients = grad(project(fn(...inputs)), inputs, { allowUnused: true });
  const values = inputs.map((x) => Float64Array.from(x.dataSync()));
  const loss = () =>
    project(fn(...inputs.map((x, i) => tensor(values[i]!, { shape: x.shape, requiresGrad: true })))).item();
  compare(
    loss,
    inputs.map((_, i) => ({ name: `input ${i}`, gradient: gradients[i]!.dataSync(), values: values[i]! })),
  );
}

/** Checks the gradients of a model by its parameters and by x (unless x is not a float tensor). */
export function checkModule(
  model: Module & { forward(x: Tensor): Tensor },
  x: Tensor,
  before: () => void = () => {},
): void {
  model.to("float64");
  const parameters = model.namedParameters();
  const inputs = isFloat(x.dtype) ? [x] : [];
  before();
  const targets = [...inputs, ...parameters.map(([, p]) => p)];
  const gradients = grad(project(model.forward(x)), targets, { allowUnused: true }).map((g) => g.dataSync());
  const values = inputs.map((t) => Float64Array.from(t.dataSync()));
  const loss = () => {
    before();
    return project(model.forward(inputs.length === 0 ? x : tensor(values[0]!, { shape: x.shape }))).item();
  };
  compare(loss, [
    ...values.map((v, i) => ({ name: "x", gradient: gradients[i]!, values: v })),
    ...parameters.map(([name, p], i) => ({
      name,
      gradient: gradients[inputs.length + i]!,
      values: p.values,
    })),
  ]);
}
