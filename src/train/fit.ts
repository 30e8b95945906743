/** One training: epochs over a data set in native memory, with everything that goes on around them. */

import { type CompiledStep, compile, type ManyResult } from "../compile.js";
import type { Dataset } from "../data/dataset.js";
import { ArgumentError, expected, NotFiniteError, StateError } from "../errors.js";
import { inMode } from "../nn/mode.js";
import type { Tensor } from "../tensor.js";
import { EarlyStopping } from "./early-stopping.js";
import { EpochTotals } from "./epoch-totals.js";
import type { Evaluator, PreparedEvaluation } from "./evaluation.js";
import type { CheckedFitOptions } from "./fit-options.js";
import { type EpochLog, type History, monitored } from "./history.js";
import { betterOf } from "./named-metrics.js";
import { epochOrder } from "./order.js";
import { Progress } from "./progress.js";
import {
  checkTargets,
  classWeightValues,
  combinedWeights,
  notFiniteRow,
  residentSamples,
} from "./samples.js";
import type { TrainerState } from "./state.js";
import type { Trainer } from "./trainer.js";

/** While somebody watches, a native call should not last much longer than this. */
const CALL_MS = 200;
const FIRST_CALL_STEPS = 32;

export class Fit {
  private readonly logs: EpochLog[] = [];
  private readonly progress: Progress;
  private readonly earlyStopping: EarlyStopping | null;
  private readonly stepSize: number;
  private lastEpoch = 0;
  private step!: CompiledStep<[Int32Array]>;
  private validation: PreparedEvaluation | null = null;
  private ended: History["ended"] = "complete";

  constructor(
    private readonly trainer: Trainer,
    private readonly state: TrainerState,
    private readonly evaluator: Evaluator,
    private readonly data: Dataset,
    private readonly options: CheckedFitOptions,
  ) {
    const watched =
      options.earlyStopping?.monitor ?? (options.validation === undefined ? "loss" : "validation.loss");
    this.earlyStopping =
      options.earlyStopping === undefined
        ? null
        : new EarlyStopping(state.model, options.earlyStopping, watched, betterOf(watched, state.metrics));
    this.progress = new Progress(options.progress);
    this.stepSize = options.batchSize * state.accumulate;
  }

  get history(): History {
    return { epochs: this.logs, ended: this.ended, best: this.earlyStopping?.best ?? null };
  }

  async *run(): AsyncGenerator<EpochLog, void, undefined> {
    const { state } = this;
    const release = state.claim();
    const scheduleBefore = state.optimizer.schedule;
    this.lastEpoch = state.epoch + this.options.epochs;
    let begun = false;
    try {
      this.options.signal?.throwIfAborted();
      this.prepare();
      begun = true;
      await this.tell((c) => c.onTrainBegin?.(this.trainer));
      while (state.epoch < this.lastEpoch) {
        const { log, end } = await this.epoch();
        yield log;
        if (end || state.stopRequested) break;
      }
      this.earlyStopping?.restore();
    } finally {
      state.optimizer.schedule = scheduleBefore;
      state.model.evaluate();
      this.progress.end();
      release();
      if (begun) await this.tell((c) => c.onTrainEnd?.(this.trainer));
    }
  }

  private async tell(
    call: (callbacks: CheckedFitOptions["callbacks"][number]) => unknown,
  ): Promise<unknown[]> {
    const answers: unknown[] = [];
    for (const callbacks of this.options.callbacks) answers.push(await call(callbacks));
    return answers;
  }

  // ---- before the first epoch -------------------------------------------------------------------

  /** Everything that can be wrong with model, data and options shows here, before anything is learned. */
  private prepare(): void {
    const { state, options, data } = this;
    const classWeights = state.classWeights === null ? null : classWeightValues(state.classWeights, data);
    const weights = combinedWeights(data, classWeights, options.sampleWeights);
    const { x, y, weight } = residentSamples(data, state.floatType, weights);
    const objective = state.objective(state.metrics);
    const part = options.batchSize;
    this.step = compile((index: Int32Array) => {
      // A compiled function gets a tensor in place of the array it is called with.
      const rows = index as unknown as Tensor;
      const samples = {
        x: x.gatherRows(rows),
        y: y.gatherRows(rows),
        weight: weight?.gatherRows(rows) ?? null,
      };
      return objective.build(samples, part);
    }, state.compileOptions);
    const { full, rest } = this.counts();
    for (const size of [full > 0 ? this.stepSize : 0, rest]) {
      if (size > 0) inMode(true, () => state.ready(this.step, new Int32Array(size)));
    }
    const outputs = objective.outputShape!;
    checkTargets(data, outputs, "targets");
    if (options.validation !== undefined) {
      checkTargets(options.validation, outputs, "validation targets");
      this.validation = this.evaluator.prepare(options.validation);
    }
    this.setSchedule(full + (rest > 0 ? 1 : 0));
  }

  /** Full steps of an epoch, and the samples left for one more. */
  private counts(): { full: number; rest: number } {
    const full = Math.floor(this.data.length / this.stepSize);
    const rest = this.data.length % this.stepSize;
    if (!this.options.dropRemainder) return { full, rest };
    if (full > 0) return { full, rest: 0 };
    throw new StateError(
      expected(`at least ${this.stepSize} samples with dropRemainder`, "fit", `${this.data.length}`),
    );
  }

