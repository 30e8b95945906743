/**
 * Losses, as functions and as objects with their settings. Conventions are PyTorch's: predictions
 * first, classes along axis 1, `reduction` "mean", "sum" or "none".
 */

export {
  BinaryCrossEntropy,
  BinaryCrossEntropyWithLogits,
  type BinaryLogitOptions,
  type BinaryOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type ElementWeights,
} from "./binary-cross-entropy.js";
export type { ClassOptions, ClassWeights } from "./classes.js";
export {
  CrossEntropy,
  type CrossEntropyOptions,
  type CrossEntropySettings,
  crossEntropy,
} from "./cross-entropy.js";
export {
  Hinge,
  type HingeOptions,
  hinge,
  MultiMargin,
  type MultiMarginOptions,
  multiMargin,
  SquaredHinge,
  squaredHinge,
} from "./hinge.js";
export { KLDivergence, type KLDivergenceOptions, type KLReduction, klDivergence } from "./kl-divergence.js";
export { Loss, type Reduction, type ReductionOptions, type Terms, type Total } from "./loss.js";
export { NLL, nll } from "./nll.js";
export {
  Huber,
  type HuberOptions,
  huber,
  L1,
  l1,
  MSE,
  mse,
  SmoothL1,
  type SmoothL1Options,
  smoothL1,
} from "./regression.js";
