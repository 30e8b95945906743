/** What a preprocessor learns of the target: the classes, or the scale of the numbers. */

import { DataError, expected } from "../errors.js";
import { sizeOf } from "../shape.js";
import { type AffineMap, readAffineMap } from "./affine.js";
import { Dataset } from "./dataset.js";
import { standardizing } from "./standardize.js";
import type { JsonReader } from "./step.js";
import { classesOf, classLabels, type Table } from "./table.js";

export interface FittedTarget {
  /** The classes in the order of their labels, in classification. */
  readonly classes?: readonly string[] | undefined;
  /** One map y = (t − offset)/scale for each number of a target, in regression. */
  readonly maps?: readonly AffineMap[] | undefined;
}

export function fitTarget(training: Table | Dataset, scale: boolean): FittedTarget | undefined {
  if (training instanceof Dataset) {
    if (training.task === "classification") return { classes: training.classNames };
    if (!scale) return {};
    const width = sizeOf(training.targetShape);
    const component = (i: number) => Float64Array.from(training.targets.filter((_, at) => at % width === i));
    return { maps: Array.from({ length: width }, (_, i) => standardizing(component(i))) };
  }
  if (training.target === undefined) return undefined;
  if (training.task === "classification") return { classes: classesOf(training.target) };
  return scale ? { maps: [standardizing(training.target.values as Float64Array)] } : {};
}

/** Labels (N) or scaled numbers (N, 1) of a table. */
export function tableTargets(table: Table, fitted: FittedTarget | undefined) {
  const target = table.requireTarget();
  if (fitted?.classes) {
    const targets = classLabels(target, fitted.classes);
    const row = targets.indexOf(-1);
    if (row >= 0) throw table.errorAt(target, row, "a class that was there in training");
    return { targets, targetShape: [], classNames: fitted.classes };
  }
  if (target.kind !== "numeric") {
    throw new DataError(expected("numbers, as in training,", `column ${target.name}`, "categories"));
  }
  return { targets: scaled(Float32Array.from(target.values), fitted), targetShape: [1] };
}

/** y = (t − offset)/scale */
export function scaled<T extends Float32Array | Int32Array>(targets: T, fitted: FittedTarget | undefined): T {
  const maps = fitted?.maps;
  if (!maps || targets instanceof Int32Array) return targets;
  return targets.map((t, i) => (t - maps[i % maps.length]!.offset) / maps[i % maps.length]!.scale) as T;
}

/** t = offset + scale·y */
export function unscaled(predictions: Float32Array, fitted: FittedTarget | undefined): Float32Array {
  const maps = fitted?.maps;
  if (!maps) return predictions;
  return predictions.map((y, i) => maps[i % maps.length]!.offset + maps[i % maps.length]!.scale * y);
}

export const targetToJSON = (target: FittedTarget | undefined) => target ?? null;

export function targetFromJSON(json: JsonReader): FittedTarget | undefined {
  if (json.value === null) return undefined;
  const classes = json.field("classes");
  const maps = json.field("maps");
  return {
    classes: classes.value === undefined ? undefined : classes.list().map((name) => name.text()),
    maps: maps.value === undefined ? undefined : maps.list().map(readAffineMap),
  };
}
