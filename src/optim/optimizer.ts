/**
 * Optimizers describe one update of a range of flat parameters; compile.ts puts it at the end of a
 * training step. Their state (momenta, squared gradients) is flat too.
 */

import { bytesPerElement } from "../dtype.js";
import { ArgumentError, checkNumber, checkOptions, expected, ShapeError, StateError } from "../errors.js";
import type { Recorder } from "../graph/lower.js";
import type { OperandRef } from "../graph/operand.js";
import { Storage } from "../graph/storage.js";
import type { FlatParameters } from "../nn/flat.js";
import { Parameter } from "../nn/parameter.js";

/** A factor on the learning rate, by the number of steps done (0 before the first). See schedules.ts. */
export interface Schedule {
  factor(step: number): number;
}

/** Settings that may differ between groups of parameters. */
export interface GroupSettings {
  readonly learningRate: number;
  /** λ of the penalty ½λ‖w‖², added to the gradient as λw (AdamW: taken off the weights). Default 0. */
  readonly weightDecay: number;
}

export interface OptimizerOptions<S extends GroupSettings> {
  readonly learningRate?: number;
  readonly schedule?: Schedule;
  /** Parameters with settings of their own; all others have the optimizer's. */
  readonly groups?: readonly (Partial<S> & { readonly parameters: readonly Parameter[] })[];
}

/** What one update works on: `n` neighbouring parameters. */
export interface UpdateOperands {
  readonly g: OperandRef;
  /** [learning rate, step from 1, 1 − β₁ᵗ, 1 − β₂ᵗ] */
  readonly scalars: OperandRef;
  /** Factor on the gradient (clipping by norm). */
  readonly scale: OperandRef | undefined;
  readonly p: OperandRef;
  readonly state: Readonly<Record<string, OperandRef>>;
}

export const SCALARS = 4;

export abstract class Optimizer<S extends GroupSettings = GroupSettings> {
  /** Steps done. */
  stepCount = 0;
  schedule: Schedule | undefined;
  /** Settings of the default group (0) and of the others. */
  readonly settings: S[];
  private readonly members = new Map<Parameter, number>();
  private readonly stores = new Map<FlatParameters, Map<string, Storage>>();

  protected constructor(name: string, defaults: S, options: OptimizerOptions<S> & Partial<S>) {
    checkOptions(options, [...Object.keys(defaults), "schedule", "groups"], name);
    const { schedule, groups = [], ...own } = options;
    this.schedule = schedule;
    this.settings = [{ ...defaults, ...withoutUndefined(own) }];
    groups.forEach(({ parameters, ...settings }, i) => {
      checkOptions(settings, Object.keys(defaults), `${name} groups[${i}]`);
      this.settings.push({ ...this.settings[0]!, ...withoutUndefined(settings) });
      for (const parameter of parameters) this.addMember(parameter, i + 1);
    });
    for (const s of this.settings) {
      checkNumber(s.learningRate, "learningRate", { min: 0 });
      checkNumber(s.weightDecay, "weightDecay", { min: 0 });
      this.check(s);
    }
  }

  private addMember(parameter: Parameter, group: number): void {
    if (!(parameter instanceof Parameter))
      throw new ArgumentError(expected("parameters", `groups[${group - 1}].parameters`, parameter));
    if (this.members.has(parameter))
      throw new ArgumentError(
        expected("each parameter in one group", `groups[${group - 1}].parameters`, "one that is in two"),
      );
    this.members.set(parameter, group);
  }

  /** Throws when settings are out of range. */
  protected abstract check(settings: S): void;

  /** Names of the state arrays, and what they hold at first. */
  protected abstract stateOf(settings: S): Readonly<Record<string, number>>;

  /** @internal Emits the update. */
  abstract update(emit: Recorder, operands: UpdateOperands, settings: S): void;

  /** 1 − β₁ᵗ and 1 − β₂ᵗ where there are such. */
  protected corrections(_settings: S, _step: number): [number, number] {
    return [1, 1];
  }

