/** Tensors that live as long as a model: parameters, which are learned, and buffers, which are not. */

import { bytesPerElement, type DType, type FloatDType, isFloat, type TypedArray } from "../dtype.js";
import { BusyError, DTypeError, expected, ShapeError, StateError } from "../errors.js";
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
   * become empty (length 0). Of a frozen model it is a copy.
   */
  get values(): TypedArray {
    const { storage, byteOffset } = this.place;
    if (currentTrace() === null) settleReaders(storage);
    const elements = storage.array(this.dtype, byteOffset, this.size);
    return storage.frozen ? elements.slice() : elements;
  }

  /**
   * Overwrites all elements.
   *
   * @throws ShapeError for another number of elements, BusyError while a training step writes them,
   * StateError when the model is frozen.
   */
  assign(data: ArrayLike<number>): void {
    if (data.length !== this.size) {
      throw new ShapeError(
        expected(`${this.size} elements for shape ${formatShape(this.shape)}`, "assign", `${data.length}`),
      );
    }
    this.checkWritable("assign");
    this.values.set(data);
  }

  /** @internal Refuses a change of what is frozen, and from here while a run on another thread changes it. */
  checkWritable(call: string): void {
    if (this.isFrozen)
      throw new StateError(expected("a model that is not frozen (thaw() it)", call, "a frozen one"));
    if (this.place.storage.native.beingWritten) {
      throw new BusyError(
        expected("a tensor that no training step is writing", call, "one of a training in progress"),
      );
    }
  }

  /** Where it lay before it was frozen, and whether it was learned. */
  private beforeFreezing: { readonly place: StorageSlice; readonly requiresGrad: boolean } | null = null;

  get isFrozen(): boolean {
    return this.beforeFreezing !== null;
  }

  /** @internal Moves the elements to memory that nobody writes to. See `Module.freeze`. */
  freeze(): void {
    if (this.isFrozen) return;
    this.checkWritable("freeze");
    const storage = Storage.of(this.dtype, this.size, true);
    storage.array(this.dtype, 0, this.size).set(this.values);
    storage.frozen = true;
    this.beforeFreezing = { place: this.place, requiresGrad: this.value.requiresGrad };
    this.value.slice = { storage, byteOffset: 0 };
    this.value.requiresGrad = false;
    modelChanged();
  }

  /** @internal Back to where it was, with the elements it had. */
  thaw(): void {
    if (this.beforeFreezing === null) return;
    const elements = this.values;
    this.value.slice = this.beforeFreezing.place;
    this.value.requiresGrad = this.beforeFreezing.requiresGrad;
    this.beforeFreezing = null;
    this.values.set(elements);
    modelChanged();
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
    if (requiresGrad) this.checkWritable("requiresGrad");
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
