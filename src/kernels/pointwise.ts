/** Functions of single elements, on arrays of one length. */

import type { TypedArray } from "../dtype.js";
import { ArgumentError, describe, expected, ShapeError } from "../errors.js";
import { ChainBuilder } from "../graph/chain.js";
import { ArrayCall, type KernelOptions } from "./call.js";
import {
  type BinaryName,
  binaryNames,
  type FunctionName,
  rowNames,
  type TernaryName,
  ternaryNames,
  type UnaryName,
  unaryNames,
} from "./names.js";

/** An array, or one number for all elements. */
export type ArrayOrNumber = TypedArray | number;

export type UnaryKernel = (x: TypedArray, out: TypedArray, options?: KernelOptions) => void;
export type BinaryKernel = (
  x: ArrayOrNumber,
  y: ArrayOrNumber,
  out: TypedArray,
  options?: KernelOptions,
) => void;
export type TernaryKernel = (
  x: ArrayOrNumber,
  y: ArrayOrNumber,
  z: ArrayOrNumber,
  out: TypedArray,
  options?: KernelOptions,
) => void;

export type PointwiseKernels = Readonly<
  Record<UnaryName, UnaryKernel> & Record<BinaryName, BinaryKernel> & Record<TernaryName, TernaryKernel>
>;

const inputNames = ["x", "y", "z"] as const;

function apply(
  name: FunctionName,
  inputs: readonly ArrayOrNumber[],
  out: TypedArray,
  options: KernelOptions = {},
): void {
  if (!ArrayBuffer.isView(out)) throw new ArgumentError(expected("a typed array", "out", describe(out)));
  const call = new ArrayCall(options.isa);
  const shape = [out.length];
  const y0 = call.any("out", out, shape);
  inputs.forEach((x, i) => {
    if (ArrayBuffer.isView(x) && x.length !== out.length) {
      throw new ShapeError(expected(`${out.length} elements, as out has,`, inputNames[i]!, describe(x)));
    }
  });
  // Arrays first: they decide the float type that numbers take.
  const arrays = inputs.map((x, i) => (typeof x === "number" ? null : call.any(inputNames[i]!, x, shape)));
  const operands = inputs.map((x, i) => arrays[i] ?? call.number(inputNames[i]!, x, shape));
  const chain = new ChainBuilder();
  const result = chain.call(rowNames[name], ...operands.map((_, i) => chain.input(i)));
  const [x0, x1, x2] = operands;
  call.emit.pointwise({ x0, x1, x2 }, { y0 }, { code: chain.encode(result) });
  call.run();
}

function make(): PointwiseKernels {
  const kernels: Record<string, unknown> = {};
  for (const name of unaryNames) {
    kernels[name] = (x: TypedArray, out: TypedArray, options?: KernelOptions) =>
      apply(name, [x], out, options);
  }
  for (const name of binaryNames) {
    kernels[name] = (x: ArrayOrNumber, y: ArrayOrNumber, out: TypedArray, options?: KernelOptions) =>
      apply(name, [x, y], out, options);
  }
  for (const name of ternaryNames) {
    kernels[name] = (
      x: ArrayOrNumber,
      y: ArrayOrNumber,
      z: ArrayOrNumber,
      out: TypedArray,
      options?: KernelOptions,
    ) => apply(name, [x, y, z], out, options);
  }
  return Object.freeze(kernels) as unknown as PointwiseKernels;
}

/**
 * out[i] = f(x[i], ...), by name: `pointwise.tanh(x, out)`, `pointwise.add(x, 1, out)`,
 * `pointwise.select(condition, a, b, out)`. `out` may be one of the inputs. Truth values are 1 and 0; the
 * derivatives (`geluGrad` and so on) give dy times the derivative.
 */
export const pointwise: PointwiseKernels = make();
