/** What losses over classes share: labels, the class axis, class weights. */

import type { FloatDType, TypedArray } from "../dtype.js";
import { checkInteger, DTypeError, describe, expected, ShapeError } from "../errors.js";
import { formatShape, sameShape } from "../shape.js";
import { Tensor, tensor } from "../tensor.js";
import { checkPrediction } from "./loss.js";

/** One number a class. */
export type ClassWeights = Tensor | readonly number[] | TypedArray;

export interface ClassOptions {
  /** One weight a class; the mean is then Σ w·loss / Σ w. Default: all 1. */
  readonly weight?: ClassWeights;
  /** Samples with this label count nothing. `null`: there is no such label. Default −100. */
  readonly ignoreIndex?: number | null;
}

const IGNORE_INDEX = -100;

/** The label to ignore; a number no label equals when there is none. */
export function ignoredLabel({ ignoreIndex = IGNORE_INDEX }: ClassOptions): number {
  return ignoreIndex === null ? Number.POSITIVE_INFINITY : checkInteger(ignoreIndex, "ignoreIndex");
}

/** Classes lie along axis 1 ([n, c, …]), or along the only axis of one sample [c]. Here: moved to the end. */
export function classesLast(x: Tensor, loss: string): Tensor {
  checkPrediction(x, loss);
  if (x.rank === 0) throw new ShapeError(expected("shape [n, classes, …]", `${loss} prediction`, "a scalar"));
  if (x.rank <= 2) return x;
  return x.permute([0, ...x.shape.slice(2).map((_, i) => i + 2), 1]);
}

/** Integer labels of shape [n, …] for predictions [n, …, classes], as int32. */
export function checkLabels(prediction: Tensor, target: Tensor, loss: string): Tensor {
  if (target.dtype !== "int32" && target.dtype !== "uint8") {
    throw new DTypeError(expected("int32 labels", `${loss} target`, target.dtype));
  }
  const rows = prediction.shape.slice(0, -1);
  if (!sameShape(rows, target.shape)) {
    throw new ShapeError(
      expected(`labels of shape ${formatShape(rows)}`, `${loss} target`, formatShape(target.shape)),
    );
  }
  return target.cast("int32");
}

/** The class weights as a tensor [classes] of the prediction's type. */
export function classWeights(
  weight: ClassWeights | undefined,
  classes: number,
  dtype: FloatDType,
): Tensor | undefined {
  if (weight === undefined) return undefined;
  if (!(weight instanceof Tensor) && !Array.isArray(weight) && !ArrayBuffer.isView(weight)) {
    throw new DTypeError(expected("one number a class", "weight", describe(weight)));
  }
  const w = weight instanceof Tensor ? weight : tensor(weight as number[], { dtype });
  if (w.rank !== 1 || w.shape[0] !== classes) {
    throw new ShapeError(expected(`shape [${classes}]`, "weight", formatShape(w.shape)));
  }
  return w.cast(dtype);
}

/** What each labelled row counts: the weight of its class, 0 where the label is ignored. */
export function countsOf(
  labels: Tensor,
  weight: Tensor | undefined,
  ignored: number,
  dtype: FloatDType,
): Tensor | undefined {
  if (!Number.isFinite(ignored)) return weight?.gatherRows(labels);
  const valid = labels.notEqual(ignored);
  if (weight === undefined) return valid.cast(dtype);
  return valid.where(weight.gatherRows(withoutIgnored(labels, ignored)), 0);
}

/** The labels with 0 in place of the one that is ignored, so that they can be looked up. */
export function withoutIgnored(labels: Tensor, ignored: number): Tensor {
  return Number.isFinite(ignored) ? labels.equal(ignored).where(0, labels) : labels;
}
