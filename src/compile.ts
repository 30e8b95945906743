/** Functions of tensors as programs: traced once for each combination of shapes, run by one native call. */

import type { TypedArray } from "./dtype.js";
import {
  ArgumentError,
  BusyError,
  checkInteger,
  checkNumber,
  checkOptions,
  expected,
  NotFiniteError,
} from "./errors.js";
import type { Clip, Compiled, StepSlot } from "./graph/compiler.js";
import { settleReadersOf } from "./graph/evaluate.js";
import type { Program } from "./graph/program.js";
import { currentTrace } from "./graph/trace.js";
import { storedValue } from "./graph/value.js";
import { type Instance, isArgument, type Variant, Variants } from "./graph/variants.js";
import { failure } from "./native/addon.js";
import { keyWords, takeStream } from "./ops/random.js";
import { Optimizer } from "./optim/optimizer.js";
import { Tensor } from "./tensor.js";

function checkNotNested(): void {
  if (currentTrace() !== null)
    throw new ArgumentError(expected("no call of a compiled function", "a function being compiled", "one"));
}

function writeKeys(
  instance: Instance,
  slot: StepSlot | null,
  steps: number,
  seed: number,
  firstStep: number,
): void {
  if (slot === null) return;
  const words = instance.view(slot, steps);
  for (let i = 0; i < steps; i++) words.set(keyWords(seed, firstStep + i), 4 * i);
}

export interface CompiledFunction<A extends unknown[], R> {
  /** Runs the program now. Tensors and typed arrays are inputs; other arguments are constants of it. */
  (...args: A): R;
  /** Runs it on the engine's own thread. Inputs are copied or immutable. */
  async(...args: A): Promise<R>;
  /** The program for arguments like these, to print or to profile. */
  program(...args: A): Program;
}

export interface StepResult {
  /** Before the update. */
  readonly loss: number;
  /** 2-norm of all gradients before clipping by norm. */
  readonly gradNorm: number;
  /** What else the function returned: a number for a scalar, a typed array for anything larger. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

export interface ManyResult {
  /** Of every completed step. */
  readonly losses: Float32Array | Float64Array;
  readonly gradNorms: Float32Array | Float64Array;
  /** What else the function returned, of all steps one behind the other. */
  readonly outputs: Readonly<Record<string, TypedArray>>;
  /** Fewer than asked for only after `interrupt` or an AbortSignal. */
  readonly completed: number;
}

export interface ManyOptions {
  /** Stops between two steps. */
  readonly signal?: AbortSignal;
  /** Native threads to use in the background. */
  readonly threads?: number;
}

export interface CompiledStep<A extends unknown[]> {
  /** One training step, now. Throws NotFiniteError, and changes nothing, when loss or gradient is not finite. */
  (...args: A): StepResult;
  async(...args: A): Promise<StepResult>;
  /** `steps` steps in one native call: the first dimension of every input counts the steps. */
  many(steps: number, ...args: A): ManyResult;
  manyAsync(steps: number, args: A, options?: ManyOptions): Promise<ManyResult>;
  program(...args: A): Program;
  readonly optimizer: Optimizer;
}

export interface CompileOptions {
  readonly optimizer: Optimizer;
  readonly clip?: Clip;
  /** Of dropout and other random operations; default taken from `manualSeed`. */
  readonly seed?: number;
}

/**
 * Compiles a function of tensors. It is traced once for every combination of shapes, types, modules'
 * train/evaluate mode and non-tensor arguments; numbers and tensors it captures are constants of the
 * program (parameters and buffers are read anew in every run). Reading a value inside throws.
 *
 * With an optimizer the function returns the loss (or a record with the loss named `loss`), and the
 * result is a training step: forward, backward, clipping, check, update, in one native call.
 */
export function compile<A extends unknown[], R>(fn: (...args: A) => R): CompiledFunction<A, R>;
export function compile<A extends unknown[]>(
  fn: (...args: A) => unknown,
  options: CompileOptions,
): CompiledStep<A>;
export function compile(fn: (...args: never[]) => unknown, options?: CompileOptions): unknown {
  if (typeof fn !== "function") throw new ArgumentError(expected("a function", "compile", fn));
  return options === undefined ? compileFunction(fn) : compileStep(fn, options);
}

