/**
 * nabla/kernels: the kernels themselves on the caller's typed arrays, for people who bring their own
 * framework. Float32Array or Float64Array throughout a call (float64 runs on the scalar kernels);
 * matrices are row-major; arrays may be unaligned views of larger buffers and are used in place.
 *
 * Arrays that are too short, detached, shared or resizable, and outputs that overlap another array, are
 * refused with an error that names the argument, before anything is written.
 */

import { gemm } from "./kernels/gemm.js";
import { crossEntropy, crossEntropyBackward, pick, pickBackward } from "./kernels/loss.js";
import {
  batchNorm,
  batchNormBackward,
  layerNorm,
  layerNormBackward,
  rmsNorm,
  rmsNormBackward,
} from "./kernels/norm.js";
import { adagradStep, adamStep, firstNotFinite, rmspropStep, sgdStep } from "./kernels/optimizer.js";
import { pointwise } from "./kernels/pointwise.js";
import { dropout, normal, uniform } from "./kernels/random.js";
import { argReduce, reduce, softmax, softmaxBackward } from "./kernels/reduce.js";
import { copy, fill, gatherRows, scatterAddRows } from "./kernels/rows.js";
import type { KernelName } from "./native/kernels.generated.js";

export { info, setThreads } from "./info.js";
export type { FloatArray, KernelOptions } from "./kernels/call.js";
export type { GemmOptions } from "./kernels/gemm.js";
export type { CrossEntropyArrays, CrossEntropyKernelOptions, PickOptions } from "./kernels/loss.js";
export type { BinaryName, FunctionName, TernaryName, UnaryName } from "./kernels/names.js";
export type { NormOptions } from "./kernels/norm.js";
export type {
  AdamStepOptions,
  EpsilonOptions,
  OptimizerStepOptions,
  RmspropStepOptions,
  SgdStepOptions,
} from "./kernels/optimizer.js";
export type {
  ArrayOrNumber,
  BinaryKernel,
  PointwiseKernels,
  TernaryKernel,
  UnaryKernel,
} from "./kernels/pointwise.js";
export type { DropoutOptions, RandomOptions } from "./kernels/random.js";
export type { ReduceKernelOptions, Reduction, SoftmaxOptions } from "./kernels/reduce.js";
export type { CopyOptions, RowOptions } from "./kernels/rows.js";

export {
  adagradStep,
  adamStep,
  argReduce,
  batchNorm,
  batchNormBackward,
  copy,
  crossEntropy,
  crossEntropyBackward,
  dropout,
  fill,
  firstNotFinite,
  gatherRows,
  gemm,
  layerNorm,
  layerNormBackward,
  normal,
  pick,
  pickBackward,
  pointwise,
  reduce,
  rmsNorm,
  rmsNormBackward,
  rmspropStep,
  scatterAddRows,
  sgdStep,
  softmax,
  softmaxBackward,
  uniform,
};

/** What runs each row of kernels.inc: a row without a function here does not compile. */
export const byRow: Readonly<Record<KernelName, unknown>> = {
  gemm,
  pointwise,
  reduce,
  arg_reduce: argReduce,
  softmax_forward: softmax,
  softmax_backward: softmaxBackward,
  cross_entropy_forward: crossEntropy,
  cross_entropy_backward: crossEntropyBackward,
  pick_forward: pick,
  pick_backward: pickBackward,
  batch_norm_forward: batchNorm,
  batch_norm_backward: batchNormBackward,
  layer_norm_forward: layerNorm,
  layer_norm_backward: layerNormBackward,
  rms_norm_forward: rmsNorm,
  rms_norm_backward: rmsNormBackward,
  gather_rows: gatherRows,
  scatter_add_rows: scatterAddRows,
  copy,
  fill,
  random: uniform,
  dropout,
  check_finite: firstNotFinite,
  sgd_step: sgdStep,
  adagrad_step: adagradStep,
  rmsprop_step: rmspropStep,
  adam_step: adamStep,
};
