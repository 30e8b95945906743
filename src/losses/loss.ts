/** What all losses share: how the losses of elements become one number. */

import { isFloat } from "../dtype.js";
import { checkOneOf, DTypeError, expected, ShapeError } from "../errors.js";
import { formatShape, sameShape, sizeOf } from "../shape.js";
import { Tensor } from "../tensor.js";

export type Reduction = "mean" | "sum" | "none";
const reductions: readonly Reduction[] = ["mean", "sum", "none"];

/** The losses of the elements before they are put together. */
export interface Terms {
  /** Weights of classes and elements multiplied in. [n, …] */
  readonly losses: Tensor;
  /** What each one counts in a mean, of the same shape; absent: 1. */
  readonly counts?: Tensor;
}

export interface ReductionOptions {
  /** Default "mean". */
  readonly reduction?: Reduction;
  /**
   * A weight for each sample, [n]: a sample of weight 2 counts as two samples of weight 1, so the mean
   * is Σw·loss/Σw.
   */
  readonly sampleWeight?: Tensor;
}

/** `weight` [n] against losses [n, …]. */
function besideSamples(weight: Tensor, losses: Tensor): Tensor {
  if (weight.rank !== 1 || losses.rank < 1 || weight.shape[0] !== losses.shape[0]) {
    throw new ShapeError(
      expected(`shape [${losses.shape[0] ?? 1}]`, "sampleWeight", formatShape(weight.shape)),
    );
  }
  return weight.cast(losses.dtype).reshape([weight.shape[0]!, ...losses.shape.slice(1).map(() => 1)]);
}

/** Σ losses and Σ counts, each a scalar: over several batches the mean is Σ sum / Σ count. */
export interface Total {
  readonly sum: Tensor;
  readonly count: Tensor | number;
}

export function totalOf({ losses, counts }: Terms, sampleWeight?: Tensor): Total {
  if (sampleWeight === undefined)
    return { sum: losses.sum(), count: counts === undefined ? losses.size : counts.sum() };
  const weight = besideSamples(sampleWeight, losses);
  return {
    sum: losses.mul(weight).sum(),
    count: (counts === undefined ? weight.expand(losses.shape) : counts.mul(weight)).sum(),
  };
}

/** none: losses; sum: Σ losses; mean: Σ losses / Σ counts. */
export function reduceTerms(terms: Terms, options: ReductionOptions = {}): Tensor {
  const { reduction = "mean", sampleWeight } = options;
  checkOneOf(reduction, reductions, "reduction");
  const { losses, counts } = terms;
  if (reduction === "none")
    return sampleWeight === undefined ? losses : losses.mul(besideSamples(sampleWeight, losses));
  if (reduction === "mean" && counts === undefined && sampleWeight === undefined) return losses.mean();
  const { sum, count } = totalOf(terms, sampleWeight);
  return reduction === "sum" ? sum : sum.div(count);
}

/** A loss with its settings. `new losses.X(options).forward(p, t)` is `losses.x(p, t, options)`. */
export abstract class Loss {
  readonly reduction: Reduction;

  constructor(options: { readonly reduction?: Reduction } = {}) {
    this.reduction = checkOneOf(options.reduction ?? "mean", reductions, "reduction");
  }

  /** The losses of the elements, and what each counts. */
  abstract terms(prediction: Tensor, target: Tensor): Terms;

  /** The loss, by `reduction`. */
  forward(prediction: Tensor, target: Tensor, sampleWeight?: Tensor): Tensor {
    return reduceTerms(this.terms(prediction, target), { reduction: this.reduction, sampleWeight });
  }

  /** One number a sample, [n]: the mean of its elements' losses (without `counts`). */
  rows(prediction: Tensor, target: Tensor): Tensor {
    const { losses } = this.terms(prediction, target);
    if (losses.rank <= 1) return losses;
    return losses.reshape([losses.shape[0]!, sizeOf(losses.shape.slice(1))]).mean(1);
  }

  /** For means over several batches: Σ sum / Σ count. */
  total(prediction: Tensor, target: Tensor, sampleWeight?: Tensor): Total {
    return totalOf(this.terms(prediction, target), sampleWeight);
  }
}

export function checkPrediction(prediction: Tensor, loss: string): void {
  if (!(prediction instanceof Tensor))
    throw new DTypeError(expected("a tensor", `${loss} prediction`, prediction));
  if (!isFloat(prediction.dtype))
    throw new DTypeError(expected("a float tensor", `${loss} prediction`, prediction.dtype));
}

/**
 * Prediction and target of one shape, the target as the prediction's type where it was whole numbers
 * or truth values. Nothing is broadcast: [n] against [n, 1] would silently compare all pairs.
 */
export function alike(prediction: Tensor, target: Tensor, loss: string): [Tensor, Tensor] {
  checkPrediction(prediction, loss);
  if (!sameShape(prediction.shape, target.shape)) {
    throw new ShapeError(
      expected(`a target of shape ${formatShape(prediction.shape)}`, loss, formatShape(target.shape)),
    );
  }
  return [prediction, isFloat(target.dtype) ? target : target.cast(prediction.dtype)];
}
