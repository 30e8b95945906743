/** Training, evaluating and predicting with one model. */

import { type CompiledStep, compile } from "../compile.js";
import type { Dataset } from "../data/dataset.js";
import type { TypedArray } from "../dtype.js";
import { ArgumentError, checkInteger, checkNumber, checkOptions, describe, expected } from "../errors.js";
import type { Clip } from "../graph/compiler.js";
import { BinaryCrossEntropy } from "../losses/index.js";
import { inMode } from "../nn/mode.js";
import { Module } from "../nn/module.js";
import { takeStream } from "../ops/random.js";
import { Optimizer } from "../optim/optimizer.js";
import type { Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.js";
import { EVALUATION_ROWS, Evaluator } from "./evaluation.js";
import { Fit } from "./fit.js";
import { checkFitOptions, type FitOptions } from "./fit-options.js";
import type { EpochLog, Evaluation, History } from "./history.js";
import { type CustomMetric, type MetricName, metricOf } from "./named-metrics.js";
import type { Objective, TrainingLoss } from "./objective.js";
import {
  type ClassWeights,
  checkClassWeights,
  checkDataset,
  checkTargets,
  classWeightValues,
  combinedWeights,
} from "./samples.js";
import { TrainerState } from "./state.js";

export interface TrainerOptions {
  /** One of `losses`, or an object with `forward(prediction, target)` giving one number. */
  readonly loss: TrainingLoss;
  readonly optimizer: Optimizer;
  /** Of the gradients: by value, then by global norm. */
  readonly clip?: Clip;
  /** Reported after every epoch and by `evaluate`. */
  readonly metrics?: readonly (MetricName | CustomMetric)[];
  /** Of the order of samples and of dropout; by default taken from `manualSeed`. */
  readonly seed?: number;
  /** The loss of a step is then Σwℓ/Σw over its samples, w the weight of the sample's class. Validation is not weighted. */
  readonly classWeights?: ClassWeights;
  /** l1·Σ|w| + l2·Σw² over all weights (parameters of two or more dimensions) is added to the loss. */
  readonly regularize?: { readonly l1?: number; readonly l2?: number };
  /**
   * Batches a step: one step over n batches of b samples is one over n·b samples, except that batch
   * normalisation takes the statistics of each batch by itself (and its running ones from the last). Default 1.
   */
  readonly accumulate?: number;
}

/** What one step of `partialFit` gave. */
export interface PartialFitResult {
  readonly loss: number;
  readonly gradNorm: number;
}

/** Samples, targets and weights, the first two with their shapes. */
type PartialArguments = [TypedArray, Shape, TypedArray, Shape, TypedArray?];

const names = ["loss", "optimizer", "clip", "metrics", "seed", "classWeights", "regularize", "accumulate"];

/**
 * Trains a model on data sets held in memory. The same seed (and `manualSeed` before the model is made)
 * gives the same bits, at any number of threads.
 *
 * One training of a model at a time; a second is refused with a BusyError. Evaluating and predicting may
 * go on meanwhile: they see the model as it is between two steps. After a training the model is in
 * evaluation mode.
 */
export class Trainer {
  readonly #state: TrainerState;
  readonly #evaluator: Evaluator;
  #partial: CompiledStep<PartialArguments> | null = null;
  #objective: Objective;

  constructor(model: Module, options: TrainerOptions) {
    if (!(model instanceof Module)) throw new ArgumentError(expected("a module", "model", describe(model)));
    checkOptions(options, names, "Trainer");
    const { loss, optimizer, clip, metrics = [], classWeights = null, regularize = {} } = options;
    if (typeof loss?.forward !== "function")
      throw new ArgumentError(expected("a loss", "loss", describe(loss)));
    if (!(optimizer instanceof Optimizer))
      throw new ArgumentError(expected("an optimizer", "optimizer", describe(optimizer)));
    if (!Array.isArray(metrics))
      throw new ArgumentError(expected("a list of metrics", "metrics", describe(metrics)));
    if (classWeights !== null) checkClassWeights(classWeights);
    checkOptions(regularize, ["l1", "l2"], "regularize");
    const { l1 = 0, l2 = 0 } = regularize;
    this.#state = new TrainerState({
      model,
      loss,
      optimizer,
      clip,
      metrics: metrics.map(metricOf),
      penalties: {
        l1: checkNumber(l1, "regularize.l1", { min: 0 }),
        l2: checkNumber(l2, "regularize.l2", { min: 0 }),
      },
      accumulate: checkInteger(options.accumulate ?? 1, "accumulate", { min: 1 }),
      classWeights,
      // A probability says yes above ½, everything else (logits, margins) above 0.
      threshold: loss instanceof BinaryCrossEntropy ? 0.5 : 0,
      seed: checkInteger(options.seed ?? takeStream().seed, "seed", { min: 0 }),
    });
    this.#evaluator = new Evaluator(this.#state);
    this.#objective = this.#state.objective([]);
  }

  get model(): Module {
    return this.#state.model;
  }
  get optimizer(): Optimizer {
    return this.#state.optimizer;
  }
  /** Epochs done, over all trainings. */
  get epoch(): number {
    return this.#state.epoch;
  }
  /** Of all trainings. */
  get history(): readonly EpochLog[] {
    return this.#state.history;
  }

  /**
   * Trains for some epochs, on the engine's own thread; the event loop stays free.
   *
   * What can be wrong with shapes and labels is reported before the first step. What was learned before
   * an abort, an error in a callback, or a step whose loss or gradient is not finite, is kept.
   *
   * @throws BusyError, NotFiniteError naming epoch and step, DataError naming the row of a bad label, the
   *   signal's reason.
   */
  async fit(train: Dataset, options: FitOptions): Promise<History> {
    const fit = this.#fit(train, options);
    for await (const _ of fit.run()) {
      // Each epoch is told to callbacks and progress.
    }
    return fit.history;
  }

  /** The same, epoch by epoch: `for await (const log of trainer.epochs(train, options))`. Leaving the loop ends the training. */
  epochs(train: Dataset, options: FitOptions): AsyncGenerator<EpochLog, void, undefined> {
    return this.#fit(train, options).run();
  }

  #fit(train: Dataset, options: FitOptions): Fit {
    const data = checkDataset(train, "training data");
    return new Fit(this, this.#state, this.#evaluator, data, checkFitOptions(options));
  }

  /** Ends the training in progress after its current epoch. */
  stop(): void {
    this.#state.stopRequested = true;
  }

  /**
   * One step on these samples, now: learning as data come in. The optimizer's state goes on from step to
   * step. Throws NotFiniteError, and changes nothing, when loss or gradient is not finite.
   */
  partialFit(samples: Dataset): PartialFitResult {
    const state = this.#state;
    const data = checkDataset(samples, "samples");
    state.checkFree("partialFit");
    const classWeights = state.classWeights === null ? null : classWeightValues(state.classWeights, data);
    const weights = combinedWeights(data, classWeights, undefined);
    const step = this.#partialStep();
    const args = this.#partialArguments(data, weights);
    return inMode(true, () => {
      if (state.pending !== null || this.#objective.outputShape === null) state.ready(step, ...args);
      checkTargets(data, this.#objective.outputShape!, "samples");
      const { loss, gradNorm } = step(...args);
      return { loss, gradNorm };
    });
  }

  /** Arrays are copied into memory the step keeps: nothing is allocated from call to call. */
  #partialArguments(
    { length, features, shape, targets, targetShape }: Dataset,
    weights: Float64Array | null,
  ): PartialArguments {
    const isDouble = this.#state.floatType === "float64";
    const own = (numbers: Float32Array | Float64Array) =>
      isDouble ? Float64Array.from(numbers) : Float32Array.from(numbers);
    const x = isDouble ? own(features) : features;
    const y = targets instanceof Float32Array && isDouble ? own(targets) : targets;
    return [x, [length, ...shape], y, [length, ...targetShape], weights === null ? undefined : own(weights)];
  }

  #partialStep(): CompiledStep<PartialArguments> {
    if (this.#partial !== null) return this.#partial;
    const objective = this.#state.objective([]);
    this.#objective = objective;
    const build = (x: Tensor, shape: Shape, y: Tensor, targetShape: Shape, weight: Tensor | null = null) =>
      objective.build({ x: x.reshape(shape), y: y.reshape(targetShape), weight }, shape[0]!).loss!;
    // Compiled functions get tensors in place of the arrays they are called with.
    this.#partial = compile(
      build as unknown as (...args: PartialArguments) => Tensor,
      this.#state.compileOptions,
    );
    return this.#partial;
  }

  /** The loss and the metrics of a data set, in evaluation mode. */
  async evaluate(data: Dataset, options: { readonly batchSize?: number } = {}): Promise<Evaluation> {
    return this.#evaluator.evaluate(
      this.#evaluator.prepare(checkDataset(data, "data"), batchRows(options, "evaluate")),
    );
  }

  /**
   * What the model gives for each sample, in evaluation mode: logits where the loss takes logits. `x` has
   * one row a sample; large inputs go through the model `batchSize` rows at a time.
   */
  async predict(x: Tensor | Dataset, options: { readonly batchSize?: number } = {}): Promise<Tensor> {
    return this.#evaluator.predict(x, batchRows(options, "predict"));
  }

  /** Writes model, optimizer and counters to a file; between epochs, that is after `fit` or in a callback. */
  async saveCheckpoint(path: string): Promise<void> {
    await saveCheckpoint(this.#state, path);
  }

  /**
   * Goes back to what `saveCheckpoint` wrote, in this process or another: with a model, a loss and an
   * optimizer made in the same way, training goes on to the same bits as if it had never stopped. The
   * counters of early stopping begin anew.
   *
   * @throws FormatError, StateError, ShapeError.
   */
  async loadCheckpoint(path: string): Promise<void> {
    await loadCheckpoint(this.#state, path);
    this.#partial = null;
  }
}

function batchRows(options: { readonly batchSize?: number }, call: string): number {
  checkOptions(options, ["batchSize"], call);
  return checkInteger(options.batchSize ?? EVALUATION_ROWS, "batchSize", { min: 1 });
}
