/** Samples and targets held in memory, and the ways to divide them. */

import {
  ArgumentError,
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOptions,
  DataError,
  describe,
  expected,
  OutOfRangeError,
} from "../errors.js";
import { Random } from "../random.js";
import { checkShape, sizeOf } from "../shape.js";
import { stratifiedOrder } from "./stratify.js";

export interface DatasetParts {
  /** Samples one after the other, each row-major. (N, ...shape) */
  features: Float32Array;
  /** Shape of one sample. */
  shape: readonly number[];
  /** Int32Array: one class label a sample; Float32Array: numbers or probabilities. (N, ...targetShape) */
  targets: Float32Array | Int32Array;
  /** Shape of one target; [] by default. */
  targetShape?: readonly number[];
  classNames?: readonly string[] | undefined;
  featureNames?: readonly string[] | undefined;
}

export interface SplitOptions {
  /** The same seed gives the same parts. */
  seed?: number;
  /** Keep the proportions of the classes in both parts. */
  stratify?: boolean;
}

/** What targets mean: labels of classes, or numbers. */
export type Task = "classification" | "regression";

/** Keeps orders apart from initial values drawn with the same seed. */
const ORDER_STREAM = 2 ** 51;

/**
 * N samples with their targets. The arrays are used as they are, not copied; nothing here writes
 * to them.
 */
export class Dataset {
  readonly features: Float32Array;
  readonly shape: readonly number[];
  readonly targets: Float32Array | Int32Array;
  readonly targetShape: readonly number[];
  readonly classNames: readonly string[] | undefined;
  readonly featureNames: readonly string[] | undefined;
  readonly length: number;

  constructor(parts: DatasetParts) {
    checkOptions(parts, partNames, "Dataset");
    this.shape = checkShape(parts.shape, "shape");
    this.targetShape = checkShape(parts.targetShape ?? [], "targetShape");
    this.features = parts.features;
    this.targets = parts.targets;
    this.length = countSamples(this);
    this.classNames = parts.classNames;
    this.featureNames = parts.featureNames;
    if (this.featureNames && this.featureNames.length !== sizeOf(this.shape)) {
      const what = `${sizeOf(this.shape)} names, one a feature,`;
      throw new ArgumentError(expected(what, "featureNames", this.featureNames));
    }
    if (this.targets instanceof Int32Array) checkLabels(this.targets, this.classNames?.length);
  }

  get task(): Task {
    return this.targets instanceof Int32Array ? "classification" : "regression";
  }

  /** Number of classes: of the names where there are names, else the largest label + 1; 0 in regression. */
  get classCount(): number {
    if (!(this.targets instanceof Int32Array)) return 0;
    if (this.classNames) return this.classNames.length;
    return this.targets.reduce((most, label) => Math.max(most, label + 1), 0);
  }

  /** The samples of these rows, in this order. A row may be taken more than once. */
  subset(indices: ArrayLike<number>): Dataset {
    return this.#take(indices, checkIndices(indices, this.length));
  }

  /** The samples of rows `start` up to but not including `end`, sharing memory with this one. */
  slice(start: number, end: number = this.length): Dataset {
    checkInteger(start, "start", { min: 0, max: this.length });
    checkInteger(end, "end", { min: start, max: this.length });
    const size = sizeOf(this.shape);
    const targetSize = sizeOf(this.targetShape);
    return new Dataset({
      ...this.#description(),
      features: this.features.subarray(start * size, end * size),
      targets: this.targets.subarray(start * targetSize, end * targetSize),
    });
  }

  /** The samples in random order. */
  shuffle(options: { seed?: number } = {}): Dataset {
    checkOptions(options, ["seed"], "shuffle");
    const order = new Random(options.seed ?? 0, ORDER_STREAM).permutation(this.length);
    return this.#take(order, this.length);
  }

