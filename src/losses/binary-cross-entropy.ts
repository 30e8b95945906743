/** Cross-entropy of independent yes/no answers, on logits or on probabilities. */

import type { FloatDType, TypedArray } from "../dtype.js";
import { checkOptions, DTypeError, describe, expected, ShapeError } from "../errors.js";
import { softplus } from "../ops/activations.js";
import { customGradient } from "../ops/custom.js";
import { broadcastShapes, formatShape, sameShape } from "../shape.js";
import { Tensor, tensor } from "../tensor.js";
import { alike, Loss, type Reduction, type ReductionOptions, reduceTerms, type Terms } from "./loss.js";

/** Numbers that broadcast to the prediction. */
export type ElementWeights = Tensor | number | readonly number[] | TypedArray;

export interface BinaryOptions {
  /** A factor on each element's loss; the mean still counts every element once. Default 1. */
  readonly weight?: ElementWeights;
}

export interface BinaryLogitOptions extends BinaryOptions {
  /** A factor on the part of the positive answers: above 1 for more recall, below 1 for more precision. */
  readonly posWeight?: ElementWeights;
}

function weightsFor(x: Tensor, weight: ElementWeights, argument: string): Tensor {
  const known =
    weight instanceof Tensor ||
    typeof weight === "number" ||
    Array.isArray(weight) ||
    ArrayBuffer.isView(weight);
  if (!known)
    throw new DTypeError(expected("numbers that broadcast to the prediction", argument, describe(weight)));
  const w =
    weight instanceof Tensor
      ? weight.cast(x.dtype)
      : tensor(weight as number[], { dtype: x.dtype as FloatDType });
  if (!sameShape(broadcastShapes(x.shape, w.shape, argument), x.shape)) {
    throw new ShapeError(
      expected(`a shape that broadcasts to ${formatShape(x.shape)}`, argument, formatShape(w.shape)),
    );
  }
  return w;
}

function weighted(losses: Tensor, { weight }: BinaryOptions): Terms {
  return { losses: weight === undefined ? losses : losses.mul(weightsFor(losses, weight, "weight")) };
}

function logitTerms(logits: Tensor, target: Tensor, options: BinaryLogitOptions): Terms {
  const [x, t] = alike(logits, target, "binaryCrossEntropyWithLogits");
  if (options.posWeight === undefined) return weighted(softplus(x).sub(x.mul(t)), options);
  const positive = weightsFor(x, options.posWeight, "posWeight");
  // −t·q·ln σ(x) − (1−t)·ln(1−σ(x)), with −ln(1−σ(x)) = x + softplus(−x)
  const factor = positive.sub(1).mul(t).add(1);
  return weighted(
    t
      .neg()
      .add(1)
      .mul(x)
      .add(factor.mul(softplus(x.neg()))),
    options,
  );
}

/**
 * −t·ln σ(x) − (1−t)·ln(1−σ(x)) on logits x, computed as max(x, 0) − x·t + ln(1+e^−|x|), which never
 * overflows. Targets in [0, 1] of the shape of the logits. Gradient by x: σ(x) − t.
 *
 * With `posWeight` q the first term is multiplied by q.
 *
 * @throws ShapeError, DTypeError.
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  target: Tensor,
  options: BinaryLogitOptions & ReductionOptions = {},
): Tensor {
  checkOptions(options, ["weight", "posWeight", "reduction", "sampleWeight"], "binaryCrossEntropyWithLogits");
  return reduceTerms(logitTerms(logits, target, options), options);
}

/** See `binaryCrossEntropyWithLogits`. */
export class BinaryCrossEntropyWithLogits extends Loss {
  readonly options: BinaryLogitOptions;
  constructor(options: BinaryLogitOptions & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(options, ["weight", "posWeight", "reduction"], "BinaryCrossEntropyWithLogits"));
    this.options = options;
  }
  override terms(logits: Tensor, target: Tensor): Terms {
    return logitTerms(logits, target, this.options);
  }
}

/** Logarithms are kept at −100 or above, as PyTorch does, so that p = 0 and p = 1 give finite losses. */
const LEAST_LOGARITHM = -100;
const LEAST_VARIANCE = 1e-12;

/** The gradient by p is (p − t)/max(p(1−p), 10⁻¹²): finite where that of the formula is not. */
const onProbabilities = customGradient(
  (p, t) => {
    const [yes, no] = [p!.log().maximum(LEAST_LOGARITHM), p!.neg().log1p().maximum(LEAST_LOGARITHM)];
    return t!.mul(yes).add(t!.neg().add(1).mul(no)).neg();
  },
  ([p, t], _y, dy) => {
    const variance = p!.mul(p!.neg().add(1)).maximum(LEAST_VARIANCE);
    const logOdds = p!.log().maximum(LEAST_LOGARITHM).sub(p!.neg().log1p().maximum(LEAST_LOGARITHM));
    return [dy.mul(p!.sub(t!).div(variance)), dy.mul(logOdds.neg())];
  },
);

function probabilityTerms(probabilities: Tensor, target: Tensor, options: BinaryOptions): Terms {
  const [p, t] = alike(probabilities, target, "binaryCrossEntropy");
  return weighted(onProbabilities(p, t), options);
}

/**
 * −t·ln p − (1−t)·ln(1−p) on probabilities p, logarithms held at −100 or above. Prefer
 * `binaryCrossEntropyWithLogits`: behind a sigmoid that saturates, p has lost what the logit says.
 * A p outside [0, 1] gives NaN.
 *
 * @throws ShapeError, DTypeError.
 */
export function binaryCrossEntropy(
  probabilities: Tensor,
  target: Tensor,
  options: BinaryOptions & ReductionOptions = {},
): Tensor {
  checkOptions(options, ["weight", "reduction", "sampleWeight"], "binaryCrossEntropy");
  return reduceTerms(probabilityTerms(probabilities, target, options), options);
}

/** See `binaryCrossEntropy`. */
export class BinaryCrossEntropy extends Loss {
  readonly options: BinaryOptions;
  constructor(options: BinaryOptions & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(options, ["weight", "reduction"], "BinaryCrossEntropy"));
    this.options = options;
  }
  override terms(probabilities: Tensor, target: Tensor): Terms {
    return probabilityTerms(probabilities, target, this.options);
  }
}
