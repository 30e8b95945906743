/** Softmax cross-entropy on logits: the loss for one class out of several. */

import type { FloatDType } from "../dtype.js";
import { isFloat } from "../dtype.js";
import { checkNumber, checkOptions, expected, ShapeError } from "../errors.js";
import { crossEntropyRows } from "../ops/cross-entropy.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import {
  type ClassOptions,
  checkLabels,
  classesLast,
  classWeights,
  countsOf,
  ignoredLabel,
} from "./classes.js";
import { Loss, type Reduction, type ReductionOptions, reduceTerms, type Terms } from "./loss.js";

export interface CrossEntropySettings extends ClassOptions {
  /** s: the target becomes (1−s)·target + s/c. Default 0. */
  readonly labelSmoothing?: number;
}

export interface CrossEntropyOptions extends CrossEntropySettings, ReductionOptions {}

const settings = ["weight", "ignoreIndex", "labelSmoothing"] as const;

function crossEntropyTerms(logits: Tensor, target: Tensor, options: CrossEntropySettings): Terms {
  const x = classesLast(logits, "crossEntropy");
  const classes = x.shape[x.rank - 1]!;
  const smoothing = checkNumber(options.labelSmoothing ?? 0, "labelSmoothing", { min: 0, max: 1 });
  const weight = classWeights(options.weight, classes, x.dtype as FloatDType);
  if (isFloat(target.dtype)) return softTerms(x, classesLast(target, "crossEntropy"), weight, smoothing);
  const labels = checkLabels(x, target, "crossEntropy");
  const ignored = ignoredLabel(options);
  const losses = crossEntropyRows(x, labels, { weight, labelSmoothing: smoothing, ignoreIndex: ignored });
  return { losses, counts: countsOf(labels, weight, ignored, x.dtype as FloatDType) };
}

/** Targets that are distributions: −Σ_j w_j·t_j·log softmax(x)_j. Rows count 1 each, whatever the weights. */
function softTerms(x: Tensor, target: Tensor, weight: Tensor | undefined, smoothing: number): Terms {
  if (!sameShape(x.shape, target.shape)) {
    const what = "int32 labels, or probabilities of the shape of the logits,";
    throw new ShapeError(
      expected(what, "crossEntropy target", `${target.dtype}${formatShape(target.shape)}`),
    );
  }
  const classes = x.shape[x.rank - 1]!;
  const smooth = smoothing === 0 ? target : target.mul(1 - smoothing).add(smoothing / classes);
  const weighted = weight === undefined ? smooth : smooth.mul(weight);
  return { losses: weighted.mul(x.logSoftmax()).sum(-1).neg() };
}

/**
 * Cross-entropy of softmax(logits) against labels or probabilities; logits [n, classes], or
 * [n, classes, …] as in PyTorch.
 *
 * - int32 labels [n, …]: (1−s)·w_y·(−ln p_y) + s/c·Σ_j w_j·(−ln p_j), p = softmax(logits); the mean is
 *   over Σ w_y; rows whose label is `ignoreIndex` count nothing
 * - probabilities of the logits' shape: −Σ_j w_j·t_j·ln p_j; the mean is over rows
 *
 * The gradient by the logits is p − t (without weights): never small where the prediction is wrong,
 * unlike that of a squared error behind a softmax or sigmoid.
 *
 * @throws OutOfRangeError, when it runs, for a label outside 0..classes−1; DTypeError, ShapeError.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkOptions(options, [...settings, "reduction", "sampleWeight"], "crossEntropy");
  return reduceTerms(crossEntropyTerms(logits, target, options), options);
}

/** See `crossEntropy`. */
export class CrossEntropy extends Loss {
  readonly options: CrossEntropySettings;
  constructor(options: CrossEntropySettings & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(options, [...settings, "reduction"], "CrossEntropy"));
    this.options = options;
  }
  override terms(logits: Tensor, target: Tensor): Terms {
    return crossEntropyTerms(logits, target, this.options);
  }
}
