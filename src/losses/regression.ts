/** Losses on differences between numbers: MSE, L1, Huber, smooth L1. d = prediction − target. */

import { checkNumber, checkOptions } from "../errors.js";
import { squaredDifference } from "../ops/arithmetic.js";
import type { Tensor } from "../tensor.js";
import { alike, Loss, type Reduction, type ReductionOptions, reduceTerms, type Terms } from "./loss.js";

const reductionOnly = ["reduction", "sampleWeight"] as const;

function mseTerms(prediction: Tensor, target: Tensor): Terms {
  return { losses: squaredDifference(...alike(prediction, target, "mse")) };
}

/** d². The mean is what it aims at; outliers weigh much. @throws ShapeError unless the shapes are the same. */
export function mse(prediction: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  checkOptions(options, reductionOnly, "mse");
  return reduceTerms(mseTerms(prediction, target), options);
}

/** See `mse`. */
export class MSE extends Loss {
  constructor(options: { readonly reduction?: Reduction } = {}) {
    super(checkOptions(options, ["reduction"], "MSE"));
  }
  override terms(prediction: Tensor, target: Tensor): Terms {
    return mseTerms(prediction, target);
  }
}

function l1Terms(prediction: Tensor, target: Tensor): Terms {
  const [p, t] = alike(prediction, target, "l1");
  return { losses: p.sub(t).abs() };
}

/** |d|; gradient sign(d), 0 at 0. The median is what it aims at. @throws ShapeError unless the shapes are the same. */
export function l1(prediction: Tensor, target: Tensor, options: ReductionOptions = {}): Tensor {
  checkOptions(options, reductionOnly, "l1");
  return reduceTerms(l1Terms(prediction, target), options);
}

/** See `l1`. */
export class L1 extends Loss {
  constructor(options: { readonly reduction?: Reduction } = {}) {
    super(checkOptions(options, ["reduction"], "L1"));
  }
  override terms(prediction: Tensor, target: Tensor): Terms {
    return l1Terms(prediction, target);
  }
}

/** With m = min(|d|, δ): m·(|d| − m/2), which is d²/2 up to δ and δ(|d| − δ/2) beyond. */
function huberTerms(prediction: Tensor, target: Tensor, delta: number, name: string): Terms {
  const [p, t] = alike(prediction, target, name);
  const distance = p.sub(t).abs();
  const m = distance.minimum(delta);
  return { losses: m.mul(distance.sub(m.mul(0.5))) };
}

export interface HuberOptions {
  /** Where the parabola ends and the lines begin. Default 1. */
  readonly delta?: number;
}

const checkDelta = ({ delta = 1 }: HuberOptions): number => checkNumber(delta, "delta", { minExclusive: 0 });

/** d²/2 for |d| ≤ δ, else δ(|d| − δ/2) (Huber, 1964): outliers pull with force δ at most. */
export function huber(
  prediction: Tensor,
  target: Tensor,
  options: HuberOptions & ReductionOptions = {},
): Tensor {
  checkOptions(options, ["delta", ...reductionOnly], "huber");
  return reduceTerms(huberTerms(prediction, target, checkDelta(options), "huber"), options);
}

/** See `huber`. */
export class Huber extends Loss {
  readonly delta: number;
  constructor(options: HuberOptions & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(options, ["delta", "reduction"], "Huber"));
    this.delta = checkDelta(options);
  }
  override terms(prediction: Tensor, target: Tensor): Terms {
    return huberTerms(prediction, target, this.delta, "huber");
  }
}

function smoothL1Terms(prediction: Tensor, target: Tensor, beta: number): Terms {
  if (beta === 0) return l1Terms(prediction, target);
  return { losses: huberTerms(prediction, target, beta, "smoothL1").losses.div(beta) };
}

export interface SmoothL1Options {
  /** Where the parabola ends and the lines of slope ±1 begin; 0 is `l1`. Default 1. */
  readonly beta?: number;
}

const checkBeta = ({ beta = 1 }: SmoothL1Options): number => checkNumber(beta, "beta", { min: 0 });

/** d²/(2β) for |d| < β, else |d| − β/2: the Huber loss divided by β. */
export function smoothL1(
  prediction: Tensor,
  target: Tensor,
  options: SmoothL1Options & ReductionOptions = {},
): Tensor {
  checkOptions(options, ["beta", ...reductionOnly], "smoothL1");
  return reduceTerms(smoothL1Terms(prediction, target, checkBeta(options)), options);
}

/** See `smoothL1`. */
export class SmoothL1 extends Loss {
  readonly beta: number;
  constructor(options: SmoothL1Options & { readonly reduction?: Reduction } = {}) {
    super(checkOptions(options, ["beta", "reduction"], "SmoothL1"));
    this.beta = checkBeta(options);
  }
  override terms(prediction: Tensor, target: Tensor): Terms {
    return smoothL1Terms(prediction, target, this.beta);
  }
}
