/** Data sets on their way into native memory, and the checks that need the model's outputs to be known. */

import { Dataset } from "../data/dataset.js";
import type { DType, FloatDType } from "../dtype.js";
import {
  ArgumentError,
  checkNumber,
  checkOneOf,
  DataError,
  describe,
  expected,
  ShapeError,
} from "../errors.js";
import { formatShape, sizeOf } from "../shape.js";
import { type Tensor, tensor } from "../tensor.js";
import type { Samples } from "./objective.js";

/** One weight a class, or "balanced": N/(k·n_c) for class c of k that n_c of N samples have. */
export type ClassWeights = readonly number[] | "balanced";

export function checkDataset(data: unknown, argument: string): Dataset {
  if (!(data instanceof Dataset)) throw new ArgumentError(expected("a Dataset", argument, describe(data)));
  if (data.length === 0) throw new DataError(expected("at least one sample", argument, "none"));
  return data;
}

/** Rows `start` to `end` of the features as a tensor (a copy in native memory). */
export function featureTensor(data: Dataset, dtype: DType, start = 0, end = data.length): Tensor {
  const size = sizeOf(data.shape);
  return tensor(data.features.subarray(start * size, end * size), {
    shape: [end - start, ...data.shape],
    dtype,
  });
}

export function targetTensor(data: Dataset, dtype: DType): Tensor {
  const type = data.targets instanceof Int32Array ? "int32" : dtype;
  return tensor(data.targets, { shape: [data.length, ...data.targetShape], dtype: type });
}

/** The whole data set in native memory. */
export function residentSamples(data: Dataset, dtype: FloatDType, weights: Float64Array | null): Samples {
  return {
    x: featureTensor(data, dtype),
    y: targetTensor(data, dtype),
    weight: weights === null ? null : tensor(weights, { dtype }),
  };
}

/** One number for each class; classes that no sample has count 0. */
export function classWeightValues(weights: ClassWeights, data: Dataset): readonly number[] {
  if (!(data.targets instanceof Int32Array)) {
    throw new ArgumentError(
      expected("class labels as targets, for class weights,", "training data", "numbers"),
    );
  }
  if (weights !== "balanced") {
    if (weights.length < data.classCount) {
      throw new ArgumentError(
        expected(`${data.classCount} weights, one a class,`, "classWeights", `${weights.length}`),
      );
    }
    return weights;
  }
  const counts = new Array<number>(data.classCount).fill(0);
  for (const label of data.targets) counts[label]!++;
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : data.length / (present * count)));
}

export function checkClassWeights(weights: ClassWeights): void {
  if (typeof weights === "string") checkOneOf(weights, ["balanced"], "classWeights");
  else if (!Array.isArray(weights))
    throw new ArgumentError(expected('"balanced" or one weight a class', "classWeights", describe(weights)));
  else weights.forEach((weight, i) => checkNumber(weight, `classWeights[${i}]`, { min: 0 }));
}

/** The product of each sample's own weight and that of its class; null when there are neither. */
export function combinedWeights(
  data: Dataset,
  classWeights: readonly number[] | null,
  sampleWeights: ArrayLike<number> | undefined,
): Float64Array | null {
  if (classWeights === null && sampleWeights === undefined) return null;
  if (sampleWeights !== undefined && sampleWeights.length !== data.length) {
    throw new ShapeError(
      expected(`${data.length} weights, one a sample,`, "sampleWeights", `${sampleWeights.length}`),
    );
  }
  return Float64Array.from({ length: data.length }, (_, row) => {
    const own =
      sampleWeights === undefined ? 1 : checkNumber(sampleWeights[row], `sampleWeights[${row}]`, { min: 0 });
    return classWeights === null ? own : own * (classWeights[data.targets[row]!] ?? 0);
  });
}

/** Refuses targets that do not fit what the model gives for one sample. */
export function checkTargets(data: Dataset, outputShape: readonly number[], argument: string): void {
  const outputs = sizeOf(outputShape);
  if (!(data.targets instanceof Int32Array)) {
    if (sizeOf(data.targetShape) === outputs) return;
    const what = `targets of shape ${formatShape(outputShape)}, as the model's outputs,`;
    throw new ShapeError(expected(what, argument, formatShape(data.targetShape)));
  }
  const classes = Math.max(outputs, 2);
  const row = data.targets.findIndex((label) => label >= classes);
  if (row < 0) return;
  const what = `a label in 0..${classes - 1}, as the model has ${outputs} output${outputs === 1 ? "" : "s"},`;
  throw new DataError(expected(what, `${argument}, row ${row}`, data.targets[row]), { row });
}

/** The first of `rows` whose features or target are not finite, or −1. */
export function notFiniteRow(data: Dataset, rows: Int32Array): number {
  const parts: [ArrayLike<number>, number][] = [
    [data.features, sizeOf(data.shape)],
    [data.targets, sizeOf(data.targetShape)],
  ];
  const bad = rows.find((row) =>
    parts.some(([values, size]) => {
      for (let i = row * size; i < (row + 1) * size; i++) if (!Number.isFinite(values[i])) return true;
      return false;
    }),
  );
  return bad ?? -1;
}