function compileFunction(fn: (...args: never[]) => unknown): CompiledFunction<unknown[], unknown> {
  const { seed, stream } = takeStream();
  const variants = new Variants(fn, null, stream + 1);
  let calls = 0;
  const prepare = (args: readonly unknown[]) => {
    checkNotNested();
    const variant = variants.find(args, null);
    const instance = variant.take();
    const inputs = args.filter(isArgument);
    variant.compiled.inputs.forEach((slot, i) => instance.feed(slot, inputs[i]!, 1));
    settleReadersOf(variant.compiled.writes);
    writeKeys(instance, variant.compiled.key, 1, seed, calls++);
    const results = variant.compiled.outputs.map((slot) => instance.release(slot));
    const finish = () => {
      const tensors = variant.compiled.outputs.map(
        ({ spec }, i) =>
          new Tensor(storedValue({ storage: results[i]!(), byteOffset: 0 }, spec.shape, spec.dtype)),
      );
      variant.idle.push(instance);
      return variant.compiled.rebuild(tensors);
    };
    return { instance, finish };
  };
  const call = (...args: unknown[]) => {
    const { instance, finish } = prepare(args);
    instance.program.run();
    return finish();
  };
  return Object.assign(call, {
    async: async (...args: unknown[]) => {
      const { instance, finish } = prepare(args);
      const done = await instance.program.tryRunAsync(1);
      if (done < 1) throw instance.program.failureError();
      return finish();
    },
    program: (...args: unknown[]) => prepare(args).instance.program,
  });
}

function checkClip(clip: Clip): void {
  checkOptions(clip, ["norm", "value"], "clip");
  if (clip.norm !== undefined) checkNumber(clip.norm, "clip.norm", { minExclusive: 0 });
  if (clip.value !== undefined) checkNumber(clip.value, "clip.value", { minExclusive: 0 });
}

function compileStep(fn: (...args: never[]) => unknown, options: CompileOptions): CompiledStep<unknown[]> {
  checkOptions(options, ["optimizer", "clip", "seed"], "compile");
  const { optimizer, clip } = options;
  // With a seed of its own a step depends on nothing else; without, on how many came before it.
  const { seed, stream } = options.seed === undefined ? takeStream() : { seed: options.seed, stream: -1 };
  if (!(optimizer instanceof Optimizer))
    throw new ArgumentError(expected("an optimizer", "compile", optimizer));
  if (clip !== undefined) checkClip(clip);
  checkInteger(seed, "seed", { min: 0, max: Number.MAX_SAFE_INTEGER });
  const runner = new StepRunner(new Variants(fn, { optimizer, clip }, stream + 1), optimizer, seed);
  const call = (...args: unknown[]): StepResult => runner.single(args);
  return Object.assign(call, {
    async: (...args: unknown[]) => runner.singleAsync(args),
    many: (steps: number, ...args: unknown[]) => runner.many(steps, args),
    manyAsync: (steps: number, args: unknown[], many: ManyOptions = {}) =>
      runner.manyAsync(steps, args, many),
    program: (...args: unknown[]) => runner.program(args),
    optimizer,
  });
}

class StepRunner {
  private readonly instances = new WeakMap<Variant, Instance>();
  private running = false;

  constructor(
    private readonly variants: Variants,
    private readonly optimizer: Optimizer,
    private readonly seed: number,
  ) {}

  private prepare(
    args: readonly unknown[],
    steps: number | null,
  ): { compiled: Compiled; instance: Instance } {
    checkNotNested();
    if (this.running)
      throw new BusyError(
        expected("one training run of a model at a time", "a training step", "a call while another one runs"),
      );
    const variant = this.variants.find(args, steps);
    let instance = this.instances.get(variant);
    if (instance === undefined) {
      instance = variant.take();
      this.instances.set(variant, instance);
    }
    const { compiled } = variant;
    const count = steps ?? 1;
    let next = 0;
    for (const argument of args)
      if (isArgument(argument)) instance.feed(compiled.inputs[next++]!, argument, count);
    writeKeys(instance, compiled.key, count, this.seed, this.optimizer.stepCount);
    this.optimizer.writeScalars(instance.view(compiled.scalars!, count) as Float32Array, count);
    for (const slot of compiled.outputs) instance.view(slot, count);
    instance.view(compiled.loss!, count);
    instance.view(compiled.gradNorm!, count);
    settleReadersOf(compiled.writes);
    return { compiled, instance };
  }