  private setSchedule(stepsPerEpoch: number): void {
    const { optimizer } = this.state;
    const { schedule, epochs } = this.options;
    if (typeof schedule === "function") {
      const inner = schedule({ steps: epochs * stepsPerEpoch, stepsPerEpoch });
      if (typeof inner?.factor !== "function")
        throw new ArgumentError(expected("a schedule", "the function schedule", inner));
      const start = optimizer.stepCount;
      optimizer.schedule = { factor: (step) => inner.factor(step - start) };
      this.state.watch(inner);
    } else {
      if (schedule !== undefined) optimizer.schedule = schedule;
      this.state.watch(optimizer.schedule);
    }
  }

  // ---- an epoch ---------------------------------------------------------------------------------

  private async epoch(): Promise<{ log: EpochLog; end: boolean }> {
    const { state, options } = this;
    options.signal?.throwIfAborted();
    await this.tell((c) => c.onEpochBegin?.(state.epoch + 1, this.trainer));
    const start = performance.now();
    const totals = await this.train();
    const validation = this.validation === null ? null : await this.evaluator.evaluate(this.validation);
    const { optimizer } = state;
    const log: EpochLog = {
      epoch: state.epoch + 1,
      ...totals.result(),
      validation,
      learningRate: optimizer.learningRate * (optimizer.schedule?.factor(optimizer.stepCount - 1) ?? 1),
      step: optimizer.stepCount,
      seconds: (performance.now() - start) / 1000,
    };
    state.epoch++;
    state.history.push(log);
    this.logs.push(log);
    this.progress.epoch(log, this.lastEpoch);
    return { log, end: await this.afterEpoch(log) };
  }

  /** Whether the training should end. */
  private async afterEpoch(log: EpochLog): Promise<boolean> {
    const { state } = this;
    const { plateau } = state;
    if (plateau !== null) {
      const name = plateau.monitor ?? (log.validation === null ? "loss" : "validation.loss");
      plateau.observe(monitored(log, name), plateau.mode ?? betterOf(name, state.metrics));
    }
    const early = this.earlyStopping?.observe(log) ?? false;
    const answers = await this.tell((c) => c.onEpochEnd?.(log, this.trainer));
    if (answers.includes(false)) state.stopRequested = true;
    if (state.stopRequested) this.ended = "stopped";
    else if (early) this.ended = "early";
    return early || state.stopRequested;
  }

  private async order(): Promise<Int32Array> {
    const { length } = this.data;
    if (this.options.shuffle) return epochOrder(length, this.state.seed, this.state.epoch);
    return new Int32Array(length).map((_, i) => i);
  }

  /** All steps of an epoch in one native call (in several while somebody watches), and one for the last samples. */
  private async train(): Promise<EpochTotals> {
    const { stepSize, progress } = this;
    const { full, rest } = this.counts();
    const steps = full + (rest > 0 ? 1 : 0);
    const order = await this.order();
    const totals = new EpochTotals(this.state.metrics);
    let call = progress.active ? FIRST_CALL_STEPS : full;
    for (let done = 0; done < full; ) {
      const count = Math.min(call, full - done);
      const start = performance.now();
      const rows = order.subarray(done * stepSize, (done + count) * stepSize);
      totals.add(await this.runSteps(count, rows), stepSize);
      done += count;
      progress.step(this.state.epoch + 1, this.lastEpoch, done, steps, totals.latestLoss);
      call = Math.max(1, Math.round((count * CALL_MS) / Math.max(performance.now() - start, 0.01)));
    }
    if (rest > 0)
      totals.add(await this.runSteps(1, order.subarray(full * stepSize, full * stepSize + rest)), rest);
    return totals;
  }

  /** `count` steps in one native call; what was done before an abort or an error is kept. */
  private async runSteps(count: number, rows: Int32Array): Promise<ManyResult> {
    const { state, options } = this;
    const first = state.optimizer.stepCount;
    const many = {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    };
    state.stepping = true;
    try {
      const result = await inMode(true, () => this.step.manyAsync(count, [rows], many));
      options.signal?.throwIfAborted();
      return result;
    } catch (error) {
      if (error instanceof NotFiniteError)
        throw this.explain(error, rows, rows.length / count, error.step - first);
      throw error;
    } finally {
      state.stepping = false;
    }
  }

  /** Names the epoch and, where the data are to blame, the sample. */
  private explain(error: NotFiniteError, rows: Int32Array, stepSize: number, at: number): NotFiniteError {
    const row = notFiniteRow(this.data, rows.subarray(at * stepSize, (at + 1) * stepSize));
    const place = `epoch ${this.state.epoch + 1}, training step ${error.step}`;
    const came =
      row < 0
        ? `loss ${error.loss}`
        : `loss ${error.loss}, from row ${row} of the training data, which is not finite`;
    const message = `${expected("a finite loss and gradient", place, came)} (everything from before this step is kept)`;
    return new NotFiniteError(message, error.step, error.loss, { cause: error });
  }
}
