/** Operations as functions; most are methods of Tensor too. */

export * from "./activations.js";
export * from "./arithmetic.js";
export { full, ones, zeros } from "./creation.js";
export { type CrossEntropyRowOptions, crossEntropyRows } from "./cross-entropy.js";
export { customGradient } from "./custom.js";
export { gatherRows, pick } from "./indexing.js";
export { linear, matmul } from "./matmul.js";
export { type BatchNormResult, batchNorm, layerNorm, rmsNorm } from "./normalisation.js";
export { dropout, rand, randn } from "./random.js";
export { argReduce, type ReduceKind, type ReduceOptions, reduce } from "./reduce.js";
export { logSoftmax, logSumExp, softmax } from "./softmax.js";
export {
  concat,
  expand,
  flatten,
  narrow,
  pad,
  permute,
  reshape,
  slice,
  squeeze,
  stack,
  transpose,
  unsqueeze,
} from "./view.js";
