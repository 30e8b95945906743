/** Datasets from arrays the caller holds. */

import {
  ArgumentError,
  checkOneOf,
  checkOptions,
  DataError,
  describe,
  expected,
  ShapeError,
} from "../errors.js";
import { checkShape, sizeOf } from "../shape.js";
import { Dataset, type Task } from "./dataset.js";

/** Numbers in nested arrays, all of one shape. */
export type Nested = readonly (number | boolean | Nested)[];
/** Numbers one after the other. */
export type FlatNumbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array;

export interface FromArraysOptions {
  /** Shape of one sample; needed for typed arrays. */
  shape?: readonly number[];
  /** Shape of one target, for typed arrays of numbers; [] by default. */
  targetShape?: readonly number[];
  /** What a flat array of targets holds; by default integers and a plain array are class labels. */
  task?: Task;
  classNames?: readonly string[];
  featureNames?: readonly string[];
}

const optionNames = ["shape", "targetShape", "task", "classNames", "featureNames"];

/**
 * A dataset of copies of `x` (N samples) and `y` (N targets).
 *
 * `x` is a typed array with the option `shape`, or nested arrays. `y` is one of: integers (a typed
 * array of them, or a plain array) as class labels; strings as class names; a Float32Array, a
 * Float64Array, nested arrays, or anything with `task: "regression"`, as numbers.
 */
export function fromArrays(
  x: FlatNumbers | Nested,
  y: FlatNumbers | Nested | readonly string[],
  options: FromArraysOptions = {},
): Dataset {
  checkOptions(options, optionNames, "fromArrays");
  if (options.task !== undefined) checkOneOf(options.task, ["classification", "regression"], "task");
  const features = readFeatures(x, options.shape);
  const targets = readTargets(y, options);
  return new Dataset({
    ...features,
    ...targets,
    classNames: options.classNames ?? targets.classNames,
    featureNames: options.featureNames,
  });
}

function readFeatures(x: FlatNumbers | Nested, shape: readonly number[] | undefined) {
  if (!isFlat(x)) {
    const nested = flatten(x, "x");
    if (shape !== undefined && sizeOf(checkShape(shape, "shape")) !== sizeOf(nested.shape)) {
      throw new ShapeError(
        expected(`samples of shape [${shape}]`, "x", `samples of shape [${nested.shape}]`),
      );
    }
    return { features: nested.values, shape: shape ?? nested.shape };
  }
  if (shape === undefined) {
    throw new ArgumentError(expected("the shape of one sample (option shape)", "x", describe(x)));
  }
  return { features: Float32Array.from(x), shape: checkShape(shape, "shape") };
}

interface Targets {
  targets: Float32Array | Int32Array;
  targetShape: readonly number[];
  classNames?: readonly string[];
}

function readTargets(y: FlatNumbers | Nested | readonly string[], options: FromArraysOptions): Targets {
  const task = options.task ?? taskOf(y);
  if (task === "classification") return readLabels(y, options.classNames);
  if (isFlat(y)) {
    return {
      targets: Float32Array.from(y),
      targetShape: checkShape(options.targetShape ?? [], "targetShape"),
    };
  }
  const { values, shape } = flatten(y as Nested, "y");
  return { targets: values, targetShape: options.targetShape ?? shape };
}

function taskOf(y: FlatNumbers | Nested | readonly string[]): Task {
  if (y instanceof Float32Array || y instanceof Float64Array) return "regression";
  if (isFlat(y)) return "classification";
  return Array.isArray(y) && Array.isArray(y[0]) ? "regression" : "classification";
}

function readLabels(y: FlatNumbers | Nested | readonly string[], names?: readonly string[]): Targets {
  if (!isFlat(y) && !Array.isArray(y)) throw new ArgumentError(expected("an array", "y", describe(y)));
  if (typeof y[0] === "string") return readNames(y as readonly unknown[], names);
  const targets = new Int32Array(y.length);
  for (let row = 0; row < y.length; row++) {
    const label = y[row];
    if (typeof label !== "number" || !Number.isInteger(label) || label < 0 || label > 0x7fffffff) {
      const hint = typeof label === "number" && label % 1 !== 0 ? ' (task: "regression" takes numbers)' : "";
      const what = "a class label, an integer >= 0,";
      throw new DataError(expected(what, `y, row ${row}`, describe(label)) + hint, { row });
    }
    targets[row] = label;
  }
  return { targets, targetShape: [] };
}

/** Labels by name: the position among the names given, or else among the sorted distinct ones. */
function readNames(y: readonly unknown[], names?: readonly string[]): Targets {
  const row = y.findIndex((name) => typeof name !== "string");
  if (row >= 0) throw new DataError(expected("a class name", `y, row ${row}`, describe(y[row])), { row });
  const classNames = names ?? [...new Set(y as readonly string[])].sort();
  const label = new Map(classNames.map((name, i) => [name, i]));
  const unknown = (y as readonly string[]).findIndex((name) => !label.has(name));
  if (unknown >= 0) {
    const what = "one of the class names";
    throw new DataError(expected(what, `y, row ${unknown}`, describe(y[unknown])), { row: unknown });
  }
  return {
    targets: Int32Array.from(y as readonly string[], (name) => label.get(name)!),
    targetShape: [],
    classNames,
  };
}

const isFlat = (value: unknown): value is FlatNumbers =>
  ArrayBuffer.isView(value) && !(value instanceof DataView) && !isBigInts(value);
const isBigInts = (value: unknown) => value instanceof BigInt64Array || value instanceof BigUint64Array;

/** The numbers of nested arrays in order, and the shape of one row; every row must have that shape. */
function flatten(nested: Nested, name: string): { values: Float32Array; shape: number[] } {
  if (!Array.isArray(nested)) {
    throw new ArgumentError(expected("a typed array or nested arrays of numbers", name, describe(nested)));
  }
  const shape: number[] = [];
  for (let first: unknown = nested[0]; Array.isArray(first); first = first[0]) shape.push(first.length);
  checkShape([nested.length, ...shape], name);
  const values = new Float32Array(nested.length * sizeOf(shape));
  let next = 0;
  const read = (item: unknown, depth: number, row: number): void => {
    const place = `${name}, row ${row}`;
    if (depth === shape.length) {
      if (typeof item !== "number" && typeof item !== "boolean") {
        throw new DataError(expected("a number", place, describe(item)), { row });
      }
      values[next++] = Number(item);
      return;
    }
    if (!Array.isArray(item) || item.length !== shape[depth]) {
      const what = `an array of ${shape[depth]}, as long as in row 0,`;
      throw new DataError(expected(what, place, describe(item)), { row });
    }
    for (const inner of item) read(inner, depth + 1, row);
  };
  nested.forEach((item, row) => {
    read(item, 0, row);
  });
  return { values, shape };
}
