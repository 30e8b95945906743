/** Modules, layers and initial values. */

export {
  Activation,
  ELU,
  GELU,
  HardSigmoid,
  HardSwish,
  HardTanh,
  LeakyReLU,
  LogSigmoid,
  LogSoftmax,
  Mish,
  PReLU,
  ReLU,
  ReLU6,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Softsign,
  Tanh,
} from "./activations.js";
export { Dropout, type DropoutOptions } from "./dropout.js";
export { Embedding, type EmbeddingOptions } from "./embedding.js";
export type { Initializer } from "./init.js";
export * as init from "./init.js";
export { Linear, type LinearOptions } from "./linear.js";
export { Layer, Module, type StateEntry } from "./module.js";
export {
  BatchNorm1d,
  type BatchNormOptions,
  LayerNorm,
  type LayerNormOptions,
  RMSNorm,
  type RMSNormOptions,
} from "./normalisation.js";
export { assignState, Buffer, Parameter, type ParameterOptions } from "./parameter.js";
export { recalibrate } from "./recalibrate.js";
export { ModuleList, Sequential } from "./sequential.js";
export { Flatten, Identity, Residual, type ResidualOptions } from "./shaping.js";
