/** nabla: neural-network training for Node. */

export {
  type CompiledFunction,
  type CompiledStep,
  type CompileOptions,
  compile,
  type ManyOptions,
  type ManyResult,
  type StepResult,
} from "./compile.js";
export * as data from "./data/index.js";
export type { DType, FloatDType, TypedArray } from "./dtype.js";
export * from "./errors.js";
export { grad, valueAndGrad } from "./graph/differentiate.js";
export { noGrad } from "./graph/trace.js";
export { info, setThreads } from "./info.js";
export * as io from "./io/index.js";
export * as losses from "./losses/index.js";
export * as nn from "./nn/index.js";
export { full, ones, zeros } from "./ops/creation.js";
export * as ops from "./ops/index.js";
export { manualSeed, rand, randn } from "./ops/random.js";
export * as optim from "./optim/index.js";
export type { Shape } from "./shape.js";
export { type NestedNumbers, Tensor, type TensorLike, type TensorOptions, tensor } from "./tensor.js";
export * from "./train/index.js";