  /** A random share `fraction` of the samples, and the rest. Both in random order. */
  split(fraction: number, options: SplitOptions = {}): [Dataset, Dataset] {
    const labels = this.targets instanceof Int32Array ? this.targets : undefined;
    const [first, second] = splitRows(this.length, fraction, options, labels);
    return [this.#take(first, first.length), this.#take(second, second.length)];
  }

  #take(indices: ArrayLike<number>, count: number): Dataset {
    const targetSize = sizeOf(this.targetShape);
    const targets: Float32Array | Int32Array =
      this.targets instanceof Int32Array
        ? new Int32Array(count * targetSize)
        : new Float32Array(count * targetSize);
    const features = new Float32Array(count * sizeOf(this.shape));
    copyRows(this.features, features, indices, sizeOf(this.shape));
    copyRows(this.targets, targets, indices, targetSize);
    return new Dataset({ ...this.#description(), features, targets });
  }

  #description() {
    const { shape, targetShape, classNames, featureNames } = this;
    return { shape, targetShape, classNames, featureNames };
  }
}

const partNames = ["features", "shape", "targets", "targetShape", "classNames", "featureNames"];

/** Rows of the two parts of a random split, each in random order. */
export function splitRows(
  length: number,
  fraction: number,
  options: SplitOptions,
  labels: Int32Array | undefined,
): [Int32Array, Int32Array] {
  checkNumber(fraction, "fraction", { min: 0, max: 1 });
  checkOptions(options, ["seed", "stratify"], "split");
  const random = new Random(options.seed ?? 0, ORDER_STREAM);
  const count = Math.round(length * fraction);
  if (checkBoolean(options.stratify ?? false, "stratify")) {
    if (!labels) throw new ArgumentError(expected("class labels", "a stratified split", "numbers"));
    return stratifiedOrder(labels, count, random);
  }
  const order = random.permutation(length);
  return [order.subarray(0, count), order.subarray(count)];
}

function countSamples({ features, shape, targets, targetShape }: Dataset): number {
  if (!(features instanceof Float32Array)) {
    throw new ArgumentError(expected("a Float32Array", "features", describe(features)));
  }
  if (!(targets instanceof Float32Array || targets instanceof Int32Array)) {
    throw new ArgumentError(expected("a Float32Array or Int32Array", "targets", describe(targets)));
  }
  if (targets instanceof Int32Array && sizeOf(targetShape) !== 1) {
    throw new ArgumentError(expected("one class label a sample", "targetShape", targetShape));
  }
  const count = targets.length / sizeOf(targetShape);
  if (!Number.isInteger(count)) {
    throw new DataError(expected(`a multiple of ${sizeOf(targetShape)} numbers`, "targets", targets));
  }
  if (features.length !== count * sizeOf(shape)) {
    const what = `${count} samples of ${sizeOf(shape)} numbers, as many as targets,`;
    throw new DataError(expected(what, "features", features));
  }
  return count;
}

function checkLabels(labels: Int32Array, classes = Number.POSITIVE_INFINITY): void {
  const row = labels.findIndex((label) => label < 0 || label >= classes);
  if (row < 0) return;
  const what = Number.isFinite(classes) ? `a class label in 0..${classes - 1}` : "a class label >= 0";
  throw new DataError(expected(what, `targets, row ${row}`, labels[row]), { row });
}

/** The number of indices, all of them rows. */
export function checkIndices(indices: ArrayLike<number>, length: number): number {
  if (typeof indices?.length !== "number" || typeof indices === "string") {
    throw new ArgumentError(expected("an array of row numbers", "indices", describe(indices)));
  }
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      throw new OutOfRangeError(expected(`rows in 0..${length - 1}`, `indices, entry ${i}`, describe(index)));
    }
  }
  return indices.length;
}

function copyRows<T extends Float32Array | Int32Array>(
  from: T,
  to: T,
  rows: ArrayLike<number>,
  size: number,
): void {
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * size;
    to.set(from.subarray(start, start + size), i * size);
  }
}
