/** What a trainer keeps from one call to the next. */

import type { CompiledStep, CompileOptions } from "../compile.js";
import type { FloatDType } from "../dtype.js";
import { BusyError, expected } from "../errors.js";
import type { Clip } from "../graph/compiler.js";
import { modelVersion } from "../graph/model-version.js";
import type { Module } from "../nn/module.js";
import type { Optimizer, Schedule } from "../optim/optimizer.js";
import { type PlateauState, ReduceOnPlateau } from "../optim/reduce-on-plateau.js";
import type { EpochLog } from "./history.js";
import type { Metric } from "./named-metrics.js";
import { Objective, type Penalties, type TrainingLoss } from "./objective.js";
import type { ClassWeights } from "./samples.js";

export interface OptimizerState {
  readonly step: number;
  readonly tensors: ReadonlyMap<string, ArrayLike<number>>;
}

/** Models being trained, by whatever trainer. */
const inTraining = new WeakSet<Module>();

export interface TrainerSettings {
  readonly model: Module;
  readonly loss: TrainingLoss;
  readonly optimizer: Optimizer;
  readonly clip: Clip | undefined;
  readonly metrics: readonly Metric[];
  readonly penalties: Penalties;
  readonly accumulate: number;
  readonly classWeights: ClassWeights | null;
  /** A single output above this means class 1. */
  readonly threshold: number;
  readonly seed: number;
}

export class TrainerState {
  readonly model: Module;
  readonly loss: TrainingLoss;
  readonly optimizer: Optimizer;
  readonly metrics: readonly Metric[];
  readonly accumulate: number;
  readonly classWeights: ClassWeights | null;
  readonly threshold: number;
  /** Epochs done. */
  epoch = 0;
  readonly history: EpochLog[] = [];
  /** Whether a native training step runs at this moment. */
  stepping = false;
  stopRequested = false;
  /** The seed of shuffling and of everything random in the model. */
  seed: number;
  /** Of a loaded checkpoint, until the next step is compiled. */
  pending: OptimizerState | null = null;
  /** What lowers the learning rate when training stands still, in this or the last training. */
  plateau: ReduceOnPlateau | null = null;
  /** Of a loaded checkpoint, until the next training. */
  pendingPlateau: PlateauState | null = null;

  constructor(private readonly settings: TrainerSettings) {
    const { model, loss, optimizer, metrics, accumulate, classWeights, threshold, seed } = settings;
    this.model = model;
    this.loss = loss;
    this.optimizer = optimizer;
    this.metrics = metrics;
    this.accumulate = accumulate;
    this.classWeights = classWeights;
    this.threshold = threshold;
    this.seed = seed;
  }

  objective(metrics: readonly Metric[]): Objective {
    return new Objective(this.model, this.loss, this.settings.penalties, metrics, this.threshold);
  }

  get compileOptions(): CompileOptions {
    const { clip } = this.settings;
    return { optimizer: this.optimizer, seed: this.seed, ...(clip === undefined ? {} : { clip }) };
  }

  /** The float type the model computes in; looked up again when the model has changed. */
  get floatType(): FloatDType {
    const version = modelVersion();
    if (this.knownType?.version !== version) {
      const dtype = this.model.parameters()[0]?.dtype === "float64" ? "float64" : "float32";
      this.knownType = { version, dtype };
    }
    return this.knownType.dtype;
  }
  private knownType: { version: number; dtype: FloatDType } | null = null;

  get fitting(): boolean {
    return inTraining.has(this.model);
  }

  /** Claims the model for one training; the result gives it back. */
  claim(): () => void {
    this.checkFree("fit");
    inTraining.add(this.model);
    this.stopRequested = false;
    return () => {
      inTraining.delete(this.model);
    };
  }

  /** Notes the schedule of a training that begins. */
  watch(schedule: Schedule | undefined): void {
    this.plateau = schedule instanceof ReduceOnPlateau ? schedule : null;
    if (this.pendingPlateau !== null) this.plateau?.restore(this.pendingPlateau);
    this.pendingPlateau = null;
  }

  checkFree(call: string): void {
    if (this.fitting)
      throw new BusyError(
        expected("one training of a model at a time", call, "a model that is being trained"),
      );
  }

  /** For what must not happen in the middle of a step. Between epochs, in callbacks, it may. */
  checkBetweenSteps(call: string): void {
    if (this.stepping)
      throw new BusyError(
        expected("a moment between two epochs (a callback, or after fit)", call, "a training in progress"),
      );
  }

  /**
   * Compiles `step` for arguments like these and gives the optimizer the state of a loaded checkpoint,
   * which needs the parameters to lie where the step wants them.
   */
  ready<A extends unknown[]>(step: CompiledStep<A>, ...args: A): void {
    step.program(...args);
    if (this.pending === null) return;
    this.optimizer.loadStateDict(this.model.namedParameters(), this.pending);
    this.pending = null;
  }
}
