/** Kullback-Leibler divergence between distributions. */

import { checkBoolean, checkOneOf, checkOptions } from "../errors.js";
import { sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { alike, Loss, type Reduction, type ReductionOptions, reduceTerms, type Terms } from "./loss.js";

export interface KLDivergenceSettings {
  /** Whether the target is given as logarithms. Default false. */
  readonly logTarget?: boolean;
}

/**
 * "mean" is over all elements, as in PyTorch; "batchMean" divides the sum by the number of samples,
 * which is what the mathematical definition asks for.
 */
export type KLReduction = Reduction | "batchMean";
export type KLDivergenceOptions = KLDivergenceSettings &
  Omit<ReductionOptions, "reduction"> & { readonly reduction?: KLReduction };

const kinds: readonly KLReduction[] = ["mean", "sum", "none", "batchMean"];

function klTerms(logPrediction: Tensor, target: Tensor, { logTarget = false }: KLDivergenceSettings): Terms {
  const [x, t] = alike(logPrediction, target, "klDivergence");
  if (checkBoolean(logTarget, "logTarget")) return { losses: t.exp().mul(t.sub(x)) };
  // t·ln t is 0 at 0, and so that its gradient is a number there, the logarithm is not taken of 0.
  const logarithm = t.equal(0).where(1, t).log();
  return { losses: t.mul(logarithm).sub(t.mul(x)) };
}

/** The losses of each sample added up: their mean is "batchMean". */
const bySample = ({ losses }: Terms): Terms =>
  losses.rank <= 1
    ? { losses }
    : { losses: losses.reshape([losses.shape[0]!, sizeOf(losses.shape.slice(1))]).sum(1) };

function reduceKL(terms: Terms, options: KLDivergenceOptions): Tensor {
  const { reduction = "mean", sampleWeight } = options;
  checkOneOf(reduction, kinds, "reduction");
  return reduction === "batchMean"
    ? reduceTerms(bySample(terms), { reduction: "mean", sampleWeight })
    : reduceTerms(terms, { reduction, sampleWeight });
}

/**
 * t·(ln t − x) for log-probabilities x and probabilities t (or their logarithms, with `logTarget`),
 * 0 where t is 0.
 *
 * @throws ShapeError unless the shapes are the same.
 */
export function klDivergence(
  logPrediction: Tensor,
  target: Tensor,
  options: KLDivergenceOptions = {},
): Tensor {
  checkOptions(options, ["logTarget", "reduction", "sampleWeight"], "klDivergence");
  return reduceKL(klTerms(logPrediction, target, options), options);
}

/** See `klDivergence`. */
export class KLDivergence extends Loss {
  readonly options: KLDivergenceSettings & { readonly reduction?: KLReduction };
  constructor(options: KLDivergenceSettings & { readonly reduction?: KLReduction } = {}) {
    checkOptions(options, ["logTarget", "reduction"], "KLDivergence");
    const { reduction = "mean" } = options;
    checkOneOf(reduction, kinds, "reduction");
    super({ reduction: reduction === "batchMean" ? "mean" : reduction });
    this.options = options;
  }
  override terms(logPrediction: Tensor, target: Tensor): Terms {
    const terms = klTerms(logPrediction, target, this.options);
    return this.options.reduction === "batchMean" ? bySample(terms) : terms;
  }
}