  /** Counts the completed steps; throws what stopped the others, unless it was an interruption. */
  private settle(compiled: Compiled, instance: Instance, done: number, steps: number): void {
    this.optimizer.stepCount += done;
    if (done === steps) return;
    const code = instance.program.native.status[0];
    if (code === failure.notFinite) throw this.notFinite(compiled, instance, done, steps);
    if (code === failure.indexOutOfRange) throw instance.program.failureError();
  }

  private notFinite(compiled: Compiled, instance: Instance, done: number, steps: number): NotFiniteError {
    const loss = instance.view(compiled.loss!, steps)[done]!;
    const norm = instance.view(compiled.gradNorm!, steps)[done]!;
    const step = this.optimizer.stepCount;
    return new NotFiniteError(
      expected(
        "a finite loss and gradient",
        `training step ${step}`,
        `loss ${loss}, gradient norm ${norm} (nothing of this step was applied)`,
      ),
      step,
      loss,
    );
  }

  private result(compiled: Compiled, instance: Instance): StepResult {
    return {
      loss: instance.view(compiled.loss!, 1)[0]!,
      gradNorm: instance.view(compiled.gradNorm!, 1)[0]!,
      outputs: outputsOf(compiled, (slot) =>
        slot.spec.shape.length === 0 ? instance.view(slot, 1)[0]! : instance.view(slot, 1).slice(),
      ),
    };
  }

  single(args: readonly unknown[]): StepResult {
    const { compiled, instance } = this.prepare(args, null);
    const done = instance.program.tryRun(1);
    this.settle(compiled, instance, done, 1);
    return this.result(compiled, instance);
  }

  async singleAsync(args: readonly unknown[]): Promise<StepResult> {
    const { compiled, instance } = this.prepare(args, null);
    await this.runAsync(compiled, instance, 1, {});
    return this.result(compiled, instance);
  }

  many(steps: number, args: readonly unknown[]): ManyResult {
    checkInteger(steps, "steps", { min: 1 });
    const { compiled, instance } = this.prepare(args, steps);
    const done = instance.program.tryRun(steps);
    this.settle(compiled, instance, done, steps);
    return manyResult(compiled, instance, done);
  }

  async manyAsync(steps: number, args: readonly unknown[], options: ManyOptions): Promise<ManyResult> {
    checkInteger(steps, "steps", { min: 1 });
    options.signal?.throwIfAborted();
    const { compiled, instance } = this.prepare(args, steps);
    const done = await this.runAsync(compiled, instance, steps, options);
    return manyResult(compiled, instance, done);
  }

  private async runAsync(
    compiled: Compiled,
    instance: Instance,
    steps: number,
    { signal, threads }: ManyOptions,
  ): Promise<number> {
    const interrupt = () => instance.program.native.interrupt();
    signal?.addEventListener("abort", interrupt);
    this.running = true;
    let done: number;
    try {
      done = await instance.program.tryRunAsync(steps, threads);
    } finally {
      this.running = false;
      signal?.removeEventListener("abort", interrupt);
    }
    this.settle(compiled, instance, done, steps);
    return done;
  }

  program(args: readonly unknown[]): Program {
    return this.prepare(args, null).instance.program;
  }
}

function manyResult(compiled: Compiled, instance: Instance, done: number): ManyResult {
  return {
    losses: instance.view(compiled.loss!, done).slice() as Float32Array,
    gradNorms: instance.view(compiled.gradNorm!, done).slice() as Float32Array,
    outputs: outputsOf(compiled, (slot) => instance.view(slot, done).slice()) as Record<string, TypedArray>,
    completed: done,
  };
}

/** The record a step's function returned beside its loss; empty when it returned the loss alone. */
function outputsOf(compiled: Compiled, read: (slot: StepSlot) => unknown): Readonly<Record<string, unknown>> {
  if (compiled.outputs.length === 0) return NO_OUTPUTS;
  return compiled.rebuild(compiled.outputs.map(read)) as Record<string, unknown>;
}

const NO_OUTPUTS: Readonly<Record<string, unknown>> = Object.freeze({});