  /** The learning rate of the default group, before the schedule. Setting it scales all groups alike. */
  get learningRate(): number {
    return this.settings[0]!.learningRate;
  }
  set learningRate(value: number) {
    checkNumber(value, "learningRate", { min: 0 });
    const before = this.learningRate;
    this.settings.forEach((s, i) => {
      const own = before === 0 || s.learningRate === before ? value : (s.learningRate * value) / before;
      this.settings[i] = { ...s, learningRate: own };
    });
  }

  /** The learning rate the next step uses. */
  get currentLearningRate(): number {
    return this.learningRate * (this.schedule?.factor(this.stepCount) ?? 1);
  }

  /** @internal Writes the scalars of `steps` steps from now on. */
  writeScalars(into: Float32Array | Float64Array, steps: number): void {
    let at = 0;
    for (let i = 0; i < steps; i++) {
      const done = this.stepCount + i;
      const factor = this.schedule === undefined ? 1 : this.schedule.factor(done);
      for (const settings of this.settings) {
        const [first, second] = this.corrections(settings, done + 1);
        into[at++] = settings.learningRate * factor;
        into[at++] = done + 1;
        into[at++] = first;
        into[at++] = second;
      }
    }
  }

  /** @internal */
  groupOf(parameter: Parameter): number {
    return this.members.get(parameter) ?? 0;
  }

  /** @internal State arrays for all of `store`; made when first asked for. */
  stateFor(store: FlatParameters, group: number): ReadonlyMap<string, Storage> {
    let arrays = this.stores.get(store);
    if (arrays === undefined) {
      arrays = new Map();
      this.stores.set(store, arrays);
    }
    for (const [name, initial] of Object.entries(this.stateOf(this.settings[group]!))) {
      if (arrays.has(name)) continue;
      const storage = new Storage(bytesPerElement(store.dtype) * store.length, true);
      if (initial !== 0) storage.array(store.dtype, 0, store.length).fill(initial);
      arrays.set(name, storage);
    }
    return arrays;
  }

  /** Step count and state arrays, one entry a parameter: `step`, `state.<name>.<parameter name>`. */
  stateDict(named: readonly (readonly [string, Parameter])[]): {
    step: number;
    tensors: Map<string, Float32Array | Float64Array>;
  } {
    const tensors = new Map<string, Float32Array | Float64Array>();
    this.eachState(named, (key, array) => tensors.set(key, array.slice()));
    return { step: this.stepCount, tensors };
  }

  /** Takes back what `stateDict` gave, for parameters of the same names and sizes. */
  loadStateDict(
    named: readonly (readonly [string, Parameter])[],
    state: { readonly step: number; readonly tensors: ReadonlyMap<string, ArrayLike<number>> },
  ): void {
    for (const [name, parameter] of named) {
      if (parameter.flat === null) continue;
      for (const key of Object.keys(this.stateOf(this.settings[this.groupOf(parameter)]!))) {
        this.stateFor(parameter.flat.store, this.groupOf(parameter));
        const found = state.tensors.get(`${key}.${name}`);
        if (found === undefined)
          throw new StateError(expected(`an entry ${key}.${name}`, "optimizer state", "none of this name"));
        if (found.length !== parameter.size)
          throw new ShapeError(expected(`${parameter.size} elements`, `${key}.${name}`, `${found.length}`));
      }
    }
    this.eachState(named, (key, array) => array.set(state.tensors.get(key)!));
    this.stepCount = state.step;
  }

  private eachState(
    named: readonly (readonly [string, Parameter])[],
    visit: (key: string, array: Float32Array | Float64Array) => void,
  ): void {
    for (const [name, parameter] of named) {
      if (parameter.flat === null) continue;
      const { store, offset } = parameter.flat;
      for (const [key, storage] of this.stores.get(store) ?? []) {
        const array = storage.array(store.dtype, offset * bytesPerElement(store.dtype), parameter.size);
        visit(`${key}.${name}`, array as Float32Array | Float64Array);
      }
    }
  }
}

function withoutUndefined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

export const flag = (value: boolean): number => (value ? 1 : 0);
