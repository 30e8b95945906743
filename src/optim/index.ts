export { Adagrad, type AdagradOptions, type EpsilonPlace } from "./adagrad.js";
export { Adam, type AdamOptions, AdamW } from "./adam.js";
export { type GroupSettings, Optimizer, type OptimizerOptions, type Schedule } from "./optimizer.js";
export { type PlateauState, ReduceOnPlateau, type ReduceOnPlateauOptions } from "./reduce-on-plateau.js";
export { RMSprop, type RMSpropOptions } from "./rmsprop.js";
export * as schedules from "./schedules.js";
export { SGD, type SGDOptions } from "./sgd.js";
