/** Negative log-likelihood: cross-entropy for a model that ends in log-softmax. */

import type { FloatDType } from "../dtype.js";
import { checkOptions } from "../errors.js";
import type { Tensor } from "../tensor.js";
import {
  type ClassOptions,
  checkLabels,
  classesLast,
  classWeights,
  countsOf,
  ignoredLabel,
  withoutIgnored,
} from "./classes.js";
import { Loss, type Reduction, type ReductionOptions, reduceTerms, type Terms } from "./loss.js";

function nllTerms(logProbabilities: Tensor, target: Tensor, options: ClassOptions): Terms {
  const x = classesLast(logProbabilities, "nll");
  const labels = checkLabels(x, target, "nll");
  const ignored = ignoredLabel(options);
  const dtype = x.dtype as FloatDType;
  const weight = classWeights(options.weight, x.shape[x.rank - 1]!, dtype);
  const counts = countsOf(labels, weight, ignored, dtype);
  const picked = x.pick(withoutIgnored(labels, ignored)).neg();
  if (counts === undefined) return { losses: picked };
  // An ignored row gives 0 also where its log-probability is −inf.
  return { losses: counts.equal(0).where(0, picked.mul(counts)), counts };
}

/**
 * −w_y·logProbabilities[y] for int32 labels; logProbabilities [n, classes] or [n, classes, …], labels
 * [n, …]. The mean is over Σ w_y; rows whose label is `ignoreIndex` count nothing.
 *
 * @throws OutOfRangeError, when it runs, for a label outside 0..classes−1; DTypeError, ShapeError.
 */
export function nll(
  logProbabilities: Tensor,
  target: Tensor,
  options: ClassOptions & ReductionOptions = {},
): Tensor {
  checkOptions(options, ["weight", "ignoreIndex", "reduction", "sampleWeight"], "nll");
  return reduceTerms(nllTerms(logProbabilities, target, options), options);
}

/** See `nll`. */
export class NLL extends Loss {
  readonly options: ClassOptions;
  constructor(options: ClassOptions & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(options, ["weight", "ignoreIndex", "reduction"], "NLL"));
    this.options = options;
  }
  override terms(logProbabilities: Tensor, target: Tensor): Terms {
    return nllTerms(logProbabilities, target, this.options);
  }
}
