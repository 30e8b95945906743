/** Tensors that live as long as a model: parameters, which are learned, and buffers, which are not. */

import { bytesPerElement, type DType, type FloatDType, isFloat, type TypedArray } from "../dtype.js";
import { BusyError, DTypeError, expected, ShapeError } from "../errors.js";
import { settleReaders } from "../graph/evaluate.js";
import { modelChanged } from "../graph/model-version.js";
import { Storage, type StorageSlice } from "../graph/storage.js";
import { currentTrace } from "../graph/trace.js";
import { storedValue, type Value } from "../graph/value.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";
import type { FlatParameters } from "./flat.js";

/** A tensor in memory that may change. */
export abstract class StoredTensor extends Tensor {
  protected constructor(data: ArrayLike<number>, shape: Shape, dtype: DType, requiresGrad: boolean) {
    const checked = checkShape(shape, "shape");
    if (data.length !== sizeOf(checked)) {
      throw new ShapeError(
        expected(`${sizeOf(checked)} elements for shape ${formatShape(checked)}`, "data", `${data.length}`),
      );
    }
    const storage = Storage.of(dtype, data.length, true);
    storage.array(dtype, 0, data.length).set(data);
    super(storedValue({ storage, byteOffset: 0 }, checked, dtype, requiresGrad));
  }

  /** @internal */
  get place(): StorageSlice {
    return this.value.slice!;
  }

  /**
   * The elements themselves, not a copy: writing to the array changes the tensor. Take it anew where
   * it is used: when training begins, parameters move together into one buffer, and older views
   * become empty (length 0).
   */
  get values(): TypedArray {
    if (currentTrace() === null) settleReaders(this.place.storage);
    return this.place.storage.array(this.dtype, this.place.byteOffset, this.size);
  }

  /**
   * Overwrites all elements.
   *
   * @throws ShapeError for another number of elements, BusyError while a training step writes them.
   */
  assign(data: ArrayLike<number>): void {
    if (data.length !== this.size) {
      throw new ShapeError(
        expected(`${this.size} elements for shape ${formatShape(this.shape)}`, "assign", `${data.length}`),
      );
    }
    this.checkIdle("assign");
    this.values.set(data);
  }

  /** @internal Refuses a change from here while a run on another thread changes it. */
  checkIdle(call: string): void {
    if (this.place.storage.native.beingWritten) {
      throw new BusyError(
        expected("a tensor that no training step is writing", call, "one of a training in progress"),
      );
    }
  }

  /** @internal Moves the elements to `slice`; views of the old place become empty. */
  moveTo(slice: StorageSlice): void {
    const old = this.place.storage;
    slice.storage.array(this.dtype, slice.byteOffset, this.size).set(this.values);
    this.value.slice = slice;
    modelChanged();
    old.detach();
  }

  /** @internal Changes the element type; the elements are converted. */
  convert(dtype: FloatDType): void {
    if (!isFloat(this.dtype) || dtype === this.dtype) return;
    const storage = new Storage(bytesPerElement(dtype) * this.size, true);
    storage.array(dtype, 0, this.size).set(this.values);
    this.value = storedValue({ storage, byteOffset: 0 }, this.shape, dtype, this.requiresGrad);
  }
}

const owners = new WeakMap<Value, Parameter>();

/** The parameter a leaf of the graph is, if it is one. */
export const parameterOf = (value: Value): Parameter | undefined => owners.get(value);

export interface ParameterOptions {
  readonly dtype?: FloatDType;
  /** Default true; false freezes it. */
  readonly requiresGrad?: boolean;
}

/** A learned tensor. Assigned to a property of a module, it becomes part of the model. */
export class Parameter extends StoredTensor {
  /** @internal Where it lies among the parameters trained together. */
  flat: { readonly store: FlatParameters; readonly offset: number } | null = null;

  constructor(data: ArrayLike<number>, shape: Shape, options: ParameterOptions = {}) {
    const dtype = options.dtype ?? "float32";
    if (!isFloat(dtype)) throw new DTypeError(expected("a float type", "parameter dtype", dtype));
    super(data, shape, dtype, options.requiresGrad ?? true);
    owners.set(this.value, this);
  }

  /** Whether it is learned. A frozen parameter keeps its values and its place. */
  override get requiresGrad(): boolean {
    return this.value.requiresGrad;
  }
  override set requiresGrad(requiresGrad: boolean) {
    this.value.requiresGrad = requiresGrad;
    modelChanged();
  }

  /**
   * The gradient that the last training step computed (after clipping by value, before the scaling of
   * clipping by norm), not a copy; `null` before the first step.
   */
  get grad(): TypedArray | null {
    return this.flat === null ? null : this.flat.store.gradientOf(this);
  }

  /** @internal */
  override convert(dtype: FloatDType): void {
    super.convert(dtype);
    this.flat = null;
    modelChanged();
    owners.set(this.value, this);
  }
}

/** State of a module that is saved with it but not learned, such as running statistics. */
export class Buffer extends StoredTensor {
  constructor(data: ArrayLike<number>, shape: Shape, dtype: DType = "float32") {
    super(data, shape, dtype, false);
  }
}

/**
 * Writes `value` to `target` when the step succeeds (in a compiled training step), or now (elsewhere).
 */
export function assignState(target: StoredTensor, value: Tensor): void {
  const trace = currentTrace();
  if (trace !== null)
    trace.assignments.push({ target: target.place, targetValue: target.value, value: value.value });
  else target.assign(value.dataSync());
}
