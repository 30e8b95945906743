import type { Dataset } from "../data/dataset.js";
import {
  ArgumentError,
  checkBoolean,
  checkInteger,
  checkOneOf,
  checkOptions,
  describe,
  expected,
} from "../errors.js";
import type { Schedule } from "../optim/optimizer.js";
import type { Callbacks } from "./callbacks.js";
import type { EarlyStoppingOptions } from "./early-stopping.js";
import type { ProgressMode } from "./progress.js";
import { checkDataset } from "./samples.js";

/** What a schedule can be made for: the steps of this training. */
export interface TrainingLength {
  readonly steps: number;
  readonly stepsPerEpoch: number;
}

export interface FitOptions {
  /** How many more epochs. */
  readonly epochs: number;
  /** Samples a forward pass; a step has `accumulate` times as many. Default 32. */
  readonly batchSize?: number;
  /** Measured after every epoch. */
  readonly validation?: Dataset;
  /** A new random order every epoch, by the trainer's seed and the epoch. Default true. */
  readonly shuffle?: boolean;
  /** Leave out the samples that do not fill the last batch of an epoch. Default false. */
  readonly dropRemainder?: boolean;
  readonly callbacks?: Callbacks | readonly Callbacks[];
  /** Ends the training between two steps; `fit` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly earlyStopping?: EarlyStoppingOptions;
  /**
   * Factor on the learning rate. A schedule counts the optimizer's steps from its first one, so that a
   * training resumed from a checkpoint goes on where it was; one made by a function counts the steps of
   * this training. In effect during this training only.
   */
  readonly schedule?: Schedule | ((length: TrainingLength) => Schedule);
  /** One weight a sample: the loss of a step is Σwℓ/Σw. */
  readonly sampleWeights?: ArrayLike<number>;
  /** Default "auto": on a terminal. */
  readonly progress?: ProgressMode;
  /** Native threads; by default all but one, which is left to the event loop. */
  readonly threads?: number;
}

const names = [
  "epochs",
  "batchSize",
  "validation",
  "shuffle",
  "dropRemainder",
  "callbacks",
  "signal",
  "earlyStopping",
  "schedule",
  "sampleWeights",
  "progress",
  "threads",
];

export interface CheckedFitOptions extends FitOptions {
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly dropRemainder: boolean;
  readonly callbacks: readonly Callbacks[];
  readonly progress: ProgressMode;
}

export function checkFitOptions(options: FitOptions): CheckedFitOptions {
  checkOptions(options, names, "fit");
  checkInteger(options.epochs, "epochs", { min: 1 });
  if (options.validation !== undefined) checkDataset(options.validation, "validation");
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new ArgumentError(expected("an AbortSignal", "signal", describe(options.signal)));
  }
  if (options.threads !== undefined) checkInteger(options.threads, "threads", { min: 1 });
  const { schedule, callbacks = [] } = options;
  if (schedule !== undefined && typeof schedule !== "function" && typeof schedule.factor !== "function") {
    throw new ArgumentError(
      expected("a schedule, or a function that makes one", "schedule", describe(schedule)),
    );
  }
  return {
    ...options,
    batchSize: checkInteger(options.batchSize ?? 32, "batchSize", { min: 1 }),
    shuffle: checkBoolean(options.shuffle ?? true, "shuffle"),
    dropRemainder: checkBoolean(options.dropRemainder ?? false, "dropRemainder"),
    callbacks: Array.isArray(callbacks) ? callbacks : [callbacks as Callbacks],
    progress: checkOneOf(options.progress ?? "auto", [true, false, "auto"], "progress"),
  };
}
