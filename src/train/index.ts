/** Training. */

export type { Callbacks } from "./callbacks.js";
export type { EarlyStoppingOptions } from "./early-stopping.js";
export type { FitOptions, TrainingLength } from "./fit-options.js";
export type { EpochLog, Evaluation, History } from "./history.js";
export * as metrics from "./metrics.js";
export type { CustomMetric, MetricName } from "./named-metrics.js";
export type { TrainingLoss } from "./objective.js";
export type { Predictions } from "./predictions.js";
export { describeEpoch, type ProgressMode } from "./progress.js";
export type { ClassWeights } from "./samples.js";
export { type PartialFitResult, Trainer, type TrainerOptions } from "./trainer.js";
