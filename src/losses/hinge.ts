/** Losses of maximal margin: hinge, squared hinge, and the multi-class hinge. */

import { checkInteger, checkNumber, checkOptions } from "../errors.js";
import { relu } from "../ops/activations.js";
import type { Tensor } from "../tensor.js";
import { checkLabels, classesLast } from "./classes.js";
import { alike, Loss, type Reduction, type ReductionOptions, reduceTerms, type Terms } from "./loss.js";

export interface HingeOptions {
  /** How far on the right side a prediction costs nothing. Default 1. */
  readonly margin?: number;
}

const options = ["margin", "reduction", "sampleWeight"] as const;

const checkMargin = ({ margin = 1 }: HingeOptions): number => checkNumber(margin, "margin", { min: 0 });

function hingeTerms(prediction: Tensor, target: Tensor, margin: number, squared: boolean): Terms {
  const [x, t] = alike(prediction, target, squared ? "squaredHinge" : "hinge");
  const losses = relu(t.mul(x).neg().add(margin));
  return { losses: squared ? losses.square() : losses };
}

/** max(0, margin − t·x) for scores x and targets t = ±1 of the same shape. @throws ShapeError. */
export function hinge(
  prediction: Tensor,
  target: Tensor,
  settings: HingeOptions & ReductionOptions = {},
): Tensor {
  checkOptions(settings, options, "hinge");
  return reduceTerms(hingeTerms(prediction, target, checkMargin(settings), false), settings);
}

/** See `hinge`. */
export class Hinge extends Loss {
  readonly margin: number;
  constructor(settings: HingeOptions & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(settings, ["margin", "reduction"], "Hinge"));
    this.margin = checkMargin(settings);
  }
  override terms(prediction: Tensor, target: Tensor): Terms {
    return hingeTerms(prediction, target, this.margin, false);
  }
}

/** max(0, margin − t·x)² for scores x and targets t = ±1 of the same shape. @throws ShapeError. */
export function squaredHinge(
  prediction: Tensor,
  target: Tensor,
  settings: HingeOptions & ReductionOptions = {},
): Tensor {
  checkOptions(settings, options, "squaredHinge");
  return reduceTerms(hingeTerms(prediction, target, checkMargin(settings), true), settings);
}

/** See `squaredHinge`. */
export class SquaredHinge extends Loss {
  readonly margin: number;
  constructor(settings: HingeOptions & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(settings, ["margin", "reduction"], "SquaredHinge"));
    this.margin = checkMargin(settings);
  }
  override terms(prediction: Tensor, target: Tensor): Terms {
    return hingeTerms(prediction, target, this.margin, true);
  }
}

export interface MultiMarginOptions extends HingeOptions {
  /** Power of each violation, 1 or 2. Default 1. */
  readonly p?: number;
}

function multiMarginTerms(scores: Tensor, target: Tensor, settings: MultiMarginOptions): Terms {
  const x = classesLast(scores, "multiMargin");
  const labels = checkLabels(x, target, "multiMargin");
  const margin = checkMargin(settings);
  const p = checkInteger(settings.p ?? 1, "p", { min: 1, max: 2 });
  const classes = x.shape[x.rank - 1]!;
  const violation = relu(x.sub(x.pick(labels).unsqueeze(-1)).add(margin));
  const sum = (p === 2 ? violation.square() : violation).sum(-1);
  // The label's own term is marginᵖ, without gradient; the sum is over the others.
  return { losses: sum.sub(margin ** p).div(classes) };
}

/**
 * 1/c·Σ_{j≠y} max(0, margin − x_y + x_j)ᵖ for scores x [n, c] and int32 labels y [n] (Crammer and
 * Singer, 2001, summed). @throws ShapeError, DTypeError; OutOfRangeError, when it runs, for wrong labels.
 */
export function multiMargin(
  scores: Tensor,
  target: Tensor,
  settings: MultiMarginOptions & ReductionOptions = {},
): Tensor {
  checkOptions(settings, ["p", ...options], "multiMargin");
  return reduceTerms(multiMarginTerms(scores, target, settings), settings);
}

/** See `multiMargin`. */
export class MultiMargin extends Loss {
  readonly options: MultiMarginOptions;
  constructor(settings: MultiMarginOptions & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(settings, ["p", "margin", "reduction"], "MultiMargin"));
    this.options = settings;
  }
  override terms(scores: Tensor, target: Tensor): Terms {
    return multiMarginTerms(scores, target, this.options);
  }
}
