/** Models are trees of modules; parameters, buffers and children are found by looking at properties. */

import type { DType, FloatDType, TypedArray } from "../dtype.js";
import { expected, ShapeError, StateError } from "../errors.js";
import { modelChanged } from "../graph/model-version.js";
import { currentTrace } from "../graph/trace.js";
import { formatShape, type Shape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { forcedMode } from "./mode.js";
import { Buffer, Parameter, StoredTensor } from "./parameter.js";
import { type LoadOptions, loadModel, type SaveOptions, saveModel } from "./save.js";

/** A tensor of a state dictionary, apart from any model. */
export interface StateEntry {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TypedArray;
}

/** PyTorch's names are in snake_case. */
const stateKey = (property: string): string => property.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

export abstract class Module {
  #mode = true;
  #frozen = false;

  /** What the module computes. */
  abstract forward(...inputs: never[]): unknown;

  /** True in training, false in evaluation and while frozen. */
  get training(): boolean {
    const mode = !this.#frozen && (forcedMode() ?? this.#mode);
    currentTrace()?.modes.set(this, mode);
    return mode;
  }

  /** Sets this module and all below it to training (or, with false, to evaluation). */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.#mode = mode;
    modelChanged();
    return this;
  }

  evaluate(): this {
    return this.train(false);
  }

  /**
   * Makes this module and all below it ready for serving: evaluation mode, and parameters and buffers that
   * nothing can change, so that compiled functions may keep the weights in the layout that is fastest (a
   * second copy; predicting for more than eight rows gains). `train()`, `loadStateDict`, `assign` and
   * `to` have no effect or are refused, training leaves the parameters alone, until `thaw()`. The results
   * are those of evaluation mode up to the order in which sums are made.
   *
   * @throws BusyError while a training step of this model runs.
   */
  freeze(): this {
    const tensors = [...this.parameters(), ...this.buffers()].filter((t) => !t.isFrozen);
    for (const t of tensors) t.checkWritable("freeze");
    for (const t of tensors) t.freeze();
    return this.setFrozen(true);
  }

  /** Takes back `freeze()`: modes, and which parameters are learned, are as before. */
  thaw(): this {
    for (const t of [...this.parameters(), ...this.buffers()]) t.thaw();
    return this.setFrozen(false);
  }

  private setFrozen(frozen: boolean): this {
    for (const [, module] of this.namedModules()) module.#frozen = frozen;
    modelChanged();
    return this;
  }

  /** Properties that are modules, or lists of modules, with their names in state dictionaries. */
  namedChildren(): [string, Module][] {
    const children: [string, Module][] = [];
    for (const [name, property] of Object.entries(this)) {
      if (property instanceof Module) children.push([stateKey(name), property]);
      else if (Array.isArray(property)) {
        property.forEach((item, i) => {
          if (item instanceof Module) children.push([`${stateKey(name)}.${i}`, item]);
        });
      }
    }
    return children;
  }

  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /** This module and all below it, each once, with the path to it. */
  namedModules(prefix = "", seen = new Set<Module>()): [string, Module][] {
    if (seen.has(this)) return [];
    seen.add(this);
    const below = this.namedChildren().flatMap(([name, child]) =>
      child.namedModules(join(prefix, name), seen),
    );
    return [[prefix, this], ...below];
  }

  private namedTensors<T extends StoredTensor>(kind: new (...args: never[]) => T): [string, T][] {
    const seen = new Set<T>();
    const found: [string, T][] = [];
    for (const [path, module] of this.namedModules()) {
      for (const [name, property] of Object.entries(module)) {
        if (!(property instanceof kind) || seen.has(property)) continue;
        seen.add(property);
        found.push([join(path, stateKey(name)), property]);
      }
    }
    return found;
  }

  /** Learned tensors by path; a tied one once, under its first name. */
  namedParameters(): [string, Parameter][] {
    return this.namedTensors(Parameter);
  }
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }
  namedBuffers(): [string, Buffer][] {
    return this.namedTensors(Buffer);
  }
  buffers(): Buffer[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** Freezes (false) or releases all parameters below this module. */
  setRequiresGrad(requiresGrad: boolean): this {
    for (const parameter of this.parameters()) parameter.requiresGrad = requiresGrad;
    return this;
  }

  /**
   * Converts parameters and float buffers; float64 is slow and meant for checks.
   *
   * @throws BusyError while a training step of this model runs, StateError when it is frozen.
   */
  to(dtype: FloatDType): this {
    const tensors = [...this.parameters(), ...this.buffers()];
    for (const t of tensors) t.checkWritable("to");
    for (const t of tensors) t.convert(dtype);
    return this;
  }

  /** Copies of all parameters and buffers, by PyTorch's keys (tied ones under each of their names). */
  stateDict(): Map<string, StateEntry> {
    const dict = new Map<string, StateEntry>();
    for (const [key, t] of this.stateTensors())
      dict.set(key, { dtype: t.dtype, shape: t.shape, data: t.values.slice() });
    return dict;
  }

  /** @internal */
  stateTensors(): [string, StoredTensor][] {
    return this.namedModules("", new Set()).flatMap(([path, module]) =>
      Object.entries(module)
        .filter((entry): entry is [string, StoredTensor] => entry[1] instanceof StoredTensor)
        .map(([name, t]): [string, StoredTensor] => [join(path, stateKey(name)), t]),
    );
  }

  /**
   * Overwrites parameters and buffers. Nothing is changed if anything does not fit.
   *
   * @param options.strict Whether missing and unknown keys are errors. Default true.
   * @throws StateError naming the keys that are missing or unknown; ShapeError naming key and shapes;
   * BusyError while a training step of this model runs; StateError when it is frozen.
   */
  loadStateDict(
    dict: ReadonlyMap<string, { shape: Shape; data: ArrayLike<number> }>,
    options: { strict?: boolean } = {},
  ): void {
    const own = new Map(this.stateTensors());
    if (options.strict !== false) {
      const missing = [...own.keys()].filter((key) => !dict.has(key));
      const unknown = [...dict.keys()].filter((key) => !own.has(key));
      if (missing.length > 0)
        throw new StateError(
          expected(`entries ${missing.join(", ")}`, "loadStateDict", "none of these names"),
        );
      if (unknown.length > 0)
        throw new StateError(expected("only entries of this model", "loadStateDict", unknown.join(", ")));
    }
    for (const [key, t] of own) {
      const entry = dict.get(key);
      if (entry !== undefined && !sameShape(entry.shape, t.shape)) {
        throw new ShapeError(expected(`shape ${formatShape(t.shape)}`, key, formatShape(entry.shape)));
      }
      if (entry !== undefined) t.checkWritable("loadStateDict");
    }
    for (const [key, t] of own) {
      const entry = dict.get(key);
      if (entry !== undefined)
        t.assign(entry.data instanceof BigInt64Array ? Array.from(entry.data, Number) : entry.data);
    }
  }

  /** Writes all parameters and buffers to a safetensors file, by PyTorch's keys; as of one moment between two steps. */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    await saveModel(this, path, options);
  }

  /** Overwrites all parameters and buffers with those of a safetensors file, whose metadata it gives. See `loadStateDict`. */
  async load(path: string, options: LoadOptions = {}): Promise<Record<string, string>> {
    return loadModel(this, path, options);
  }

  /** The tree of modules, one a line. */
  toString(): string {
    const lines = this.namedChildren().map(([name, child]) =>
      `(${name}): ${child.toString()}`.replace(/\n/g, "\n  "),
    );
    const head = `${this.constructor.name}(${this.describe()})`;
    return lines.length === 0 ? head : `${head} {\n  ${lines.join("\n  ")}\n}`;
  }

  /** The settings shown by `toString`. */
  protected describe(): string {
    return "";
  }
}

const join = (prefix: string, name: string): string => (prefix === "" ? name : `${prefix}.${name}`);

/** A module of one tensor to one tensor, as Sequential chains them. */
export abstract class Layer extends Module {
  abstract override forward(x: Tensor): Tensor;
}
